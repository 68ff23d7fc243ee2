package enforce

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/mintage-auth/mintage/oauth"
)

// retryAfter is what an answer 503 tells the caller to wait, in seconds: about
// as long as it takes until an issuer that is away is asked again.
const retryAfter = 5

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
			v.refuse(w, err, need)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, tok)))
	})
}

type tokenKey struct{}

// FromContext returns the token that let the request through, or nil outside
// of Require.
func FromContext(ctx context.Context) *Token {
	tok, _ := ctx.Value(tokenKey{}).(*Token)
	return tok
}

// Authenticate returns the verified token of r when it has all of scopes. The
// token is read from the Authorization header alone; one in the query counts as
// none (RFC 9700 §4.3.2), and beside one in the header makes the request
// malformed (RFC 6750 §2). The error is an *oauth.Error; Challenge makes the
// WWW-Authenticate value of it.
func (v *Verifier) Authenticate(r *http.Request, scopes ...string) (*Token, error) {
	raw, err := oauth.Bearer(r.Header)
	switch {
	case errors.Is(err, oauth.ErrNoBearer):
		return nil, oauth.InvalidToken("token.missing", "the request carries no access token", err)
	case err != nil:
		return nil, err
	}
	if r.URL.RawQuery != "" && r.URL.Query().Has("access_token") {
		return nil, oauth.InvalidRequest("token.malformed", "the request carries an access token in the query too")
	}
	tok, err := v.Verify(r.Context(), raw)
	if err != nil {
		return nil, err
	}
	need := oauth.NewScope(scopes...)
	if len(need.Without(tok.Scope)) > 0 {
		return nil, oauth.InsufficientScope(need)
	}
	return tok, nil
}

// Challenge returns the WWW-Authenticate value for an answer to err, or "" for
// an error that is not the caller's. Without a token there is no error code in
// it (RFC 6750 §3.1), since the request did nothing wrong.
func (v *Verifier) Challenge(err error, scopes ...string) string {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok || e.Status >= http.StatusInternalServerError {
		return ""
	}
	if e.Reason == "token.missing" {
		e = nil
	}
	return oauth.BearerChallenge(cmp.Or(v.Realm, v.Audience, "api"), e, oauth.NewScope(scopes...))
}

// refuse answers a request that does not get through.
func (v *Verifier) refuse(w http.ResponseWriter, err error, need oauth.Scope) {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		e = oauth.ServerError(err)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if c := v.Challenge(e, need...); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	body, err := json.Marshal(oauth.ErrorResponse{Code: e.Code, Description: e.Description})
	if err != nil { // two strings always encode
		body = nil
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}
