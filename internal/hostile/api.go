package hostile

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// API puts the issuer's opinion of the bearer token (RFC 6750 §3) in front of
// next: a token that has ended, is for something else or is to be refused is
// 401, one without the scope 403. A nil next is Echo.
func (f *Front) API(i *Introspector, realm string, next http.Handler, scopes ...string) http.Handler {
	need := oauth.NewScope(scopes...)
	if next == nil {
		next = http.HandlerFunc(echo)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused, err := f.check(i, r, need)
		switch {
		case err != nil:
			http.Error(w, "the issuer does not answer", http.StatusBadGateway)
		case refused != nil:
			challenge(w, realm, refused, need)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// check says whether the token of r is refused.
func (f *Front) check(i *Introspector, r *http.Request, need oauth.Scope) (*oauth.Error, error) {
	token, err := oauth.Bearer(r.Header)
	if errors.Is(err, oauth.ErrNoBearer) {
		return &oauth.Error{Status: http.StatusUnauthorized}, nil
	}
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return refused, nil
	}
	info, err := i.Introspect(r.Context(), token)
	switch {
	case err != nil:
		return nil, err
	case !info.Active || f.refuses(info.ID):
		return oauth.InvalidToken("token.revoked", "the token has ended, or is no token of this issuer for this API", nil), nil
	case info.Confirmation.Bound(): // RFC 9449 §7.2
		return oauth.InvalidToken("dpop.missing", "the access token is bound to a key, and this API takes no proofs", nil), nil
	case len(need.Without(info.Scope)) > 0:
		return oauth.InsufficientScope(need), nil
	}
	return nil, nil
}

// challenge answers a request without a good token. One without any gets no
// error code (RFC 6750 §3.1).
func challenge(w http.ResponseWriter, realm string, refused *oauth.Error, need oauth.Scope) {
	shown := refused
	if refused.Code == "" {
		shown = nil
	}
	w.Header().Set("WWW-Authenticate", oauth.BearerChallenge(realm, shown, need))
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(refused.Status)
	_ = json.NewEncoder(w).Encode(oauth.ErrorResponse{Code: refused.Code, Description: refused.Description}) // the caller is gone if this fails
}

// maxEcho bounds what is read of a request, in bytes.
const maxEcho = 16 << 20

// echo answers what it was sent, so that callers see whether all of it arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
	if err != nil {
		http.Error(w, "the body ended early or is too long", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_ = json.NewEncoder(w).Encode(struct { // the caller is gone if this fails
		Method string `json:"method"`
		Path   string `json:"path"`
		Body   string `json:"body"`
	}{r.Method, r.URL.RequestURI(), string(body)})
}

// Refuse refuses a good token from now on. Tenant is whose it is.
func (f *Front) Refuse(info oauth.Introspection, tenant string) {
	f.fates.end(info, tenant, time.Now())
}
