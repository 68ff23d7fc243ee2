package oauth

import "strings"

// BasicChallenge returns the WWW-Authenticate value that asks for HTTP Basic
// (RFC 7617 §2). The realm is the issuer identifier.
func BasicChallenge(realm string) string {
	return "Basic realm=" + quote(realm)
}

// BearerChallenge returns the WWW-Authenticate value of a resource (RFC 6750
// §3). A nil e is a request without a token, which gets no error code (§3.1).
// The scope is what the request needs; it may be empty.
func BearerChallenge(realm string, e *Error, scope Scope) string {
	params := make([]string, 0, 4)
	if realm != "" {
		params = append(params, "realm="+quote(realm))
	}
	if e != nil {
		params = append(params, "error="+quote(e.Code))
		if e.Description != "" {
			params = append(params, "error_description="+quote(e.Description))
		}
	}
	if len(scope) > 0 {
		params = append(params, "scope="+quote(scope.String()))
	}
	if len(params) == 0 {
		return "Bearer"
	}
	return "Bearer " + strings.Join(params, ", ")
}

// quote returns s as a quoted-string (RFC 9110 §5.6.4).
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c >= 0x20 && c < 0x7f {
			if c == '"' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
