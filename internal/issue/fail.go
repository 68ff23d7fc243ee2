package issue

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// Seconds after which asking again makes sense.
const (
	retryKey   = "5" // an RSA key takes about that long on a slow machine
	retryStore = "2"
	retryBusy  = "2" // as long as a check waits for its turn at most
)

// fail is the only place that answers an error. What is not an *oauth.Error is
// ours, not the client's: it is logged and the client learns nothing of it.
func (h *Handler) fail(x *exchange, err error) {
	oe, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		oe = oauth.ServerError(err)
	}
	status := x.dialect.Status(oe)
	x.out.Error, x.out.Reason, x.out.cause = oe.Code, oe.Reason, oe.Cause
	x.out.hideUnproved()
	header := x.w.Header()
	switch {
	case status == http.StatusUnauthorized: // RFC 6749 §5.2, RFC 9110 §15.5.2
		header.Set("WWW-Authenticate", oauth.BasicChallenge(x.t.Issuer))
	case status == http.StatusServiceUnavailable && oe.Reason == "key.unavailable":
		header.Set("Retry-After", retryKey)
	case oe.RetryAfter > 0: // RFC 6585 §4; in whole seconds
		header.Set("Retry-After", strconv.FormatInt(int64((oe.RetryAfter+time.Second-1)/time.Second), 10))
	case status == http.StatusTooManyRequests:
		header.Set("Retry-After", retryBusy)
	case status == http.StatusServiceUnavailable:
		header.Set("Retry-After", retryStore)
	}
	f := &Failure{Code: oe.Code, Description: oe.Description, TraceID: x.out.TraceID, Status: status}
	if docs := h.docs(x.t); docs != "" {
		f.URI = docs + "/errors/" + oe.Code
	}
	if h.Debug {
		f.Debug = oe.Error()
	}
	x.answer(status, func(dst []byte) []byte { return x.dialect.Fail(dst, f) })
}

// docs returns the documentation's URL for the callers of t, which may be nil.
// The listener's own pages are named by the issuer, since nothing of the
// request may say where they are. Empty: nobody knows.
func (h *Handler) docs(t *mintage.Tenant) string {
	if h.DocsURL != nil {
		if docs := h.DocsURL(); docs != "" || t == nil {
			return docs
		}
	}
	if t == nil {
		return ""
	}
	scheme, rest, _ := strings.Cut(t.Issuer, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + "/docs"
}
