package gateway

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// maxPath bounds a path, in bytes.
const maxPath = 8 << 10

// errPath says what is wrong with a path. Each is one way to make a checker
// and a backend read two things.
var (
	errPathForm      = errors.New("the request target is not a path; a path begins with a slash")
	errPathLength    = errors.New("the path is too long")
	errPathByte      = errors.New("the path has a byte that no path has; percent-encode it")
	errPathEscape    = errors.New("the path has a percent sign that two hexadecimal digits do not follow")
	errPathAmbiguous = errors.New("the path has an encoded slash, backslash, dot, semicolon, percent sign or control character")
	errPathDot       = errors.New("the path has a dot segment")
	errPathEmpty     = errors.New("the path has an empty segment")
	errPathParameter = errors.New("the path has a semicolon")
)

// CanonicalPath returns the one spelling of a path as it is on the wire: each
// escape that need not be one is resolved, the others are in upper case. What
// two programs may read in two ways is an error, so that the path that was
// decided on is the path that the backend sees (RS-19): dot and empty segments,
// backslashes, semicolons, and these, slashes or percent signs in disguise.
func CanonicalPath(raw string) (string, error) {
	switch {
	case raw == "" || raw[0] != '/':
		return "", errPathForm
	case len(raw) > maxPath:
		return "", errPathLength
	}
	plain := true
	for i := range len(raw) {
		c := raw[i]
		switch {
		case isPathByte(c):
		case c == '%':
			plain = false
		case c == ';':
			return "", errPathParameter
		default:
			return "", errPathByte
		}
		if c == '/' && i > 0 && raw[i-1] == '/' {
			return "", errPathEmpty
		}
	}
	if !plain {
		var err error
		if raw, err = unescape(raw); err != nil {
			return "", err
		}
	}
	return raw, checkDots(raw)
}

// unescape resolves the escapes of bytes that a path may hold as they are.
func unescape(raw string) (string, error) {
	out, decoded := make([]byte, 0, len(raw)), make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			out, decoded = append(out, c), append(decoded, c)
			continue
		}
		if i+2 >= len(raw) {
			return "", errPathEscape
		}
		hi, lo := unhex(raw[i+1]), unhex(raw[i+2])
		if hi < 0 || lo < 0 {
			return "", errPathEscape
		}
		c = byte(hi<<4 | lo) //nolint:gosec // two digits are a byte
		i += 2
		switch {
		case c < 0x20, c == 0x7f, c == '/', c == '\\', c == '.', c == ';':
			return "", errPathAmbiguous
		case afterDots(out):
			return "", errPathAmbiguous // ..%20: some cut off what is behind the dots
		case isUnreserved(c):
			out = append(out, c)
		default:
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
		decoded = append(decoded, c)
	}
	switch {
	case !utf8.Valid(decoded):
		return "", errPathByte
	case hasEscape(decoded):
		return "", errPathAmbiguous // encoded twice
	}
	return string(out), nil
}

// hasEscape says whether there is still something to decode in a path.
func hasEscape(decoded []byte) bool {
	for i := range len(decoded) - 2 {
		if decoded[i] == '%' && unhex(decoded[i+1]) >= 0 && unhex(decoded[i+2]) >= 0 {
			return true
		}
	}
	return false
}

// afterDots reports whether a path ends in a slash and one or two dots.
func afterDots(path []byte) bool {
	rest := bytes.TrimRight(path, ".")
	return len(path)-len(rest) > 0 && len(path)-len(rest) <= 2 && bytes.HasSuffix(rest, []byte("/"))
}

// checkDots refuses the segments . and ..
func checkDots(path string) error {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		rest := path[i+1:]
		if len(rest) > 0 && rest[0] == '.' {
			rest = rest[1:]
			if len(rest) > 0 && rest[0] == '.' {
				rest = rest[1:]
			}
			if rest == "" || rest[0] == '/' {
				return errPathDot
			}
		}
	}
	return nil
}

const upperHex = "0123456789ABCDEF"

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isUnreserved is unreserved of RFC 3986 §2.3, without the dot.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '~'
}

// isPathByte is a byte of pchar or a slash (RFC 3986 §3.3), without the
// semicolon and the percent sign.
func isPathByte(c byte) bool {
	if isUnreserved(c) {
		return true
	}
	switch c {
	case '/', '.', '!', '$', '&', '\'', '(', ')', '*', '+', ',', '=', ':', '@':
		return true
	}
	return false
}

// errQuery says that a query has bytes that no query has.
var errQuery = errors.New("the query has a byte that no query has; percent-encode it")

// checkQuery refuses a query that is not one of RFC 3986 §3.4, but for a few
// characters that clients send as they are. It is passed on byte for byte.
func checkQuery(raw string) error {
	for i := range len(raw) {
		if c := raw[i]; c <= 0x20 || c >= 0x7f || c == '#' {
			return errQuery
		}
	}
	return nil
}
