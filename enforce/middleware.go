package enforce

import (
	"context"
	"net/http"
	"strconv"

	"github.com/mintage-auth/mintage/oauth"
)

// Require serves next to requests that carry a token with all of scopes. Inside
// next, FromContext returns the token. Refusals are answered as RFC 6750 §3
// says, with a JSON body.
//
// Require panics when v is not valid or a scope is none: the mistake is in the
// program, and it should not get as far as serving.
func (v *Verifier) Require(next http.Handler, scopes ...string) http.Handler {
	if err := v.Validate(); err != nil {
		panic(err)
	}
	for _, s := range scopes {
		if !oauth.ValidScopeToken(s) {
			panic("enforce: " + strconv.Quote(s) + " is not a scope")
		}
	}
	need := oauth.NewScope(scopes...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok, err := v.Authenticate(r, need...)
		if err != nil {
			v.Refuse(w, err, need...)
			return
		}
		if nonce := v.DPoP.Nonce(v.now()); nonce != "" && tok.Confirmation.Key != "" {
			w.Header().Set("DPoP-Nonce", nonce) // RFC 9449 §8.2: the next proof needs it
		}
		next.ServeHTTP(w, r.WithContext(WithToken(r.Context(), tok)))
	})
}

// Middleware is Require in the form that routers such as chi take.
func (v *Verifier) Middleware(scopes ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return v.Require(next, scopes...) }
}

type tokenKey struct{}

// WithToken returns a context in which FromContext returns tok, for adapters of
// other frameworks.
func WithToken(ctx context.Context, tok *Token) context.Context {
	return context.WithValue(ctx, tokenKey{}, tok)
}

// FromContext returns the token that let the request through, or nil outside
// of Require.
func FromContext(ctx context.Context) *Token {
	tok, _ := ctx.Value(tokenKey{}).(*Token)
	return tok
}
