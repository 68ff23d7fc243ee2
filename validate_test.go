package mintage_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

func TestValidateIssuer(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"https://auth.example.com", "https://auth.example.com:8443", "https://auth.example.com/tenant/a-b_c.d~e", "https://192.0.2.1", "https://[2001:db8::1]:8443",
		"http://127.0.0.1:9400", "http://localhost:9400/cognito", "http://[::1]:9400", "https://auth",
	} {
		if err := mintage.ValidateIssuer(issuer); err != nil {
			t.Errorf("ValidateIssuer(%q) = %v", issuer, err)
		}
	}
	for _, issuer := range []string{ // MD-02
		"", "auth.example.com", "//auth.example.com", "https://", "https:///x", "http://auth.example.com", "http://10.0.0.1", "ftp://localhost",
		"https://auth.example.com/", "https://auth.example.com/a/", "https://auth.example.com?", "https://auth.example.com?a=b", "https://auth.example.com#",
		"https://auth.example.com/#a", "https://me@auth.example.com", "https://me:pw@auth.example.com", "HTTPS://auth.example.com", "https://Auth.example.com",
		"https://auth.example.com/a//b", "https://auth.example.com/a/../b", "https://auth.example.com/a%2Fb", "https://auth.example.com/%7Ea", "https://auth.example.com/a b",
		"https://auth.example.com:0", "https://auth.example.com:", "https://auth.example.com:99999", "https://auth.example.com:0443", "https://-a.example", "https://a..example",
		"https://a_b.example", "https://é.example", "https://auth.example.com/.well-known/x", "https://[::1%25eth0]", "https://[0:0::1]", "mailto:a@example.com",
		"https://auth.example.com\n", "https://" + strings.Repeat("a.", 300) + "a", "http://127.0.0.1.example.com",
	} {
		if err := mintage.ValidateIssuer(issuer); err == nil {
			t.Errorf("ValidateIssuer(%q) accepted", issuer)
		}
	}
}

// want is the pointer of the one error that a change to a right object brings.
type wrong[T any] struct {
	want   string
	change func(*T)
}

func checkAll[T any](t *testing.T, right func() *T, validate func(*T) error, cases []wrong[T]) {
	t.Helper()
	if err := validate(right()); err != nil {
		t.Fatalf("what is right is refused: %v", err)
	}
	for i, c := range cases {
		v := right()
		c.change(v)
		fields := mintage.FieldErrors(validate(v))
		if len(fields) != 1 || fields[0].Pointer != c.want || fields[0].Message == "" {
			t.Errorf("case %d of %T: got %v, want one error at %s", i, *v, validate(v), c.want)
		}
	}
}

