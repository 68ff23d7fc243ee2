package mintage_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

const (
	orders = "https://orders.example"
	stock  = "https://stock.example"
	otto   = "otto" // no URI, as in seed 001
	left   = "https://left.example"
	right  = "https://right.example"
)

func defs(names ...string) []mintage.ScopeDefinition {
	var all []mintage.ScopeDefinition
	for _, name := range names {
		all = append(all, mintage.ScopeDefinition{Name: name})
	}
	return all
}

func servers() map[string]*mintage.ResourceServer {
	m := map[string]*mintage.ResourceServer{}
	for _, rs := range []*mintage.ResourceServer{
		{Identifier: orders, ScopePrefix: "orders/", Scopes: defs("admin", "read", "write")},
		{Identifier: stock, ScopePrefix: "stock/", Scopes: defs("read"), Token: mintage.TokenSettings{Lifetime: 10 * time.Minute, Alg: "RS256"}},
		{Identifier: otto, ScopePrefix: "otto/", Scopes: defs("api.read", "api.write")},
		{Identifier: left, Scopes: defs("own", "shared"), Token: mintage.TokenSettings{Lifetime: 5 * time.Minute}},
		{Identifier: right, Scopes: defs("shared"), Token: mintage.TokenSettings{Lifetime: 20 * time.Minute}},
	} {
		m[rs.Identifier] = rs
	}
	return m
}

func grant(rs string, scopes ...string) mintage.Grant {
	return mintage.Grant{ResourceServer: rs, Scopes: scopes}
}

