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

// DPoPChallenge returns the WWW-Authenticate value of a resource that takes
// tokens with a DPoP proof signed by one of algs (RFC 9449 §7.1). A nil e gets
// no error code.
func DPoPChallenge(realm string, e *Error, scope Scope, algs ...string) string {
	params, _ := strings.CutPrefix(BearerChallenge(realm, e, scope), "Bearer")
	if params != "" {
		params += ","
	}
	return "DPoP" + params + " algs=" + quote(strings.Join(algs, " "))
}

// WithResourceMetadata adds to a challenge where the metadata of the resource
// is (RFC 9728 §5.1).
func WithResourceMetadata(challenge, url string) string {
	if strings.Contains(challenge, " ") {
		challenge += ","
	}
	return challenge + " resource_metadata=" + quote(url)
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
