package issue_test

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// everyPath maps a token path to each dialect.
var everyPath = map[string]string{
	"/oauth2/token": mintage.DialectRFC, "/cognito/token": mintage.DialectCognito,
	"/access-token": mintage.DialectMyParcel, "/oauth/token": mintage.DialectDoorkeeper,
}

// populate fills the database. The tenant acme has everything; fresh wants nonces; eu lives below a
// path and has no RSA key; static has published keys that never change.
func populate(ctx context.Context, tx store.Tx, v *keys.Vault, hasher *secret.Hasher) error {
	tenants := []*mintage.Tenant{
		{ID: "acme", Issuer: "https://auth.example", TokenPaths: everyPath, CORSOrigins: []string{"https://app.example"}},
		{ID: "eu", Issuer: "https://auth.example/eu", TokenPaths: map[string]string{"/token": "rfc", "/b": "cognito"}},
		{ID: "fresh", Issuer: "https://fresh.example", DPoPNonces: true, TokenPaths: map[string]string{"/oauth2/token": "rfc", "/b": "cognito"}},
		{ID: "static", Issuer: "https://static.example"},
	}
	for _, t := range tenants {
		t.Created, t.Updated = epoch, epoch
		if err := tx.CreateTenant(ctx, t); err != nil {
			return err
		}
	}
	for _, made := range [][2]string{{"acme", "ES256"}, {"acme", "RS256"}, {"acme", mintage.SealingAlg}, {"eu", "ES256"}, {"fresh", "ES256"}} {
		k, err := keys.Make(v, made[0], made[1], epoch.Add(-1000*time.Hour))
		if err != nil {
			return err
		}
		if err := tx.CreateSigningKey(ctx, k); err != nil {
			return err
		}
	}
	for _, k := range staticKeys() {
		if err := tx.CreateSigningKey(ctx, k); err != nil {
			return err
		}
	}
	for _, rs := range resourceServers() {
		rs.Created, rs.Updated = epoch, epoch
		if err := tx.CreateResourceServer(ctx, rs); err != nil {
			return err
		}
	}
	for _, c := range clients() {
		c.Created, c.Updated = epoch, epoch
		c.Secrets = append(c.Secrets, mintage.Secret{
			ID: "s1", Name: "first", Hash: hasher.HashGenerated(secretOf(c.ID)), Hint: "s3c…hint", Created: epoch, CreatedBy: "test",
		})
		if c.ID == "aged" {
			c.Secrets[0].Expires = epoch
		}
		switch c.ID {
		case "dying":
			c.Secrets[0].Expires = epoch.Add(14 * 24 * time.Hour)
		case "longlived":
			c.Secrets[0].Expires = epoch.Add(14*24*time.Hour + time.Second)
		case "paused":
			c.Secrets[0].PausedUntil = epoch.Add(time.Second)
		}
		if c.ID == "imported" {
			c.Secrets[0].Hash = broughtHash
		}
		if c.ID == "empty" {
			c.Secrets = nil
		}
		c.Name = "Client " + c.ID
		if err := tx.CreateClient(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func scopes(names ...string) []mintage.ScopeDefinition {
	var defs []mintage.ScopeDefinition
	for _, name := range names {
		defs = append(defs, mintage.ScopeDefinition{Name: name})
	}
	return defs
}

func resourceServers() []*mintage.ResourceServer {
	return []*mintage.ResourceServer{
		{
			Tenant: "acme", Identifier: "https://orders.example", Name: "orders", ScopePrefix: "orders/",
			Scopes: scopes("admin", "read", "write"), Introspectors: []string{"gateway"},
		},
		{Tenant: "acme", Identifier: "https://stock.example", Name: "stock", ScopePrefix: "stock/", Scopes: scopes("read")},
		{Tenant: "acme", Identifier: "https://left.example", Name: "left", Scopes: scopes("shared")},
		{Tenant: "acme", Identifier: "https://right.example", Name: "right", Scopes: scopes("shared")},
		{Tenant: "acme", Identifier: "profiles", Name: "profiles", Scopes: scopes("openid")},
		{Tenant: "acme", Identifier: mintage.AdminResource, Name: "mintage", ScopePrefix: "mintage/", Scopes: scopes("keys:read")},
		{Tenant: "eu", Identifier: "https://orders.example", ScopePrefix: "orders/", Scopes: scopes("read")},
		{Tenant: "acme", Identifier: "https://vault.example", Name: "vault", Scopes: scopes("open"), DPoPBoundAccessTokens: true},
		{Tenant: "fresh", Identifier: "https://orders.example", ScopePrefix: "orders/", Scopes: scopes("read")},
		{Tenant: "static", Identifier: "https://static.example/api", Scopes: scopes("b", "a")},
	}
}

func clients() []*mintage.Client {
	grants := []oauth.GrantType{oauth.ClientCredentials}
	all := mintage.DefaultScope{Mode: mintage.DefaultScopeAll}
	orders := []mintage.Grant{{ResourceServer: "https://orders.example", Scopes: []string{"read", "write"}}}
	both := []mintage.Grant{
		{ResourceServer: "https://stock.example", Scopes: []string{"*"}},
		{ResourceServer: "https://orders.example", Scopes: []string{"read"}},
	}
	client := func(id string, change func(*mintage.Client)) *mintage.Client {
		c := &mintage.Client{Tenant: "acme", ID: id, GrantTypes: grants, DefaultScope: all, Grants: orders}
		if change != nil {
			change(c)
		}
		return c
	}
	ladder := func(r mintage.Rung, s mintage.LadderState) func(*mintage.Client) {
		return func(c *mintage.Client) { c.Ladder = map[mintage.Rung]mintage.LadderState{r: s} }
	}
	signs := func(methods ...string) func(*mintage.Client) {
		return func(c *mintage.Client) { c.AuthMethods, c.JWKS = methods, jwksOf("ed", "es", "next") }
	}
	lax := func(s mintage.LadderState) func(*mintage.Client) {
		return func(c *mintage.Client) {
			signs(oauth.AuthPrivateKeyJWT)(c)
			ladder(mintage.RungAssertionAudience, s)(c)
		}
	}
	openid := []mintage.Grant{{ResourceServer: "profiles", Scopes: []string{"openid"}}}
	return []*mintage.Client{
		client("orders", nil),
		client("other", nil),
		client("ended", nil),
		client("ended too", nil),
		client(vectorID, nil),
		client("percent", nil),
		client("aged", nil),
		client("dying", nil),
		client("longlived", nil),
		client("paused", nil),
		client("empty", nil),
		client("gateway", func(c *mintage.Client) { c.GrantTypes, c.Grants = nil, nil }),
		client("disabled", func(c *mintage.Client) { c.Disabled = true }),
		client("inside", func(c *mintage.Client) { c.AllowFrom = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }),
		client("bounded", func(c *mintage.Client) {
			c.Limits = mintage.Limits{TokensPerMinute: 1, IntrospectionsPerMinute: 1}
		}),
		client("downscopes", func(c *mintage.Client) { c.Downscope = true }),
		client("unset", func(c *mintage.Client) { c.Grants, c.DefaultScope = both, mintage.DefaultScope{} }),
		client("none", func(c *mintage.Client) { c.DefaultScope.Mode = mintage.DefaultScopeNone }),
		client("multi", func(c *mintage.Client) { c.Grants, c.MultiAudience = both, true }),
		client("two", func(c *mintage.Client) { c.Grants = both }),
		client("shared", func(c *mintage.Client) {
			c.Grants = []mintage.Grant{
				{ResourceServer: "https://left.example", Scopes: []string{"*"}},
				{ResourceServer: "https://right.example", Scopes: []string{"*"}},
			}
		}),
		client("rfconly", func(c *mintage.Client) { c.Dialects = []string{mintage.DialectRFC} }),
		client("doubles", ladder(mintage.RungTwoMethods, mintage.LadderAllow)),
		client("warned", ladder(mintage.RungTwoMethods, mintage.LadderWarn)),
		client("warnedquery", ladder(mintage.RungQueryCredentials, "warn until 2027-01-31")),
		client("warnedover", ladder(mintage.RungQueryCredentials, "warn until 2026-11-21")),
		client("sessionm", func(c *mintage.Client) {
			ladder(mintage.RungQueryCredentials, mintage.LadderAllow)(c)
			c.Grants = openid
		}),
		client("myparcel", func(c *mintage.Client) { c.DefaultScope.Mode = mintage.DefaultScopeNone }),
		client("stored", func(c *mintage.Client) { c.Token.Format = mintage.FormatStored }),
		client("rsa", func(c *mintage.Client) { c.Token.Alg = "RS256" }),
		client("imported", nil),
		client("signer", signs(oauth.AuthPrivateKeyJWT)),
		client("disabledsigner", func(c *mintage.Client) {
			signs(oauth.AuthPrivateKeyJWT)(c)
			c.Disabled = true
		}),
		client("both", signs(oauth.AuthPrivateKeyJWT, oauth.AuthBasic, oauth.AuthPost)),
		client("basiconly", func(c *mintage.Client) { c.AuthMethods = []string{oauth.AuthBasic} }),
		client("laxsigner", lax(mintage.LadderAllow)),
		client("warnedsigner", lax(mintage.LadderWarn)),
		client("hers", func(c *mintage.Client) { c.AuthMethods, c.JWKS = []string{oauth.AuthPrivateKeyJWT}, jwksOf("hers") }),
		client("far", func(c *mintage.Client) {
			c.AuthMethods, c.JWKSURI = []string{oauth.AuthPrivateKeyJWT}, "https://127.0.0.1/jwks.json"
		}),
		client("sealed", func(c *mintage.Client) { c.Token.Format = mintage.FormatSealed }),
		client("proves", func(c *mintage.Client) { c.DPoPBoundAccessTokens = true }),
		client("opens", func(c *mintage.Client) {
			c.Grants = append(orders[:1:1], mintage.Grant{ResourceServer: "https://vault.example", Scopes: []string{"*"}})
		}),
		{Tenant: "static", ID: "stranger", GrantTypes: grants},
		{Tenant: "fresh", ID: "orders", GrantTypes: grants, DefaultScope: all, Grants: []mintage.Grant{
			{ResourceServer: "https://orders.example", Scopes: []string{"read"}},
		}},
		{Tenant: "eu", ID: "orders", GrantTypes: grants, DefaultScope: all, Grants: []mintage.Grant{
			{ResourceServer: "https://orders.example", Scopes: []string{"read"}},
		}},
		{Tenant: "eu", ID: "sealed", GrantTypes: grants, DefaultScope: all, Token: mintage.TokenSettings{Format: mintage.FormatSealed}, Grants: []mintage.Grant{
			{ResourceServer: "https://orders.example", Scopes: []string{"read"}},
		}},
	}
}

// staticKeys are public keys of RFC 7517 Appendix A.1, with private halves that
// nothing can open, in every state.
func staticKeys() []*mintage.SigningKey {
	const ec = `{"kty":"EC","kid":"KID","use":"sig","alg":"ES256","crv":"P-256",` +
		`"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`
	const rsa = `{"kty":"RSA","kid":"KID","use":"sig","alg":"RS256","e":"AQAB",` +
		`"n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs` +
		`tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb` +
		`ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}`
	key := func(kid, alg, jwk string, from, until, gone time.Duration) *mintage.SigningKey {
		k := &mintage.SigningKey{
			Tenant: "static", ID: kid, Alg: alg, JWK: []byte(strings.Replace(jwk, "KID", kid, 1)), Sealed: []byte("none"),
			Created: epoch.Add(-100 * time.Hour), SignsFrom: epoch.Add(from),
		}
		if until != 0 {
			k.SignsUntil, k.VerifiesUntil = epoch.Add(until), epoch.Add(gone)
		}
		return k
	}
	return []*mintage.SigningKey{
		key("gone", "ES256", ec, -9*time.Hour, -8*time.Hour, -7*time.Hour),
		key("retiring", "ES256", ec, -8*time.Hour, -time.Hour, time.Hour),
		key("active", "ES256", ec, -time.Hour, 0, 0),
		key("next", "RS256", rsa, time.Hour, 0, 0),
	}
}
