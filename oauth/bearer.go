package oauth

import (
	"errors"
	"net/http"
	"strings"
)

// ErrNoBearer says that a request carries no bearer token at all.
var ErrNoBearer = errors.New("no bearer token")

// Bearer returns the token in the Authorization header (RFC 6750 §2.1). The
// scheme is matched without regard to case (RFC 9110 §11.1). The error is
// ErrNoBearer where there is none and an invalid_request where there are
// several headers or the token has a character that no token has. The form
// body and the query are not read: RFC 9700 §4.3.2 is against them.
func Bearer(h http.Header) (string, error) { return schemeToken(h, "bearer") }

// DPoP returns the token of a request that says it has a DPoP proof beside it
// (RFC 9449 §7.1). Errors are those of Bearer.
func DPoP(h http.Header) (string, error) { return schemeToken(h, "dpop") }

func schemeToken(h http.Header, want string) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", ErrNoBearer
	}
	if len(values) > 1 {
		return "", InvalidRequest("token.malformed", "the Authorization header is repeated")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !isScheme(scheme, want) {
		return "", ErrNoBearer
	}
	token = strings.Trim(token, " ")
	if !validBearer(token) {
		return "", InvalidRequest("token.malformed", "the access token is empty or has a character that no token has")
	}
	return token, nil
}

// validBearer is b64token of RFC 6750 §2.1.
func validBearer(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		c := body[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return body != ""
}
