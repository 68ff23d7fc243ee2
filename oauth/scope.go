package oauth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Scope is a set of scope tokens, sorted and without duplicates. The zero
// value is the empty scope. Make one with ParseScope or NewScope.
type Scope []string

// NewScope returns the set of the given scope tokens, which it does not check.
func NewScope(tokens ...string) Scope {
	s := slices.Clone(tokens)
	slices.Sort(s)
	return slices.Compact(s)
}

// ParseScope parses the space-delimited form (RFC 6749 §3.3). Order and
// repetition carry no meaning on the wire and are dropped; a run of spaces
// counts as one. The error names the position of the offending byte and never
// repeats the input.
func ParseScope(s string) (Scope, error) {
	var sc Scope
	for start := 0; start < len(s); {
		end := start
		for end < len(s) && s[end] != ' ' {
			if !scopeByte(s[end]) {
				return nil, fmt.Errorf("scope has a character that is not allowed at byte %d", end+1)
			}
			end++
		}
		if end > start {
			sc = append(sc, s[start:end])
		}
		start = end + 1
	}
	slices.Sort(sc)
	return slices.Compact(sc), nil
}

// ValidScopeToken reports whether s can be one scope token.
func ValidScopeToken(s string) bool {
	for i := range len(s) {
		if !scopeByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// scopeByte is NQCHAR of RFC 6749 Appendix A.4.
func scopeByte(b byte) bool {
	return b == 0x21 || 0x23 <= b && b <= 0x5b || 0x5d <= b && b <= 0x7e
}

// String returns the wire form.
func (s Scope) String() string { return strings.Join(s, " ") }

// Equal reports whether s and o are the same set.
func (s Scope) Equal(o Scope) bool { return slices.Equal(s, o) }

// Has reports whether token is in s.
func (s Scope) Has(token string) bool {
	_, ok := slices.BinarySearch(s, token)
	return ok
}

// Without returns what is in s and not in o.
func (s Scope) Without(o Scope) Scope {
	var d Scope
	for _, token := range s {
		if !o.Has(token) {
			d = append(d, token)
		}
	}
	return d
}

// MarshalJSON encodes the wire form.
func (s Scope) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON decodes the wire form.
func (s *Scope) UnmarshalJSON(b []byte) error {
	var wire string
	if err := json.Unmarshal(b, &wire); err != nil {
		return fmt.Errorf("scope is not a string: %w", err)
	}
	sc, err := ParseScope(wire)
	if err != nil {
		return err
	}
	*s = sc
	return nil
}
