package main

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// keyed makes a client that signs, and returns its identifier.
func (w *walk) keyed(name string, change func(*mintage.Client)) string {
	w.Helper()
	c := &mintage.Client{
		Tenant: "prod", Name: name, AuthMethods: []string{oauth.AuthPrivateKeyJWT},
		Grants: []mintage.Grant{{ResourceServer: "https://a.example", Scopes: []string{"read"}}},
	}
	change(c)
	made, err := w.srv.Manager().CreateClient(w.Context(), manage.Server(), c, manage.NewSecret{})
	w.must(err)
	return made.Client.ID
}

// signer makes a key and signs with it under a kid.
func (w *walk) signer(alg jose.Alg, kid string) *jose.Signer {
	w.Helper()
	priv, err := jose.GenerateKey(alg)
	w.must(err)
	s, err := jose.NewSigner(priv, alg, kid, nil)
	w.must(err)
	return s
}

// asserts sends an assertion of a client, which is right but for what change
// does.
func (w *walk) asserts(by *jose.Signer, id string, change func(claims map[string]any), more ...string) string {
	w.Helper()
	now := time.Now().Add(time.Duration(w.ahead.Load())).Unix()
	claims := map[string]any{"iss": id, "sub": id, "aud": w.public, "jti": rand.Text(), "iat": now, "exp": now + 60}
	change(claims)
	payload, err := json.Marshal(claims)
	w.must(err)
	jwt, err := by.AppendSign(nil, payload)
	w.must(err)
	more = append([]string{"client_id", "", "client_secret", "", "client_assertion", string(jwt), "client_assertion_type", clientauth.AssertionType}, more...)
	return w.asks(ask{body: w.with("", "", more...)})()
}

// assertions are those of a client that signs, and what is wrong with each.
func (w *walk) assertions() map[string]func() string {
	good, stray, other := w.signer(jose.EdDSA, "k"), w.signer(jose.EdDSA, "k"), w.signer(jose.ES256, "k")
	unknown := w.signer(jose.EdDSA, "new")
	id := w.keyed("Signs", func(c *mintage.Client) { c.JWKS = string(jose.AppendKeySet(nil, []*jose.Key{good.Key()})) })
	far := w.keyed("Publishes", func(c *mintage.Client) { c.JWKSURI = "https://127.0.0.1/jwks.json" })
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	later := func(name string, seconds int64) func(map[string]any) {
		return func(claims map[string]any) {
			at, _ := claims["iat"].(int64)
			claims[name] = at + seconds
		}
	}
	nothing := func(map[string]any) {}
	return map[string]func() string{
		"auth.method_not_allowed":    w.asks(ask{body: w.with(id, "a secret of nobody")}),
		"assertion.malformed":        func() string { return w.asserts(good, id, set("jti", 7)) },
		"assertion.subject":          func() string { return w.asserts(good, id, nothing, "client_id", "app") },
		"assertion.alg":              func() string { return w.asserts(other, id, nothing) },
		"assertion.key_unknown":      func() string { return w.asserts(unknown, id, nothing) },
		"assertion.keys_unavailable": func() string { return w.asserts(good, far, nothing) },
		"assertion.signature":        func() string { return w.asserts(stray, id, nothing) },
		"assertion.audience":         func() string { return w.asserts(good, id, set("aud", w.public+"/oauth2/token")) },
		"assertion.expired":          func() string { return w.asserts(good, id, later("exp", -60)) },
		"assertion.not_yet":          func() string { return w.asserts(good, id, later("nbf", 60)) },
		"assertion.replayed": func() string {
			w.asserts(good, id, set("jti", "once"))
			return w.asserts(good, id, set("jti", "once"))
		},
	}
}