// authorizeCase is one row of TestAuthorize.
type authorizeCase struct {
	name    string
	dialect string // default rfc
	grants  []mintage.Grant
	client  mintage.Client // the rest of it
	scope   string
	res     []string
	aud     []string

	wantScope   string
	wantAud     []string
	wantDropped string
	reason      string // of the refusal; empty: none
	code        string
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	all := mintage.DefaultScope{Mode: mintage.DefaultScopeAll}
	one := []mintage.Grant{grant(orders, "read", "write")}
	two := []mintage.Grant{grant(stock, "*"), grant(orders, "read")}
	both := []mintage.Grant{grant(left, "*"), grant(right, "shared")}
	mixed := []mintage.Grant{grant(left, "own"), grant(right, "shared")} // left defines shared, too
	for _, tt := range []authorizeCase{
		// TE-12, TE-15: what is asked for, and no more than what is granted.
		{name: "one scope", grants: one, scope: "orders/read", wantScope: "orders/read", wantAud: []string{orders}},
		{name: "two scopes, sorted", grants: one, scope: "orders/write orders/read", wantScope: "orders/read orders/write", wantAud: []string{orders}},
		{name: "bare name", grants: one, scope: "read", code: "invalid_scope", reason: "scope.unknown"},
		{name: "other case", grants: one, scope: "orders/READ", code: "invalid_scope", reason: "scope.unknown"},
		{name: "known, not granted", grants: one, scope: "orders/admin", code: "invalid_scope", reason: "scope.not_granted"},
		{name: "of another resource server", grants: one, scope: "stock/read", code: "invalid_scope", reason: "scope.unknown"},
		{name: "one good, one unknown", grants: one, scope: "orders/read x", code: "invalid_scope", reason: "scope.unknown"},
		{name: "all of one", grants: []mintage.Grant{grant(orders, "*")}, scope: "orders/admin", wantScope: "orders/admin", wantAud: []string{orders}},
		{name: "granted, no longer defined", grants: []mintage.Grant{grant(orders, "read", "gone")}, scope: "orders/gone", code: "invalid_scope", reason: "scope.unknown"},
		{name: "resource server gone", grants: []mintage.Grant{grant("https://gone.example", "*")}, scope: "x", code: "invalid_scope", reason: "scope.not_granted"},
		{name: "no grants", client: mintage.Client{DefaultScope: all}, code: "invalid_scope", reason: "scope.not_granted"},
		{name: "offline_access", grants: one, scope: "offline_access", code: "invalid_scope", reason: "scope.unknown"},

		// TE-13: scope left out.
		{name: "left out, unset", grants: one, code: "invalid_scope", reason: "scope.empty"},
		{name: "left out, all", grants: one, client: mintage.Client{DefaultScope: all}, wantScope: "orders/read orders/write", wantAud: []string{orders}},
		{name: "left out, none", grants: one, client: mintage.Client{DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeNone}}, wantAud: []string{orders}},
		{
			name: "left out, list", grants: two, wantScope: "orders/read", wantAud: []string{orders},
			client: mintage.Client{DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope("orders/read", "orders/gone")}},
		},
		{
			name: "left out, list with nothing left", grants: one, code: "invalid_scope", reason: "scope.unknown",
			client: mintage.Client{DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope("orders/gone")}},
		},
		{
			name: "left out, empty list", grants: one, code: "invalid_scope", reason: "scope.empty",
			client: mintage.Client{DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList}},
		},
		{name: "left out, all of several", grants: two, client: mintage.Client{DefaultScope: all}, code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "left out, none of several", grants: two, client: mintage.Client{DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeNone}}, code: "invalid_scope", reason: "scope.ambiguous"},

		// Downscoping.
		{name: "downscope", grants: one, client: mintage.Client{Downscope: true}, scope: "orders/read orders/admin x", wantScope: "orders/read", wantAud: []string{orders}, wantDropped: "orders/admin x"},
		{name: "downscope to nothing", grants: one, client: mintage.Client{Downscope: true}, scope: "orders/admin", code: "invalid_scope", reason: "scope.not_granted"},
		{name: "downscope, offline_access", grants: one, client: mintage.Client{Downscope: true}, scope: "orders/read offline_access", code: "invalid_scope", reason: "scope.unknown"},

		// RS-15, TE-32: one resource server, unless the client may have more.
		{name: "spans two", grants: two, scope: "orders/read stock/read", code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "spans two, may", grants: two, client: mintage.Client{MultiAudience: true}, scope: "orders/read stock/read", wantScope: "orders/read stock/read", wantAud: []string{stock, orders}},
		{name: "of one of two", grants: two, scope: "orders/read", wantScope: "orders/read", wantAud: []string{orders}},
		{name: "shared", grants: both, scope: "shared", code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "shared, may have several", grants: both, client: mintage.Client{MultiAudience: true}, scope: "shared", code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "shared, named", grants: both, scope: "shared", res: []string{right}, wantScope: "shared", wantAud: []string{right}},

		{name: "shared, granted at the other, may have several", grants: mixed, client: mintage.Client{MultiAudience: true}, scope: "own shared", code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "shared, granted at the other, by default", grants: mixed, client: mintage.Client{MultiAudience: true, DefaultScope: all}, code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "shared, granted at the other, both named", grants: mixed, client: mintage.Client{MultiAudience: true}, scope: "shared", res: []string{left, right}, code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "shared, granted at the other, one named", grants: mixed, client: mintage.Client{MultiAudience: true}, scope: "shared", res: []string{right}, wantScope: "shared", wantAud: []string{right}},
		{name: "shared, granted at both, by default", grants: both, client: mintage.Client{MultiAudience: true, DefaultScope: all}, wantScope: "own shared", wantAud: []string{left, right}},

		// RI-01 to RI-03.
		{name: "resource", grants: two, scope: "orders/read", res: []string{orders}, wantScope: "orders/read", wantAud: []string{orders}},
		{name: "resource, scope of another", grants: two, scope: "stock/read", res: []string{orders}, code: "invalid_scope", reason: "scope.unknown"},
		{name: "resource, scope left out", grants: two, client: mintage.Client{DefaultScope: all}, res: []string{orders}, wantScope: "orders/read", wantAud: []string{orders}},
		{name: "resource twice the same", grants: two, scope: "orders/read", res: []string{orders, orders}, wantScope: "orders/read", wantAud: []string{orders}},
		{name: "resource unknown", grants: one, scope: "orders/read", res: []string{"https://x.example"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource not granted", grants: one, scope: "orders/read", res: []string{stock}, code: "invalid_target", reason: "resource.unknown"},
		{name: "one of two resources unknown", grants: one, scope: "orders/read", res: []string{orders, "https://x.example"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource with a slash more", grants: one, scope: "orders/read", res: []string{orders + "/"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource with an empty fragment", grants: one, scope: "orders/read", res: []string{orders + "#"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource with a fragment", grants: one, scope: "orders/read", res: []string{orders + "#a"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource relative", grants: one, scope: "orders/read", res: []string{"/orders"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource no URI", grants: []mintage.Grant{grant(otto, "*")}, scope: "otto/api.read", res: []string{otto}, code: "invalid_target", reason: "resource.unknown"},
		{name: "resource not even a URL", grants: one, scope: "orders/read", res: []string{"https://%zz"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "audience no URI", grants: []mintage.Grant{grant(otto, "*")}, scope: "otto/api.read", aud: []string{otto}, wantScope: "otto/api.read", wantAud: []string{otto}},
		{name: "audience unknown", grants: one, scope: "orders/read", aud: []string{"x"}, code: "invalid_target", reason: "resource.unknown"},
		{name: "two resources", grants: two, scope: "orders/read", res: []string{orders, stock}, code: "invalid_target", reason: "resource.several"},
		{name: "resource and audience", grants: two, scope: "orders/read", res: []string{orders}, aud: []string{stock}, code: "invalid_target", reason: "resource.several"},
		{name: "two resources, may", grants: two, client: mintage.Client{MultiAudience: true}, scope: "orders/read", res: []string{orders, stock}, wantScope: "orders/read", wantAud: []string{stock, orders}},

		// Dialects.
		{name: "star, rfc", grants: one, scope: "*", code: "invalid_scope", reason: "scope.unknown"},
		{name: "star, myparcel", dialect: "myparcel", grants: one, scope: "*", wantScope: "orders/read orders/write", wantAud: []string{orders}},
		{name: "star and more, myparcel", dialect: "myparcel", grants: one, scope: "* orders/read", code: "invalid_scope", reason: "scope.unknown"},
		{name: "star of two, myparcel", dialect: "myparcel", grants: two, scope: "*", code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "star of two named, myparcel", dialect: "myparcel", grants: two, scope: "*", res: []string{stock}, wantScope: "stock/read", wantAud: []string{stock}},
		{name: "left out, cognito", dialect: "cognito", grants: two, wantScope: "orders/read stock/read", wantAud: []string{stock, orders}},
		{name: "named two, cognito", dialect: "cognito", grants: two, scope: "orders/read stock/read", wantScope: "orders/read stock/read", wantAud: []string{stock, orders}},
		{name: "no aud, its own name", dialect: "cognito", grants: []mintage.Grant{grant(left, "own")}, wantScope: "own", wantAud: []string{left}},
		{name: "no aud, another defines the name", dialect: "cognito", grants: []mintage.Grant{grant(left, "*")}, code: "invalid_scope", reason: "scope.ambiguous"},
		{name: "no aud, may have both", dialect: "cognito", grants: []mintage.Grant{grant(left, "shared"), grant(right, "shared")}, scope: "own", code: "invalid_scope", reason: "scope.not_granted"},
		{
			name: "no aud by the client's claims", grants: []mintage.Grant{grant(left, "shared")}, scope: "shared", code: "invalid_scope", reason: "scope.ambiguous",
			client: mintage.Client{Token: mintage.TokenSettings{Claims: mintage.ClaimsCognito}},
		},
		{name: "not granted, cognito", dialect: "cognito", grants: two, scope: "orders/write", code: "invalid_scope", reason: "scope.not_granted"},
		{name: "of other dialects", dialect: "doorkeeper", grants: one, client: mintage.Client{Dialects: []string{"rfc", "cognito"}}, scope: "orders/read", code: "unauthorized_client", reason: "dialect.not_allowed"},
		{name: "of this dialect", dialect: "doorkeeper", grants: one, client: mintage.Client{Dialects: []string{"doorkeeper"}}, scope: "orders/read", wantScope: "orders/read", wantAud: []string{orders}},

		// TE-22.
		{name: "other grant", grants: one, client: mintage.Client{GrantTypes: []oauth.GrantType{"x"}}, scope: "orders/read", code: "unauthorized_client", reason: "grant.not_allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t)
		})
	}
}

func (tt *authorizeCase) check(t *testing.T) {
	t.Helper()
	c := tt.client
	c.ID, c.Grants = "c1", tt.grants
	if c.GrantTypes == nil {
		c.GrantTypes = []oauth.GrantType{oauth.ClientCredentials}
	}
	if tt.dialect == "" {
		tt.dialect = mintage.DialectRFC
	}
	d, ok := mintage.DialectByName(tt.dialect)
	if !ok {
		t.Fatalf("no dialect %q", tt.dialect)
	}
	scope, err := oauth.ParseScope(tt.scope)
	if err != nil {
		t.Fatal(err)
	}
	tenant := &mintage.Tenant{ID: "acme"}
	az, err := mintage.Authorize(tenant, &c, servers(), d, mintage.Request{
		GrantType: oauth.ClientCredentials, Scope: scope, Resources: tt.res, Audiences: tt.aud,
	})
	if tt.code != "" {
		oe, ok := errors.AsType[*oauth.Error](err)
		if !ok || oe.Code != tt.code || oe.Reason != tt.reason || oe.Status != 400 || az != nil {
			t.Errorf("got %+v, %v, want %s (%s)", az, err, tt.code, tt.reason)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if az.Scope.String() != tt.wantScope || !slices.Equal(az.Audience, tt.wantAud) || az.Dropped.String() != tt.wantDropped {
		t.Errorf("got scope %q, aud %q, dropped %q; want %q, %q, %q", az.Scope, az.Audience, az.Dropped, tt.wantScope, tt.wantAud, tt.wantDropped)
	}
	if az.Tenant != tenant || az.Client != &c || az.Subject != "c1" || az.Dialect != tt.dialect { // RS-14
		t.Errorf("got %+v", az)
	}
	if az.Token.Format == "" || az.Token.Alg == "" || az.Token.Claims == "" || az.Token.Lifetime <= 0 {
		t.Errorf("settings are not complete: %+v", az.Token)
	}
}

// TestWhichToken is the order of decisions.md: client, resource server, dialect,
// tenant, built in; of several resource servers the shortest life.
func TestWhichToken(t *testing.T) {
	t.Parallel()
	type settings = mintage.TokenSettings
	for _, tt := range []struct {
		name    string
		dialect string
		client  settings
		grants  []mintage.Grant
		tenant  settings
		want    settings
	}{
		{"built in", "rfc", settings{}, []mintage.Grant{grant(orders, "*")}, settings{}, settings{Format: "jwt", Alg: "ES256", Claims: "rfc", Lifetime: time.Hour}},
		{"tenant", "rfc", settings{}, []mintage.Grant{grant(orders, "*")}, settings{Format: "stored", Alg: "RS256", Claims: "myparcel", Lifetime: time.Minute}, settings{Format: "stored", Alg: "RS256", Claims: "myparcel", Lifetime: time.Minute}},
		{"dialect before tenant", "cognito", settings{}, []mintage.Grant{grant(orders, "*")}, settings{Format: "stored", Alg: "ES256", Claims: "rfc", Lifetime: time.Minute}, settings{Format: "jwt", Alg: "RS256", Claims: "cognito", Lifetime: time.Hour}},
		{"myparcel", "myparcel", settings{}, []mintage.Grant{grant(orders, "*")}, settings{}, settings{Format: "jwt", Alg: "RS256", Claims: "myparcel", Lifetime: 24 * time.Hour}},
		{"doorkeeper", "doorkeeper", settings{}, []mintage.Grant{grant(orders, "*")}, settings{}, settings{Format: "stored", Alg: "ES256", Claims: "rfc", Lifetime: 1209600 * time.Second}},
		{"resource server before dialect", "cognito", settings{}, []mintage.Grant{grant(stock, "*")}, settings{}, settings{Format: "jwt", Alg: "RS256", Claims: "cognito", Lifetime: 10 * time.Minute}},
		{"client before resource server", "rfc", settings{Format: "stored", Alg: "ES256", Claims: "cognito", Lifetime: time.Second}, []mintage.Grant{grant(stock, "*")}, settings{}, settings{Format: "stored", Alg: "ES256", Claims: "cognito", Lifetime: time.Second}},
		{"shortest of two", "rfc", settings{}, []mintage.Grant{grant(stock, "*"), grant(left, "own")}, settings{}, settings{Format: "jwt", Alg: "RS256", Claims: "rfc", Lifetime: 5 * time.Minute}},
		{"of one that sets none", "rfc", settings{}, []mintage.Grant{grant(orders, "*"), grant(stock, "*")}, settings{Lifetime: time.Minute}, settings{Format: "jwt", Alg: "RS256", Claims: "rfc", Lifetime: 10 * time.Minute}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, _ := mintage.DialectByName(tt.dialect)
			c := &mintage.Client{
				ID: "c1", GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Grants: tt.grants, Token: tt.client, MultiAudience: true,
				DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeAll},
			}
			az, err := mintage.Authorize(&mintage.Tenant{Token: tt.tenant}, c, servers(), d, mintage.Request{GrantType: oauth.ClientCredentials})
			if err != nil {
				t.Fatal(err)
			}
			if az.Token != tt.want {
				t.Errorf("got %+v, want %+v", az.Token, tt.want)
			}
		})
	}
}

// TestRefusedScopeSaysTheSame: an unknown scope and one that is not granted are
// told apart in the log alone.
func TestRefusedScopeSaysTheSame(t *testing.T) {
	t.Parallel()
	c := &mintage.Client{GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Grants: []mintage.Grant{grant(orders, "read")}}
	d, _ := mintage.DialectByName(mintage.DialectRFC)
	said := func(rs map[string]*mintage.ResourceServer) string {
		_, err := mintage.Authorize(&mintage.Tenant{}, c, rs, d, mintage.Request{GrantType: oauth.ClientCredentials, Scope: oauth.Scope{"orders/admin"}})
		oe, _ := errors.AsType[*oauth.Error](err)
		return oe.Description
	}
	without := servers()
	without[orders].Scopes = defs("read")
	if a, b := said(servers()), said(without); a != b || a == "" {
		t.Errorf("%q, and %q", a, b)
	}
}

// FuzzAuthorize is TE-15: whatever is asked for, what is granted was granted to
// the client, at a resource server of the audience.
func FuzzAuthorize(f *testing.F) {
	f.Add("orders/read stock/read", stock, uint8(0), true, false)
	f.Add("*", "", uint8(2), false, true)
	f.Add("shared own", left, uint8(1), true, true)
	f.Add("", "", uint8(3), false, false)
	f.Fuzz(func(t *testing.T, wire, resource string, bits uint8, multi, downscope bool) {
		scope, err := oauth.ParseScope(wire)
		if err != nil {
			return
		}
		ds := mintage.Dialects()
		modes := []mintage.DefaultScopeMode{mintage.DefaultScopeUnset, mintage.DefaultScopeAll, mintage.DefaultScopeNone}
		c := &mintage.Client{
			GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, MultiAudience: multi, Downscope: downscope,
			Grants:       []mintage.Grant{grant(stock, "*"), grant(orders, "read"), grant(left, "own", "shared"), grant(right, "shared")},
			DefaultScope: mintage.DefaultScope{Mode: modes[int(bits>>2)%len(modes)]},
		}
		r := mintage.Request{GrantType: oauth.ClientCredentials, Scope: scope}
		if resource != "" {
			r.Audiences = []string{resource}
		}
		all := servers()
		az, err := mintage.Authorize(&mintage.Tenant{}, c, all, ds[int(bits)%len(ds)], r)
		if err != nil {
			if _, ok := errors.AsType[*oauth.Error](err); !ok {
				t.Errorf("got %v", err)
			}
			return
		}
		var allowed oauth.Scope
		for _, g := range c.Grants {
			if slices.Contains(az.Audience, g.ResourceServer) {
				allowed = append(allowed, mintage.GrantedScope(all[g.ResourceServer], g)...)
			}
		}
		if extra := az.Scope.Without(oauth.NewScope(allowed...)); len(extra) > 0 || len(az.Audience) == 0 {
			t.Errorf("%q at %q: granted %q beyond what it may at %q", wire, resource, extra, az.Audience)
		}
		if len(az.Audience) > 1 && !multi && !ds[int(bits)%len(ds)].ManyAudiences {
			t.Errorf("%q at %q: audience %q", wire, resource, az.Audience)
		}
		if !slices.IsSorted(az.Scope) {
			t.Errorf("%q is not sorted", az.Scope)
		}
	})
}
