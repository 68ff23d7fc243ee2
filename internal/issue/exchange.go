package issue

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/dpop"
	"github.com/mintage-auth/mintage/oauth"
)

// exchange is one request and its answer, which is written when the request has
// been dealt with. It is used again for another request after that: nothing
// keeps a pointer into it.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request // nothing after reading looks at it
	t       *mintage.Tenant
	dialect *Dialect
	peer    Peer
	start   time.Time
	out     Outcome

	// shown are the credentials that came, for the second look at those in a URL.
	shown *clientauth.Request
	who   clientauth.Result

	proof    *dpop.Proof // of the DPoP key that the token is to be bound to; nil: none
	spending time.Time   // until when it has to be remembered

	req   Request
	query values
	form  values              // parameters of the body
	attrs [maxAttrs]slog.Attr // of the log line

	buf  []byte // of answers; body is in it
	body []byte
}

// exchanges holds exchanges for the next requests.
var exchanges = sync.Pool{New: func() any { return &exchange{buf: make([]byte, 0, 2<<10)} }}

// release lets the next request have x, without what it knows.
func (x *exchange) release() {
	buf := x.buf
	*x = exchange{buf: buf}
	exchanges.Put(x)
}

// Header values that many answers share. A header map holds the slice itself,
// which nothing in the HTTP server writes to.
var (
	headerNoStore = []string{"no-store"}
	headerNoCache = []string{"no-cache"}
	headerJSON    = []string{"application/json;charset=UTF-8"}
)

// begin sets the headers of every answer (RFC 6749 §5.1).
func (x *exchange) begin() {
	header := x.w.Header()
	header["Cache-Control"] = headerNoStore
	header["Pragma"] = headerNoCache
	header["X-Request-Id"] = []string{x.out.TraceID}
}

// method deals with requests that are not the endpoint's work, and says whether
// that was all. An endpoint without methods leaves every request to its serve.
func (x *exchange) method(method string, e *endpoint) (done bool, err error) {
	switch {
	case slices.Contains(e.methods, method), len(e.methods) == 0:
		return false, nil
	case method == http.MethodOptions:
		x.w.Header().Set("Allow", e.allow)
		x.out.Status = http.StatusNoContent
		return true, nil
	}
	x.w.Header().Set("Allow", e.allow) // RFC 9110 §15.5.6
	return false, oauth.MethodNotAllowed("this endpoint takes " + e.methods[0] + " requests")
}

// ignored notes parameters that nothing reads, for the operator and for
// whoever watches the answer's header.
func (x *exchange) ignored(known params, names []string) {
	x.out.Ignored = names
	if len(names) > 0 {
		x.out.warn("param.ignored")
	}
	for _, name := range names {
		x.w.Header().Add("Mintage-Warning", "param.ignored; name="+name)
		if x.out.DidYouMean == "" {
			x.out.DidYouMean = known.didYouMean(name)
		}
	}
}

// answer sets a JSON answer that build appends to what it is given.
func (x *exchange) answer(status int, build func([]byte) []byte) {
	x.w.Header()["Content-Type"] = headerJSON
	x.out.Status = status
	x.body = build(x.buf[:0])
}

// write sends the answer.
func (x *exchange) write(headOnly bool) { //nolint:revive // HEAD is what it is
	const sniffed = 2 << 10 // net/http counts the bytes of shorter answers itself
	if len(x.body) >= sniffed || headOnly && x.body != nil {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(x.body)))
	}
	x.w.WriteHeader(x.out.Status)
	if !headOnly && len(x.body) > 0 {
		_, _ = x.w.Write(x.body) // the caller is gone if this fails
	}
	clear(x.body)         // a token was in it
	const kept = 16 << 10 // bytes; few answers are longer
	if x.body != nil && cap(x.body) <= kept {
		x.buf = x.body[:0]
	}
	x.body = nil
}
