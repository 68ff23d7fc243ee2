package agent

import (
	"crypto/subtle"
	"net/http"
	"time"
)

// AgentHeader is what a request for a token has on a TCP listener: no page can
// make a browser send it without asking the agent first, which never agrees.
// Its value is true, or the access key.
const AgentHeader = "Mintage-Agent"

// tokenDocument is the answer of GET /token/NAME.
type tokenDocument struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds that are left
	Scope       string `json:"scope,omitempty"`
}

// lend hands a token out.
func (a *Agent) lend(l *live, w http.ResponseWriter, r *http.Request, name string) {
	u := l.upstreams[name]
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		a.refuse(w, r, &refusal{status: http.StatusMethodNotAllowed, code: "request.method", text: "Tokens are handed out by GET."})
	case !l.mayHave(r):
		a.refuse(w, r, refused("caller.header", "A request for a token over TCP needs the header "+AgentHeader+
			": true, or with the access key where one is set."))
	case u == nil:
		a.refuse(w, r, l.unknown(name))
	default:
		tok, err := u.token(r.Context())
		if err != nil {
			describe(err, a.now()).write(w)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, tokenDocument{
			AccessToken: tok.Value, TokenType: tok.Type, Scope: tok.Scope.String(),
			ExpiresIn: int64(max(tok.Expires.Sub(a.now()), 0) / time.Second),
		})
	}
}

// mayHave checks the header of a TCP caller; the guard has checked the user of
// a Unix socket.
func (l *live) mayHave(r *http.Request) bool {
	if p, ok := r.Context().Value(peerKey{}).(*peer); ok && p.unix {
		return true
	}
	want := l.accessKey
	if len(want) == 0 {
		want = []byte("true")
	}
	values := r.Header[AgentHeader]
	return len(values) == 1 && subtle.ConstantTimeCompare([]byte(values[0]), want) == 1
}
