package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/oauth"
)

func (a *app) tokenIntrospectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "introspect FILE|-",
		Short: "Ask the server what a token is, and why it is inactive if it is",
		Long: `Ask the server what a token is, JWT or opaque, and why it is inactive if it is.
Exit code 8 says that it is inactive.`,
		Example: `  pbpaste | mintage token introspect - --tenant prod
  mintage token introspect token.txt --tenant prod -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := a.readToken(args[0])
			if err != nil {
				return err
			}
			return a.tokenIntrospect(cmd.Context(), token)
		},
	}
	a.tokenServerFlags(cmd)
	return cmd
}

func (a *app) tokenIntrospect(ctx context.Context, token string) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	info, err := api.IntrospectToken(ctx, tenant, token)
	if err != nil {
		return err
	}
	if err := a.print(result{doc: info, rows: infoRows(info, time.Now())}); err != nil {
		return err
	}
	if !info.Active {
		return silent(exitNo)
	}
	return nil
}

// boundTo says what a token is bound to; empty: nothing.
func boundTo(cnf oauth.Confirmation) string {
	var to []string
	for name, value := range map[string]string{"jkt": cnf.Key, "x5t#S256": cnf.Certificate} {
		if value != "" {
			to = append(to, name+" "+value)
		}
	}
	slices.Sort(to)
	return strings.Join(to, ", ")
}

func infoRows(info *adminclient.TokenInfo, now time.Time) [][]string {
	if !info.Active {
		rows := [][]string{{"active", "no"}}
		if info.Reason != "" {
			rows = append(rows, []string{"reason", info.Reason})
		}
		if r, ok := explain.Lookup(info.Reason); ok {
			rows = append(rows, []string{"why", r.Cause})
		}
		return rows
	}
	rows := [][]string{{"active", "yes"}}
	date := func(seconds int64) string {
		if seconds == 0 {
			return ""
		}
		t := time.Unix(seconds, 0)
		return when(t) + ", " + relative(t.Sub(now))
	}
	for _, row := range [][]string{
		{"format", info.Format},
		{"iss", info.Issuer},
		{"sub", info.Subject},
		{"client_id", info.ClientID},
		{"aud", strings.Join(info.Audience, " ")},
		{"scope", info.Scope.String()},
		{"cnf", boundTo(info.Confirmation)},
		{"exp", date(info.Expires)},
		{"iat", date(info.IssuedAt)},
		{"jti", info.ID},
	} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// revokeFlags are the flags of token revoke.
type revokeFlags struct {
	client, jti, key string
	before           string
	all              bool
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	var f revokeFlags
	cmd := &cobra.Command{
		Use:   "revoke [FILE|-]",
		Short: "End a token, or all tokens of a client or a key, before their time",
		Long: `End a token by itself or by its jti, all tokens of a client, those that it got
before an instant, or all tokens that a key signed and no longer signs. APIs that
introspect see it at once, those that follow the revocation feed within a second;
one that only checks JWTs takes a token until it expires.

A key that is in use is ended with: mintage key kill`,
		Example: `  mintage token revoke token.txt --tenant prod
  mintage token revoke --jti 019a6c1e-8b1f-7c3a-9d51-0c3f2a7be001 --tenant prod
  mintage token revoke --client "Nightly export" --all --yes
  mintage token revoke --client "Nightly export" --before 2026-11-21T09:30:00Z --yes
  mintage token revoke --key 5JpXk0uR --yes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.tokenRevoke(cmd.Context(), args, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.client, "client", "", "client whose tokens end, with --all or --before")
	fl.BoolVar(&f.all, "all", false, "all tokens of --client that were issued until now")
	fl.StringVar(&f.before, "before", "", "the tokens of --client that were issued until this instant: RFC 3339, a date, or a duration ago such as 2h")
	fl.StringVar(&f.jti, "jti", "", "identifier of the token")
	fl.StringVar(&f.key, "key", "", "kid of the key whose tokens end")
	a.tokenServerFlags(cmd)
	a.writeFlags(cmd)
	return cmd
}

