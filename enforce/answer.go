package enforce

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/mintage-auth/mintage/oauth"
)

// retryAfter is what an answer 503 tells the caller to wait, in seconds: about
// as long as it takes until an issuer that is away is asked again.
const retryAfter = 5

// Answer is how a request is refused.
type Answer struct {
	Status int
	Header http.Header // with the challenges
	Body   []byte      // JSON
	Reason string      // stable reason code, for logs and metrics; not for the client
}

// Answer returns how an error of Authenticate is answered: with its status, one
// challenge for each way in which a token is taken, and a JSON body that tells
// no more than the challenge (RFC 6750 §3). Any other error is server_error.
func (v *Verifier) Answer(err error, scopes ...string) Answer {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		e = oauth.ServerError(err)
	}
	h := http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"application/json"}}
	for _, c := range v.challenges(e, scopes) {
		h.Add("WWW-Authenticate", c)
	}
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	if nonce := v.DPoP.Nonce(v.now()); nonce != "" {
		h.Set("DPoP-Nonce", nonce)
	}
	body, err := json.Marshal(oauth.ErrorResponse{Code: e.Code, Description: e.Description})
	if err != nil { // two strings always encode
		body = nil
	}
	return Answer{Status: e.Status, Header: h, Body: body, Reason: e.Reason}
}

// Refuse answers a request that does not get through.
func (v *Verifier) Refuse(w http.ResponseWriter, err error, scopes ...string) {
	a := v.Answer(err, scopes...)
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// Challenge returns the first WWW-Authenticate value for an answer to err, or
// "" for an error that is not the caller's. Without a token there is no error
// code in it (RFC 6750 §3.1), since the request did nothing wrong. Answer has
// all of them.
func (v *Verifier) Challenge(err error, scopes ...string) string {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return ""
	}
	if all := v.challenges(e, scopes); len(all) > 0 {
		return all[0]
	}
	return ""
}

// challenges returns one challenge for each way in which a token is taken. The
// error is in that of the way in which the request came (RFC 9449 §7.1, §7.2).
func (v *Verifier) challenges(e *oauth.Error, scopes []string) []string {
	if e.Status >= http.StatusInternalServerError {
		return nil
	}
	need, realm := oauth.NewScope(scopes...), cmp.Or(v.Realm, v.Audience, "api")
	if e.Reason == "token.missing" {
		e = nil
	}
	all := make([]string, 0, 2)
	if v.DPoP != nil && e != nil && (e.Code == "invalid_dpop_proof" || e.Code == "use_dpop_nonce") {
		all = append(all, oauth.DPoPChallenge(realm, e, need, v.DPoP.algorithms()...))
	} else {
		all = append(all, oauth.BearerChallenge(realm, e, need))
		if v.DPoP != nil && (e == nil || e.Status == http.StatusUnauthorized) {
			all = append(all, oauth.DPoPChallenge(realm, nil, need, v.DPoP.algorithms()...))
		}
	}
	if v.Metadata != nil {
		for i := range all {
			all[i] = oauth.WithResourceMetadata(all[i], v.Metadata.URL())
		}
	}
	return all
}