func TestTenantValidate(t *testing.T) {
	t.Parallel()
	right := func() *mintage.Tenant {
		return &mintage.Tenant{
			ID: "prod-1", Issuer: "https://auth.example.com", Aliases: []string{"auth.internal:9400", "[::1]:9400"},
			TokenPaths: map[string]string{"/oauth2/token": "rfc", "/access-token": "myparcel"}, Token: mintage.TokenSettings{Alg: "ES256", Lifetime: time.Second},
			SecretLifetime: 90 * 24 * time.Hour, SecretOverlap: time.Hour, CORSOrigins: []string{"https://app.example.com", "http://localhost:3000"},
		}
	}
	path := func(p, dialect string) func(*mintage.Tenant) {
		return func(t *mintage.Tenant) { t.TokenPaths = map[string]string{p: dialect} }
	}
	checkAll(t, right, (*mintage.Tenant).Validate, []wrong[mintage.Tenant]{
		{"/id", func(t *mintage.Tenant) { t.ID = "" }},
		{"/id", func(t *mintage.Tenant) { t.ID = "Prod" }},
		{"/id", func(t *mintage.Tenant) { t.ID = "-a" }},
		{"/id", func(t *mintage.Tenant) { t.ID = strings.Repeat("a", 64) }},
		{"/issuer", func(t *mintage.Tenant) { t.Issuer = "https://x/" }},
		{"/aliases/1", func(t *mintage.Tenant) { t.Aliases[1] = "https://x" }},
		{"/aliases/1", func(t *mintage.Tenant) { t.Aliases[1] = t.Aliases[0] }},
		{"/aliases/0", func(t *mintage.Tenant) { t.Aliases[0] = "x/y" }},
		{"/token_paths/oauth2~1token", path("oauth2/token", "rfc")},
		{"/token_paths/~1", path("/", "rfc")},
		{"/token_paths/~1a~1", path("/a/", "rfc")},
		{"/token_paths/~1.well-known~1x", path("/.well-known/x", "rfc")},
		{"/token_paths/~1oauth2~1introspect", path("/oauth2/introspect", "rfc")},
		{"/token_paths/~1docs~1x", path("/docs/x", "rfc")},
		{"/token_paths/~1a", path("/a", "saml")},
		{"/token/alg", func(t *mintage.Tenant) { t.Token.Alg = "none" }},
		{"/token/format", func(t *mintage.Tenant) { t.Token.Format = "xml" }},
		{"/token/claims", func(t *mintage.Tenant) { t.Token.Claims = "x" }},
		{"/token/lifetime", func(t *mintage.Tenant) { t.Token.Lifetime = time.Millisecond }},
		{"/token/lifetime", func(t *mintage.Tenant) { t.Token.Lifetime = 1500 * time.Millisecond }},
		{"/token/lifetime", func(t *mintage.Tenant) { t.Token.Lifetime = mintage.LongestTokenLifetime + time.Second }},
		{"/token/lifetime", func(t *mintage.Tenant) { t.Token.Lifetime = -time.Hour }},
		{"/secret/expires", func(t *mintage.Tenant) { t.SecretLifetime = -1 }},
		{"/secret/overlap", func(t *mintage.Tenant) { t.SecretOverlap = mintage.LongestSecretLifetime + time.Second }},
		{"/cors_origins/0", func(t *mintage.Tenant) { t.CORSOrigins[0] = "*" }},
		{"/cors_origins/0", func(t *mintage.Tenant) { t.CORSOrigins[0] = "https://app.example.com/" }},
		{"/cors_origins/0", func(t *mintage.Tenant) { t.CORSOrigins[0] = "null" }},
	})
}

func TestResourceServerValidate(t *testing.T) {
	t.Parallel()
	type rs = mintage.ResourceServer
	right := func() *rs {
		return &rs{
			Identifier: "otto-dev-api-resource-server", Name: "otto", ScopePrefix: "otto-dev-api-resource-server/",
			Scopes: []mintage.ScopeDefinition{{Name: "api.read", Description: "Read"}, {Name: "api/write"}}, Introspectors: []string{"a", "b"},
		}
	}
	checkAll(t, right, (*rs).Validate, []wrong[rs]{
		{"/identifier", func(r *rs) { r.Identifier = "" }},
		{"/identifier", func(r *rs) { r.Identifier = "a b" }},
		{"/identifier", func(r *rs) { r.Identifier = "é" }},
		{"/identifier", func(r *rs) { r.Identifier = "https://api.example#" }},
		{"/identifier", func(r *rs) { r.Identifier = "urn:mintage:other" }},
		{"/identifier", func(r *rs) { r.Name = "mintage" }},
		{"/identifier", func(r *rs) { r.Identifier = strings.Repeat("a", 513) }},
		{"/name", func(r *rs) { r.Name = "My API" }},
		{"/scope_prefix", func(r *rs) { r.ScopePrefix = "a b" }},
		{"/scope_prefix", func(r *rs) { r.ScopePrefix = `a"` }},
		{"/scopes/*", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: "*"}} }},
		{"/scopes/offline_access", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: "offline_access"}} }},
		{"/scopes/a b", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: "a b"}} }}, // TE-12
		{"/scopes/a\\b", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: `a\b`}} }},
		{"/scopes/a", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: "a", Description: "two\nlines"}} }},
		{"/scopes/a", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: "b"}, {Name: "a"}} }},
		{"/scopes/a", func(r *rs) { r.Scopes = []mintage.ScopeDefinition{{Name: "a"}, {Name: "a"}} }},
		{"/scopes", func(r *rs) {
			r.Scopes = nil
			for i := range 1001 {
				r.Scopes = append(r.Scopes, mintage.ScopeDefinition{Name: fmt.Sprintf("s%04d", i)})
			}
		}},
		{"/token/alg", func(r *rs) { r.Token.Alg = "HS256" }},
		{"/introspectors/1", func(r *rs) { r.Introspectors[1] = "a" }},
		{"/introspectors/0", func(r *rs) { r.Introspectors[0] = "a:b" }},
	})
	if err := (&rs{Identifier: mintage.AdminResource, Name: "mintage"}).Validate(); err != nil {
		t.Errorf("the built-in one: %v", err)
	}
}

