package consume

import "strings"

// challenge is one challenge of a WWW-Authenticate header (RFC 9110 §11.6.1).
type challenge struct {
	scheme string            // in lower case
	params map[string]string // by names in lower case; the first of each
}

// maxChallenges bounds what is read of an answer's challenges.
const maxChallenges = 16

// challenges reads WWW-Authenticate header values. What follows something that
// cannot be read is left out.
func challenges(values []string) []challenge {
	var all []challenge
	for _, v := range values {
		for v = skip(v); v != "" && len(all) < maxChallenges; {
			scheme, rest := cutToken(v)
			if scheme == "" {
				break
			}
			c := challenge{scheme: strings.ToLower(scheme), params: map[string]string{}}
			v = c.read(rest)
			all = append(all, c)
		}
	}
	return all
}

// read reads the parameters and returns what follows them: the next challenge.
func (c *challenge) read(s string) string {
	for {
		rest := skip(s)
		name, after := cutToken(rest)
		trimmed := strings.TrimLeft(after, " \t")
		if name == "" || !strings.HasPrefix(trimmed, "=") {
			if blob := strings.TrimLeft(after, "="); name != "" && blob != after { // a token68
				return skip(blob)
			}
			return rest // the next scheme, or the end
		}
		value, end, ok := cutValue(strings.TrimLeft(trimmed[1:], " \t"))
		if !ok {
			return skip(strings.TrimLeft(trimmed, "=")) // a token68, padded
		}
		name = strings.ToLower(name)
		if _, there := c.params[name]; !there {
			c.params[name] = value
		}
		s = end
	}
}

// skip leaves out what separates the elements of a list.
func skip(s string) string { return strings.TrimLeft(s, " \t,") }

// cutToken cuts a token off (RFC 9110 §5.6.2), or what stands in a token68.
func cutToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && (s[i] > ' ' && s[i] < 0x7f && !strings.ContainsRune(`"(),:;<=>?@[\]{}`, rune(s[i]))) {
		i++
	}
	return s[:i], s[i:]
}

// cutValue cuts a token or a quoted string off.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest = cutToken(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// refusesToken reports whether a 401 with these challenges may be about the
// token: they say invalid_token, or nothing (RFC 6750 §3.1).
func refusesToken(cs []challenge) bool {
	said := false
	for _, c := range cs {
		if code := c.params["error"]; (c.scheme == "bearer" || c.scheme == "dpop") && code != "" {
			if code == "invalid_token" {
				return true
			}
			said = true
		}
	}
	return !said
}

// dpopError returns the error code of the DPoP challenge (RFC 9449 §7.1), or "".
func dpopError(cs []challenge) string {
	for _, c := range cs {
		if c.scheme == "dpop" && c.params["error"] != "" {
			return c.params["error"]
		}
	}
	return ""
}
