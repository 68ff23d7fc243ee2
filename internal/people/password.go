package people

import (
	"strings"
	"unicode/utf8"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
)

// Bounds of a password. There is no rule about its characters: length is what
// counts (NIST SP 800-63B §5.1.1.2).
const (
	minPassword = 12 // characters
	minDistinct = 5  // different ones among them
)

// checkPassword refuses a password that is guessed first.
func checkPassword(password, email, name string) error {
	distinct := map[rune]bool{}
	for _, r := range password {
		distinct[r] = true
	}
	low := strings.ToLower(password)
	local, domain, _ := strings.Cut(email, "@")
	var message string
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		message = "at least 12 characters; a few words are good"
	case len(password) > secret.MaxLength:
		message = "at most 512 bytes"
	case len(distinct) < minDistinct:
		message = "at least 5 different characters"
	case contains(low, local), contains(low, domain), contains(low, name), contains(low, "mintage"):
		message = "leave out your name, your address and the name of this server"
	case common(low):
		message = "this one is on every list of passwords to try first"
	default:
		return nil
	}
	return &mintage.FieldError{Pointer: "/password", Message: message}
}

// contains reports whether a password is little more than a word.
func contains(low, word string) bool {
	word = strings.ToLower(word)
	return len(word) >= 4 && strings.Contains(low, word) && len(low)-len(word) < minPassword
}

// common reports whether a password is made of what people type without
// thinking: rows of keys, counting, and the words of old lists.
func common(low string) bool {
	rest := low
	for _, w := range []string{
		"password", "passwort", "letmein", "welcome", "qwertyuiop", "qwerty", "qwertz", "asdfghjkl", "asdfgh", "zxcvbnm",
		"1234567890", "123456", "0987654321", "abcdefghijkl", "abcdef", "abc123", "iloveyou", "monkey", "dragon", "football",
		"baseball", "sunshine", "princess", "trustno1", "administrator", "admin", "secret", "changeme", "default",
	} {
		rest = strings.ReplaceAll(rest, w, "")
	}
	return len(low)-len(rest) > 0 && len(rest) < 6
}