func TestClientValidate(t *testing.T) {
	t.Parallel()
	type client = mintage.Client
	right := func() *client {
		return &client{
			ID: "b4460113-f097-49ae-9225-f741a7bf07ed", Name: "Label printer ☕", Dialects: []string{"rfc", "myparcel"},
			GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.Scope{"a"}},
			Ladder:    map[mintage.Rung]mintage.LadderState{mintage.RungQueryCredentials: mintage.LadderAllow},
			AllowFrom: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Labels: map[string]string{"team": "billing"},
			Grants:  []mintage.Grant{{ResourceServer: "x", Scopes: []string{"a"}}, {ResourceServer: "y", Scopes: []string{"*"}}},
			Secrets: []mintage.Secret{{Name: "one"}, {Name: "two"}},
		}
	}
	id := func(s string) wrong[client] { return wrong[client]{"/id", func(c *client) { c.ID = s }} }
	checkAll(t, right, (*client).Validate, []wrong[client]{
		id(""), id("a:b"), id("é"), id("a\tb"), id(" a"), id("a "), id(strings.Repeat("a", 257)),
		id("op_ada"), id("OP_ada"), id("mintage"), id("Mintage"), // TE-33
		{"/name", func(c *client) { c.Name = "" }},
		{"/name", func(c *client) { c.Name = "two\nlines" }},
		{"/name", func(c *client) { c.Name = "turned\u202e" }},
		{"/name", func(c *client) { c.Name = strings.Repeat("é", 201) }},
		{"/dialects/1", func(c *client) { c.Dialects[1] = "rfc" }},
		{"/grant_types/0", func(c *client) { c.GrantTypes[0] = "password" }}, // TE-21
		{"/default_scope", func(c *client) { c.DefaultScope.Mode = mintage.DefaultScopeAll }},
		{"/default_scope", func(c *client) { c.DefaultScope.Scopes = nil }},
		{"/default_scope", func(c *client) { c.DefaultScope.Mode = "some" }},
		{"/ladder/query", func(c *client) {
			c.Ladder = map[mintage.Rung]mintage.LadderState{"query": mintage.LadderAllow}
		}},
		{"/ladder/two_methods", func(c *client) { c.Ladder[mintage.RungTwoMethods] = "maybe" }},
		{"/ladder/two_methods", func(c *client) { c.Ladder[mintage.RungTwoMethods] = "warn until tomorrow" }},
		{"/allow_from/0", func(c *client) { c.AllowFrom[0] = netip.MustParsePrefix("203.0.113.1/24") }},
		{"/allow_from/0", func(c *client) { c.AllowFrom[0] = netip.Prefix{} }},
		{"/limits/tokens_per_minute", func(c *client) { c.Limits.TokensPerMinute = -1 }},
		{"/limits/introspections_per_minute", func(c *client) { c.Limits.IntrospectionsPerMinute = 1_000_001 }},
		{"/allow_from/0", func(c *client) { c.AllowFrom[0] = netip.MustParsePrefix("::ffff:203.0.113.0/120") }},
		{"/labels/a b", func(c *client) { c.Labels["a b"] = "" }},
		{"/labels/a", func(c *client) { c.Labels["a"] = "\x00" }},
		{"/grants/1/resource_server", func(c *client) { c.Grants[1].ResourceServer = "x" }},
		{"/grants/0/scopes/1", func(c *client) { c.Grants[0].Scopes = []string{"a", "*"} }},
		{"/grants/0/scopes/1", func(c *client) { c.Grants[0].Scopes = []string{"a", "a"} }},
		{"/grants/0/scopes/0", func(c *client) { c.Grants[0].Scopes = []string{"a b"} }},
		{"/secrets/1/name", func(c *client) { c.Secrets[1].Name = "one" }},
		{"/secrets/0/name", func(c *client) { c.Secrets[0].Name = "" }},
	})
}

