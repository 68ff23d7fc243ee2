package secret

import (
	"errors"
	"fmt"
	"strings"
)

// checker is a parsed hash: it tells whether a candidate is what was hashed.
type checker interface {
	matches(candidate string) bool
	// input is the part of the candidate that the hash depends on.
	input(candidate string) string
}

// scheme is one way to hash secrets that others made.
type scheme struct {
	name     string
	prefixes []string // by which a hash is recognised
	slow     bool
	parse    func(hash string) (checker, error)
}

// schemes are those that may be imported. Generated secrets have none of them:
// see HashGenerated.
var schemes = []scheme{
	{name: "argon2id", prefixes: []string{"$argon2id$"}, slow: true, parse: parseArgon2id},
	{name: "bcrypt", prefixes: []string{"$2a$", "$2b$", "$2y$"}, slow: true, parse: parseBcrypt},
	{name: "pbkdf2", prefixes: []string{"$pbkdf2-sha256$", "$pbkdf2-sha512$"}, slow: true, parse: parsePBKDF2},
	{name: "sha256", prefixes: []string{"sha256:"}, parse: parseSHA256},
	{name: "sha512", prefixes: []string{"sha512:"}, parse: parseSHA512},
}

// schemeOf finds the scheme of a hash, which may have the scheme's name and a
// colon before its own prefix, as in bcrypt:$2b$10$…. It returns the hash
// without them.
func schemeOf(hash string) (s scheme, bare string, ok bool) {
	for _, s := range schemes {
		for _, prefix := range s.prefixes {
			if strings.HasPrefix(hash, prefix) {
				return s, hash, true
			}
			if bare, ok := strings.CutPrefix(hash, s.name+":"); ok && strings.HasPrefix(bare, prefix) {
				return s, bare, true
			}
		}
	}
	return scheme{}, "", false
}

var errScheme = errors.New("unknown hash: it begins with none of " +
	"$argon2id$, $2a$, $2b$, $2y$, $pbkdf2-sha256$, $pbkdf2-sha512$, sha256: or sha512: and hex digits")

// CheckImported returns nil for a hash that Verify can use, and an error that
// says what is wrong with it: an unknown scheme, a malformed hash, or a cost
// that is too low to protect anything or too high to be paid. The error never
// repeats the hash.
func CheckImported(hash string) error {
	s, bare, ok := schemeOf(hash)
	if !ok {
		return errScheme
	}
	if _, err := s.parse(bare); err != nil {
		return fmt.Errorf("%s hash: %w", s.name, err)
	}
	return nil
}

// Outdated reports whether hash should be replaced by HashBrought of the secret
// as soon as that is known: it is an imported one, not made as we make them.
func Outdated(hash string) bool {
	return !strings.HasPrefix(hash, generatedPrefix) && !strings.HasPrefix(hash, broughtPrefix)
}

// Upgradable reports whether hash, which candidate was right for just now,
// should be replaced by HashBrought of it. A hash that saw only a part of the
// candidate stays: others may use another rest.
func Upgradable(hash, candidate string) bool {
	if !Outdated(hash) {
		return false
	}
	s, bare, ok := schemeOf(hash)
	if !ok {
		return false
	}
	check, err := s.parse(bare)
	return err == nil && check.input(candidate) == candidate
}

// between returns an error unless low <= n <= high.
func between(what string, n, low, high int) error {
	switch {
	case n < low:
		return fmt.Errorf("%s is %d, below %d", what, n, low)
	case n > high:
		return fmt.Errorf("%s is %d, above %d", what, n, high)
	}
	return nil
}
