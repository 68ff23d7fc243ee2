package oauth

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// Basic are the credentials of an Authorization header of the scheme Basic
// (RFC 7617 §2), as they were sent.
type Basic struct {
	ID     string
	Secret string
}

// ErrNoBasic says that a header value is of another scheme.
var ErrNoBasic = errors.New("not the scheme Basic")

// errBasic is returned for every malformed value: it does not say more, since
// the value holds a secret.
var errBasic = errors.New("Basic credentials are not base64 of an id, a colon and a secret")

// strictBase64 refuses padding bits that are not zero, so that credentials have
// one spelling.
var strictBase64 = base64.StdEncoding.Strict()

// ParseBasic reads an Authorization header value. The scheme is matched
// without regard to case. The error is ErrNoBasic where the scheme is another.
func ParseBasic(value string) (Basic, error) {
	scheme, encoded, _ := strings.Cut(value, " ")
	if !isScheme(scheme, "basic") {
		return Basic{}, ErrNoBasic
	}
	var room [256]byte // enough for nearly all
	raw, err := strictBase64.AppendDecode(room[:0], []byte(strings.Trim(encoded, " ")))
	if err != nil || strings.IndexByte(encoded, '\r') >= 0 || strings.IndexByte(encoded, '\n') >= 0 {
		return Basic{}, errBasic
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok {
		return Basic{}, errBasic
	}
	return Basic{ID: id, Secret: secret}, nil
}

// isScheme compares an authentication scheme without regard to letter case
// (RFC 9110 §11.1), and ASCII's alone: U+017F is no s here.
func isScheme(sent, lower string) bool {
	if len(sent) != len(lower) {
		return false
	}
	for i := range len(sent) {
		c := sent[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Decoded returns b with both halves form-decoded (RFC 6749 §2.3.1), and
// whether they could be.
func (b Basic) Decoded() (Basic, bool) {
	if strings.IndexByte(b.ID, '%')&strings.IndexByte(b.ID, '+')&strings.IndexByte(b.Secret, '%')&strings.IndexByte(b.Secret, '+') == -1 {
		return b, true // nearly all
	}
	id, err := url.QueryUnescape(b.ID)
	if err != nil {
		return Basic{}, false
	}
	secret, err := url.QueryUnescape(b.Secret)
	if err != nil {
		return Basic{}, false
	}
	return Basic{ID: id, Secret: secret}, true
}

// BasicHeader returns the Authorization value for a client, both halves
// form-encoded (RFC 6749 §2.3.1).
func BasicHeader(id, secret string) string {
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// String hides the secret.
func (b Basic) String() string { return b.ID + ":(hidden)" }