func TestValidateGrants(t *testing.T) {
	t.Parallel()
	servers := map[string]*mintage.ResourceServer{
		"x": {Identifier: "x", ScopePrefix: "x/", Scopes: []mintage.ScopeDefinition{{Name: "a"}, {Name: "b"}}, Token: mintage.TokenSettings{Alg: "ES256"}},
		"y": {Identifier: "y", Scopes: []mintage.ScopeDefinition{{Name: "c"}}, Token: mintage.TokenSettings{Alg: "ES256"}},
		"z": {Identifier: "z", Token: mintage.TokenSettings{Alg: "RS256"}},
	}
	right := func() *mintage.Client {
		return &mintage.Client{
			Grants:       []mintage.Grant{{ResourceServer: "x", Scopes: []string{"a"}}, {ResourceServer: "y", Scopes: []string{"*"}}},
			DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.Scope{"c", "x/a"}},
		}
	}
	validate := func(c *mintage.Client) error { return c.ValidateGrants(servers) }
	checkAll(t, right, validate, []wrong[mintage.Client]{
		{"/grants/1/resource_server", func(c *mintage.Client) {
			c.Grants[1].ResourceServer, c.DefaultScope = "w", mintage.DefaultScope{}
		}},
		{"/grants/0/scopes/1", func(c *mintage.Client) { c.Grants[0].Scopes = []string{"a", "c"} }},
		{"/grants/1", func(c *mintage.Client) {
			c.Grants[1].ResourceServer, c.DefaultScope = "z", mintage.DefaultScope{}
		}},
		{"/default_scope/0", func(c *mintage.Client) { c.DefaultScope.Scopes[0] = "x/b" }}, // TE-15
		{"/default_scope/0", func(c *mintage.Client) { c.DefaultScope.Scopes[0] = "a" }},
	})
	own := right()
	own.Grants[1].ResourceServer, own.Token.Alg, own.DefaultScope = "z", "RS256", mintage.DefaultScope{}
	if err := own.ValidateGrants(servers); err != nil {
		t.Errorf("the client's own algorithm decides: %v", err)
	}
}

func TestValidateSecret(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"x", "a b+%:/=~", strings.Repeat("x", 512)} {
		if err := mintage.ValidateSecret(s); err != nil {
			t.Errorf("ValidateSecret(%q) = %v", s, err)
		}
	}
	for _, s := range []string{"", "a\nb-hunter2", "hunter2-é", "hunter2\x7f", strings.Repeat("hunter2", 100)} {
		if err := mintage.ValidateSecret(s); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ValidateSecret(%q) = %v", s, err)
		}
	}
}

func TestFieldErrors(t *testing.T) {
	t.Parallel()
	one := &mintage.FieldError{Pointer: "/a", Message: "x"}
	joined := fmt.Errorf("client: %w", errors.Join(one, errors.New("other"), &mintage.FieldError{Message: "y"}))
	if got := mintage.FieldErrors(joined); len(got) != 2 || got[0] != one {
		t.Errorf("got %v", got)
	}
	if got := mintage.Under("/clients/0", joined).Error(); got != "/clients/0/a: x\n/clients/0: y" {
		t.Errorf("got %q", got)
	}
	plain := errors.New("plain")
	if got := mintage.Under("/a", plain); !errors.Is(got, plain) || mintage.FieldErrors(plain) != nil || mintage.Under("/a", nil) != nil {
		t.Errorf("got %v", got)
	}
	if got := mintage.Pointer("a/b", 3, "c~d"); got != "/a~1b/3/c~0d" {
		t.Errorf("got %q", got)
	}
}
