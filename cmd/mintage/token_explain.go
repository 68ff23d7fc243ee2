package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
)

func (a *app) tokenExplainCommand() *cobra.Command {
	var client, asOf string
	var q adminclient.TokenRequest
	cmd := &cobra.Command{
		Use:   "explain --client CLIENT",
		Short: "Say what a client would be issued, and which rule decides each part",
		Long: `Say what a token request would get, and which rule decides each part of it: the
same decision as the token endpoint's, without a token. With --as-of the secrets
and keys are those of that instant; settings are today's. Exit code 8 says that
nothing would be issued.`,
		Example: `  mintage token explain --client "Nightly export" --scope orders/read
  mintage token explain --client printer --dialect cognito --as-of 2027-01-31 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if client == "" {
				return usage("no client is named", "--client NAME")
			}
			if asOf != "" {
				at, err := instantAny(asOf)
				if err != nil {
					return usage(fmt.Sprintf("--as-of %q is no instant", asOf), "2027-01-31 or 2027-01-31T09:30:00Z")
				}
				q.AsOf = &at
			}
			return a.tokenExplain(cmd.Context(), client, q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&client, "client", "", "the client, by its id or its name")
	f.StringVar(&q.Scope, "scope", "", "scope asked for, as in a request")
	f.StringArrayVar(&q.Resource, "resource", nil, "resource asked for; may be repeated")
	f.StringArrayVar(&q.Audience, "audience", nil, "audience asked for; may be repeated")
	f.StringVar(&q.Dialect, "dialect", "", "dialect (default: rfc where the tenant has it)")
	f.StringVar(&asOf, "as-of", "", "the instant that it is asked for: a day, or an instant (RFC 3339)")
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
	return cmd
}

// instantAny reads an instant, which may be to come.
func instantAny(s string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	return time.Parse(time.DateOnly, s)
}

func (a *app) tokenExplain(ctx context.Context, client string, q adminclient.TokenRequest) error {
	api, c, err := a.findClient(ctx, client)
	if err != nil {
		return err
	}
	q.ClientID = c.ClientID
	x, err := api.ExplainToken(ctx, c.Tenant, q)
	if err != nil {
		return err
	}
	if err := a.print(result{doc: x, rows: explainedRows(x)}); err != nil {
		return err
	}
	if !x.Issued {
		return silent(exitNo)
	}
	return nil
}

// explainedRows are what people read: a part, what it is, what decides it.
func explainedRows(x *adminclient.TokenExplanation) [][]string {
	issued := "yes"
	if !x.Issued {
		issued = "no"
	}
	rows := [][]string{{"issued", issued, "at " + when(x.AsOf) + ", dialect " + x.Dialect}}
	for _, p := range x.Problems {
		rows = append(rows, []string{"refused", p.Error + " " + p.Reason, strings.TrimSpace(p.Why + " " + p.Fix)})
	}
	for _, s := range x.Scope {
		by := "the grant for " + s.ResourceServer + " lists it"
		if s.All {
			by = "the grant for " + s.ResourceServer + " is *"
		}
		rows = append(rows, []string{"scope", s.Scope, by + scopeRule(x.ScopeRule)})
	}
	for _, s := range x.Dropped {
		rows = append(rows, []string{"dropped", s, "the client downscopes, and has no grant with it"})
	}
	for _, aud := range x.Audience {
		rows = append(rows, []string{"aud", aud, audienceRule(x.AudienceRule)})
	}
	for _, d := range []struct {
		name string
		text *adminclient.DecidedText
	}{{"format", x.Format}, {"alg", x.Alg}, {"claims", x.Claims}} {
		if d.text != nil {
			rows = append(rows, []string{d.name, d.text.Value, decidedBy(d.text.Decision)})
		}
	}
	if x.Lifetime != nil {
		rows = append(rows, []string{"lifetime", strconv.FormatInt(x.Lifetime.Value, 10) + " s", decidedBy(x.Lifetime.Decision)})
	}
	if x.DPoPBound {
		rows = append(rows, []string{"cnf", "the client's DPoP key", "the client or the API takes no bearer token: the request needs a proof"})
	}
	if x.Key != nil {
		rows = append(rows, []string{"key", x.Key.KID, "the active key for " + x.Key.Alg})
	}
	for _, s := range x.Secrets {
		until := "never ends"
		if s.ExpiresAt != nil {
			until = "ends " + when(*s.ExpiresAt)
		}
		rows = append(rows, []string{"secret", strings.TrimSpace(s.Name + " " + s.Hint), s.State + ", " + until})
	}
	for _, network := range x.AllowFrom {
		rows = append(rows, []string{"allow_from", network, "the request has to come from there"})
	}
	return rows
}

func scopeRule(rule string) string {
	switch rule {
	case "star":
		return "; * asks for all"
	case "dialect":
		return "; the dialect grants all where no scope is asked for"
	case "default_scope":
		return "; it is in the client's default_scope"
	}
	return ""
}

func audienceRule(rule string) string {
	if rule == "named" {
		return "the request names it"
	}
	return "the scopes belong to it"
}

// decidedBy says which layer decides a setting.
func decidedBy(d adminclient.Decision) string {
	switch d.Layer {
	case "client":
		return "the client's own setting"
	case "resource_server":
		return "the setting of " + d.ResourceServer
	case "dialect":
		return "what the dialect states"
	case "tenant":
		return "the tenant's setting"
	}
	return "built in"
}
