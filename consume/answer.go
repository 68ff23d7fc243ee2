package consume

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// longestLife bounds what we believe of a token's life: no server means more,
// and a larger number of seconds does not fit where times are kept.
const longestLife = 10 * 365 * 24 * time.Hour

// members are those of an answer by their exact names. What is not read is
// ignored (RFC 6749 §5.1).
type members map[string]json.RawMessage

// text returns a member that is a string, else "".
func (m members) text(name string) string {
	var s string
	if json.Unmarshal(m[name], &s) != nil {
		return ""
	}
	return s
}

// read reads a successful answer to a request that was sent at sent.
func (c *ClientCredentials) read(body []byte, sent time.Time) (*Token, error) {
	var m members
	if err := json.Unmarshal(body, &m); err != nil || m == nil {
		return nil, errors.New("the answer is not a JSON object")
	}
	tok := &Token{Value: m.text("access_token"), Type: "Bearer"}
	if c.DPoP != nil {
		tok.Type = "DPoP" // RFC 9449 §5: a bearer token is not what was asked for
	}
	switch {
	case !validToken(tok.Value):
		return nil, errors.New("the answer has no access_token, or one that fits in no header")
	case !strings.EqualFold(m.text("token_type"), tok.Type): // RFC 6749 §7.1
		return nil, fmt.Errorf("the answer's token_type is not %s", tok.Type)
	}
	if tok.Expires = c.expires(m, tok.Value, sent); !tok.Expires.IsZero() {
		tok.life = tok.Expires.Sub(sent)
	}
	tok.Scope = oauth.NewScope(c.Scope...)
	if s := m.text("scope"); s != "" {
		if granted, err := oauth.ParseScope(s); err == nil {
			tok.Scope = granted
		}
	}
	return tok, nil
}

// validToken is access-token of RFC 6749 Appendix A.12, but for the space,
// which would end the token in a header.
func validToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// expires returns when the token ends: expires_in from sent, else expires_at,
// which some servers write instead, else the exp of a JWT. A life of zero or less
// that no exp contradicts ends at once; one that nothing says is one that the
// server did not say. A created_at beside expires_in, as Doorkeeper has it, is
// not counted from: its expires_in is what is left.
func (c *ClientCredentials) expires(m members, token string, sent time.Time) time.Time {
	in, said := number(m["expires_in"])
	if said && in > 0 {
		// Count from when we asked: the issuer's clock and ours may differ, and
		// the answer took a while to arrive.
		return sent.Add(time.Duration(min(in, longestLife.Seconds())) * time.Second)
	}
	latest := c.clock.at(sent).Add(longestLife)
	if at, ok := number(m["expires_at"]); ok && !said {
		if at >= float64(latest.Unix()) {
			return sent.Add(longestLife)
		}
		return c.clock.local(time.Unix(int64(max(at, 0)), 0), sent)
	}
	if end, ok := jose.UnverifiedExpiry(token); ok && end.Before(latest) {
		if local := c.clock.local(end, sent); !said || local.After(sent) {
			return local
		}
	}
	if said {
		return sent
	}
	return time.Time{}
}

// number reads a number, or a string that holds one, as some servers write it.
func number(raw json.RawMessage) (float64, bool) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil && !math.IsInf(n, 0) || math.IsNaN(n) { // 1e400 is a number too
		return 0, false
	}
	return n, true
}

// failed returns the error of an answer. The cause is what is wrong with an
// answer that could otherwise be one.
func (c *ClientCredentials) failed(res *http.Response, body []byte, cause error) *Error {
	e := &Error{Status: res.StatusCode, TraceID: clean(res.Header.Get("X-Request-Id")), Cause: cause}
	e.RetryAfter = c.retryAfter(res.Header)
	var m members
	if json.Unmarshal(body, &m) == nil {
		e.Code, e.Description, e.URI = clean(m.text("error")), clean(m.text("error_description")), clean(m.text("error_uri"))
		if id := m.text("trace_id"); id != "" {
			e.TraceID = clean(id)
		}
	}
	if cause == nil && res.StatusCode/100 == 3 {
		e.Cause = errors.New("the token endpoint redirects, which is not followed: correct the token URL")
	}
	return e
}

// retryAfter reads seconds or a date (RFC 9110 §10.2.3).
func (c *ClientCredentials) retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(at.Sub(c.clock.at(c.now())), 0)
}
