package issue

import (
	"net/http"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage"
)

// deprecated is when what a rung is for was ruled out: RFC 6749, of October 2012,
// forbids credentials in the URL and two methods at once; FAPI 2.0, of 22 February
// 2025, an audience of assertions other than the issuer.
func deprecated(r mintage.Rung) int {
	const rfc6749, fapi2 = 1349049600, 1740182400
	if r == mintage.RungAssertionAudience {
		return fapi2
	}
	return rfc6749
}

// sunsetAfter is how long after the last change of a client the sunset is that
// it is told where its ladder says warn without a date.
const sunsetAfter = 180 * 24 * time.Hour

// rungReason is the reason code of a rung.
func rungReason(r mintage.Rung) string {
	switch r {
	case mintage.RungQueryCredentials:
		return "query.credentials"
	case mintage.RungTwoMethods:
		return "auth.two_methods"
	case mintage.RungAssertionAudience:
		return "assertion.audience"
	}
	return "internal" // no rung without a case: TestRungs
}

// climb notes the rungs of the ladder that an authenticated request needed, and
// tells the client to leave those at warn (RFC 9745 §2, RFC 8594 §3).
func (h *Handler) climb(x *exchange) {
	c := x.who.Client
	for _, rung := range x.who.Weak {
		reason := rungReason(rung)
		if c.Rung(rung, x.start) != mintage.LadderWarn {
			x.out.Notes = append(x.out.Notes, reason)
			continue
		}
		x.out.warn(reason)
		header := x.w.Header()
		header.Add("Mintage-Warning", reason)
		header.Set("Deprecation", "@"+strconv.Itoa(deprecated(rung)))
		sunset := c.Sunset(rung)
		if sunset.IsZero() && !c.Updated.IsZero() {
			sunset = c.Updated.Add(sunsetAfter)
		}
		if !sunset.IsZero() {
			x.sunset(sunset)
		}
		if docs := h.docs(x.t); docs != "" {
			header.Set("Link", "<"+docs+"/howto/leave-the-ladder>; rel=\"deprecation\"; type=\"text/html\"")
		}
	}
}

// sunset tells of the end of what a request did; of several the first.
func (x *exchange) sunset(at time.Time) {
	if told, err := http.ParseTime(x.w.Header().Get("Sunset")); err == nil && told.Before(at) {
		return
	}
	x.w.Header().Set("Sunset", at.UTC().Format(http.TimeFormat))
}
