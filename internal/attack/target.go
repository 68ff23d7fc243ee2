package attack

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Target is the gateway under attack, and what is known of it.
type Target struct {
	// URL is of a path that needs a token, such as http://127.0.0.1:8080/orders.
	URL *url.URL
	// Dial is the address to connect to; empty: that of URL.
	Dial string
	// Token is a good one for URL.
	Token string
	// Public is a path that needs no token; empty: one that no rule has.
	Public string
	// Forbidden is a path that Token does not open; empty: what needs one is
	// left out.
	Forbidden string
	// Identity are the headers that the gateway sets; none: DefaultIdentity.
	Identity []string
	// BadTokens must be refused too: expired, revoked, another API's.
	BadTokens []string
	// Keys are the public keys of the issuer; none: the cases that need one are
	// left out.
	Keys Keys
	// Canary is in the protected resource and nowhere else; empty: each answer
	// 2xx is taken for it. It counts where the API does not say what reached it.
	Canary string
	// Backend is what reached the API; nil: what its answers say, if it is an
	// Echo, else the status and Canary have to do.
	Backend Backend
	// Timeout of one case; zero: DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout of one case. Whoever answers no sooner is taken for one who
// does not answer.
const DefaultTimeout = 2 * time.Second

// DefaultIdentity returns the headers that Mintage's gateway sets.
func DefaultIdentity() []string {
	return []string{"X-Client-Id", "X-Token-Subject", "X-Token-Scope", "X-Token-Issuer", "X-Token-Id"}
}

// Backend is what reached the API since it was asked last.
type Backend interface {
	Take() ([]Seen, error)
}

// unknown is a path that no gateway has a rule for.
const unknownPath = "/mintage-attack-public"

// Validate checks what a run needs.
func (t *Target) Validate() error {
	switch {
	case t.URL == nil || t.URL.Host == "" || t.URL.Scheme != "http" && t.URL.Scheme != "https":
		return errors.New("the target is no http or https URL")
	case !cleanPath(t.URL.EscapedPath()) || t.URL.RawQuery != "":
		return errors.New("the target's path is not a plain one, such as /orders")
	case t.Token == "":
		return errors.New("there is no good token")
	case strings.ContainsAny(t.Token, " \r\n"):
		return errors.New("the token has spaces or line breaks in it")
	}
	for _, path := range []string{t.Public, t.Forbidden} {
		if path != "" && !cleanPath(path) {
			return fmt.Errorf("the path %q is not a plain one, such as /orders", path)
		}
	}
	return nil
}

func (t *Target) path() string {
	if p := t.URL.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

func (t *Target) public() string {
	if t.Public != "" {
		return t.Public
	}
	return unknownPath
}

func (t *Target) identity() []string {
	if len(t.Identity) > 0 {
		return t.Identity
	}
	return DefaultIdentity()
}

func (t *Target) timeout() time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	return DefaultTimeout
}

// attempt is a case with all its words filled in.
type attempt struct {
	Case
	request []byte
	id      string // in X-Attack-Id
	spoof   string // what must not be believed
	token   string
}

// attempts fills in a case: one attempt, or one for each identity header. None
// is returned, and why, for one that needs what is not known.
func (t *Target) attempts(c Case) (all []attempt, missing string) {
	text := c.Raw + c.Target + c.Body + strings.Join(c.Headers, "\n")
	if t.Forbidden == "" && strings.Contains(text, "{forbidden}") {
		return nil, "it needs a path that the token does not open"
	}
	token := t.Token
	if c.Forge != nil {
		if token = c.Forge(t.Token, t.Keys); token == "" {
			return nil, "it cannot be made of this token and these keys"
		}
	}
	names := []string{""}
	if c.EachIdentity {
		names = t.identity()
	}
	for _, name := range names {
		a := attempt{Case: c, id: strings.ToLower(rand.Text()[:12]), token: token}
		a.spoof = "spoof-" + a.id
		if name != "" {
			a.Name += ":" + name
		}
		a.request = t.fill(a, name)
		all = append(all, a)
	}
	return all, ""
}

// fill writes the request of an attempt.
func (t *Target) fill(a attempt, identity string) []byte {
	under := strings.ReplaceAll(identity, "-", "_")
	words := strings.NewReplacer(
		"{token}", a.token, "{good}", t.Token, "{public}", t.public(), "{forbidden}", t.Forbidden, "{host}", t.URL.Host,
		"{id}", a.id, "{spoof}", a.spoof, "{path}", t.path(), "{upper}", strings.TrimPrefix(strings.ToUpper(t.path()), "/"),
		"{encoded}", percent(t.path(), "%"), "{double}", percent(t.path(), "%25"),
		"{identity}", identity, "{identity-lower}", strings.ToLower(identity), "{identity-upper}", strings.ToUpper(identity),
		"{identity_}", under, "{identity_lower}", strings.ToLower(under),
		"{identity-mixed}", strings.Replace(identity, "-", "_", 1), "{identity.}", strings.ReplaceAll(identity, "-", "."),
	)
	if a.Raw != "" {
		return []byte(words.Replace(a.Raw))
	}
	a.Body = words.Replace(a.Body)
	return []byte(words.Replace(a.head()) + a.Body)
}

// head is what comes before the body of a case that is not written out, with
// the length of the body that was filled in.
func (a *attempt) head() string {
	var b strings.Builder
	b.WriteString(cmp.Or(a.Method, "GET") + " " + cmp.Or(a.Target, "{path}") + " HTTP/1.1\r\nHost: {host}\r\nX-Attack-Id: {id}\r\n")
	framed := false
	for _, line := range a.Headers {
		b.WriteString(line + "\r\n")
		framed = framed || strings.HasPrefix(line, "Transfer-Encoding:")
	}
	if a.Body != "" && !framed {
		b.WriteString("Content-Length: " + strconv.Itoa(len(a.Body)) + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// percent spells the last letter of a path in hexadecimal.
func percent(path, sign string) string {
	i := len(path) - 1
	return fmt.Sprintf("%s%s%02x", path[:i], sign, path[i])
}
