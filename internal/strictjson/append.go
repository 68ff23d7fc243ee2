package strictjson

import "unicode/utf8"

// stands says which bytes stand as they are in a string.
var stands = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// AppendString appends s as a JSON string. Only what JSON demands is escaped;
// bytes that are not UTF-8 become U+FFFD, since what we write must be read by
// readers as strict as this one.
func AppendString(dst []byte, s string) []byte {
	plain := 0
	for plain < len(s) && stands[s[plain]] {
		plain++
	}
	dst = append(append(dst, '"'), s[:plain]...)
	if plain == len(s) {
		return append(dst, '"')
	}
	return appendEscaped(dst, s[plain:])
}

// appendEscaped is AppendString from the first character on that may not stand
// as it is.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