// tokenRevoke ends what exactly one of an argument, --jti, --key and --client
// names.
func (a *app) tokenRevoke(ctx context.Context, args []string, f revokeFlags) error {
	named := len(args)
	for _, s := range []string{f.client, f.jti, f.key} {
		if s != "" {
			named++
		}
	}
	switch {
	case named != 1:
		return usage("name one thing to revoke", "a FILE or -, or --jti ID, or --key KID, or --client CLIENT --all")
	case (f.client != "") != (f.all || f.before != ""):
		return usage("--client and --all or --before belong together: they end tokens of a client", "--client CLIENT --all")
	case f.all && f.before != "":
		return usage("--all and --before say two things", "one of them")
	case f.client != "":
		return a.revokeClient(ctx, f)
	case f.key != "":
		return a.revokeKey(ctx, f.key)
	}
	revocation, what := adminclient.TokenRevocation{ID: f.jti}, "the token "+f.jti
	if len(args) == 1 {
		token, err := a.readToken(args[0])
		if err != nil {
			return err
		}
		revocation, what = adminclient.TokenRevocation{Token: token}, "the token"
	}
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	return a.revoke(ctx, api, tenant, revocation, what)
}

func (a *app) revokeClient(ctx context.Context, f revokeFlags) error {
	r := adminclient.TokenRevocation{}
	which := "all tokens of "
	if f.before != "" {
		at, err := instant(f.before, time.Now())
		if err != nil {
			return usage(fmt.Sprintf("--before %q is no instant: %v", f.before, err), "2026-11-21T09:30:00Z, 2026-11-21 or 2h")
		}
		r.Before, which = &at, "the tokens issued until "+at.Format(time.RFC3339)+" of "
	}
	api, c, err := a.findClient(ctx, f.client)
	if err != nil {
		return err
	}
	if err := a.confirmed(danger{does: "This ends " + which + c.Name + ".", name: c.Name}); err != nil {
		return err
	}
	r.ClientID = c.ClientID
	return a.revoke(ctx, api, c.Tenant, r, which+c.ClientID)
}

// instant reads a point in time: RFC 3339, a date, whose beginning in UTC is
// meant, or a duration before now.
func instant(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	ago, err := duration(s)
	if err != nil {
		return time.Time{}, errors.New("write a time of RFC 3339, a date or a duration")
	}
	return now.Add(-ago).UTC().Truncate(time.Second), nil
}

// instants reads --since and --until, each the zero time where it is left out.
func instants(since, until string, now time.Time) (from, to time.Time, err error) {
	for _, m := range []struct {
		flag, text string
		at         *time.Time
	}{{"since", since, &from}, {"until", until, &to}} {
		if m.text == "" {
			continue
		}
		if *m.at, err = instant(m.text, now); err != nil {
			return from, to, usage(fmt.Sprintf("--%s %q is no instant", m.flag, m.text), "2026-11-21, 2026-11-21T09:30:00Z or 2h")
		}
	}
	return from, to, nil
}

func (a *app) revokeKey(ctx context.Context, kid string) error {
	api, tenant, err := a.tenantAPI(ctx)
	if err != nil {
		return err
	}
	if err := a.confirmed(danger{does: "This ends all tokens that the key " + kid + " signed.", name: kid}); err != nil {
		return err
	}
	return a.revoke(ctx, api, tenant, adminclient.TokenRevocation{KeyID: kid}, "all tokens of the key "+kid)
}

func (a *app) revoke(ctx context.Context, api *adminclient.Client, tenant string, r adminclient.TokenRevocation, what string) error {
	if a.flags.dryRun {
		fmt.Fprintf(a.stderr, "would revoke %s\n", what)
		return nil
	}
	if err := api.RevokeToken(ctx, tenant, r); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "revoked %s\n", what)
	return nil
}
