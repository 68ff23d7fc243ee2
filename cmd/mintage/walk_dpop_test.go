package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// proofs are DPoP proofs (RFC 9449) with token requests, and what is wrong with
// each.
func (w *walk) proofs() map[string]func() string {
	w.Helper()
	priv, err := jose.GenerateKey(jose.ES256)
	w.must(err)
	by, err := jose.NewSigner(priv, jose.ES256, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	w.must(err)
	proof := func(url, jti string) map[string]string {
		at := time.Now().Add(time.Duration(w.ahead.Load())).Unix()
		jwt, err := by.AppendSign(nil, fmt.Appendf(nil, `{"jti":%q,"htm":"POST","htu":%q,"iat":%d}`, jti, url, at))
		w.must(err)
		return map[string]string{"DPoP": string(jwt)}
	}
	const path = "/oauth2/token"
	proved := func(url string) func() string {
		return func() string { return w.asks(ask{header: proof(url, rand.Text()), body: w.form("prod", "app")})() }
	}
	return map[string]func() string{
		"dpop.required": w.asks(ask{body: w.form("prod", "bound")}),
		"dpop.invalid":  proved(w.public + "/elsewhere"),
		"dpop.nonce": func() string {
			return w.asks(ask{path: "/nonces" + path, header: proof(w.public+"/nonces"+path, rand.Text()), body: w.form("nonces", "app")})()
		},
		"dpop.replayed": func() string {
			jti := rand.Text()
			w.asks(ask{header: proof(w.public+path, jti), body: w.form("prod", "app")})()
			return w.asks(ask{header: proof(w.public+path, jti), body: w.form("prod", "app")})()
		},
	}
}
