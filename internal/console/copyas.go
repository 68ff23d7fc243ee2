package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
	"github.com/mintage-auth/mintage/oauth"
)

// copyAs is a change in other words: the command, the call of the admin API,
// and the declared state, each empty where there is none. A test runs each of
// them and holds that it does what the form does.
type copyAs struct {
	CLI, Curl, YAML string
}

// command is a line of the mintage command.
func command(words ...string) string {
	var out strings.Builder
	out.WriteString("mintage")
	for _, w := range words {
		out.WriteString(" " + envValue(w))
	}
	return out.String() + "\n"
}

// call is a request to the admin API by curl. Body is nil for none.
func (c *console) call(ctx context.Context, method, path string, body any) string {
	out := "curl -H \"Authorization: Bearer $MINTAGE_TOKEN\""
	if method != http.MethodPost || body == nil {
		out += " -X " + method
	}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return ""
		}
		media := "application/json"
		if method == http.MethodPatch {
			media = "application/merge-patch+json"
		}
		out += " \\\n  -H 'Content-Type: " + media + "' \\\n  -d " + shellQuote(string(b))
	}
	return out + " \\\n  " + shellQuote(c.adminURL(ctx)+"/admin/v1"+path) + "\n"
}

// adminURL is where the admin API is: the issuer of the built-in tenant.
func (c *console) adminURL(ctx context.Context) string {
	t, err := c.manager.Tenant(ctx, mintage.BuiltInTenant)
	if err != nil {
		return "ADMIN_URL"
	}
	return t.Issuer
}

// settingsOf returns a client as the admin API takes it.
func settingsOf(c *mintage.Client) adminclient.ClientSettings {
	d := adminclient.ClientSettings{
		Name: c.Name, Organization: c.Organization, Dialects: c.Dialects, MultiAudience: c.MultiAudience, Downscope: c.Downscope,
		DPoPBound: c.DPoPBoundAccessTokens, Labels: c.Labels, Limits: adminclient.Limits(c.Limits),
		AuthMethods: c.AuthMethods, JWKS: json.RawMessage(c.JWKS), JWKSURI: c.JWKSURI,
		Token: adminclient.TokenSettings{
			Format: string(c.Token.Format), Alg: c.Token.Alg, Claims: string(c.Token.Claims), Lifetime: int64(c.Token.Lifetime.Seconds()),
		},
	}
	for _, n := range c.AllowFrom {
		d.AllowFrom = append(d.AllowFrom, n.String())
	}
	d.Grants = adminGrants(c.Grants)
	return d
}

// asCreated says how a client is made elsewhere, and with it an API; nil: it
// brings none.
func (c *console) asCreated(ctx context.Context, cl *mintage.Client, s manage.NewSecret, api *mintage.ResourceServer) *copyAs {
	if api != nil { // no one command or call makes both
		return &copyAs{YAML: asNewAPI(clientState(cl, &s), api, c.cfg.Now())}
	}
	body := adminclient.NewClient{ClientSettings: settingsOf(cl), Secret: &adminclient.NewSecret{
		Name: s.Name, ExpiresIn: int64(s.Lifetime.Seconds()), NoExpiry: s.Forever,
	}}
	return &copyAs{
		CLI: createCommand(cl, s), YAML: stateYAML(clientState(cl, &s)),
		Curl: c.call(ctx, http.MethodPost, "/tenants/"+cl.Tenant+"/clients", body),
	}
}

// createCommand is mintage client create, where that can say it all.
func createCommand(cl *mintage.Client, s manage.NewSecret) string {
	if cl.Token != (mintage.TokenSettings{}) || cl.MultiAudience || cl.Downscope {
		return ""
	}
	words := []string{"client", "create", cl.Name, "--tenant", cl.Tenant}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	for _, g := range cl.Grants {
		add("--api", g.ResourceServer)
		if len(cl.Grants) > 1 && !slices.Contains(g.Scopes, mintage.AllScopes) {
			return "" // which scope is whose, the command finds out by the names alone
		}
		if !slices.Contains(g.Scopes, mintage.AllScopes) {
			add("--scope", strings.Join(g.Scopes, ","))
		}
	}
	add("--organization", cl.Organization)
	add("--dialect", strings.Join(cl.Dialects, ","))
	if s.Forever {
		add("--expires", "never")
	} else if s.Lifetime > 0 {
		add("--expires", apply.Duration(s.Lifetime).String())
	}
	add("--secret-name", s.Name)
	for _, k := range slices.Sorted(maps.Keys(cl.Labels)) {
		add("--label", k+"="+cl.Labels[k])
	}
	if cl.DPoPBoundAccessTokens {
		words = append(words, "--dpop-bound")
	}
	for _, n := range cl.AllowFrom {
		add("--allow-from", n.String())
	}
	if n := cl.Limits.TokensPerMinute; n > 0 {
		add("--tokens-per-minute", strconv.Itoa(n))
	}
	if n := cl.Limits.IntrospectionsPerMinute; n > 0 {
		add("--introspections-per-minute", strconv.Itoa(n))
	}
	return command(words...)
}

// clientState is a client as declared state, with a secret to be generated
// where one is asked for.
func clientState(cl *mintage.Client, secret *manage.NewSecret) *apply.State {
	plain := *cl
	plain.Secrets = nil
	if plain.GrantTypes == nil {
		plain.GrantTypes = []oauth.GrantType{oauth.ClientCredentials} // as it will be
	}
	if plain.ID == "" {
		plain.ID = "CHOOSE_AN_ID"
	}
	state := apply.Export(apply.Live{Clients: []*mintage.Client{&plain}}, cl.Created)
	if secret != nil {
		s := apply.Secret{Name: cmp.Or(secret.Name, "main"), Generate: true, WriteTo: &apply.Target{File: plain.ID + ".env"}}
		if life := apply.Duration(secret.Lifetime); life > 0 || secret.Forever {
			s.Expires = &life
		}
		state.Clients[0].Secrets = []apply.Secret{s}
	}
	return state
}

// declaredClient is a client as a file that says no more of it than what change
// sets.
func declaredClient(cl *mintage.Client, change func(*apply.Client)) string {
	d := apply.Client{ID: cl.ID, Tenants: []string{cl.Tenant}}
	change(&d)
	return stateYAML(&apply.State{APIVersion: apply.APIVersion, Clients: []apply.Client{d}})
}

// stateYAML prints declared state as a file.
func stateYAML(s *apply.State) string {
	doc, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	out, err := yamlfile.FromJSON(doc)
	if err != nil {
		return fmt.Sprintf("# %v\n", err)
	}
	return string(out)
}

// fileDuration prints a duration as files have it, such as 90d.
func fileDuration(d time.Duration) string { return apply.Duration(d).String() }
