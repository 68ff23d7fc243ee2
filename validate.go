package mintage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldErrors returns the field errors that err is, wraps or joins, in order,
// and nil when there is none among them.
func FieldErrors(err error) []*FieldError {
	switch e := err.(type) { //nolint:errorlint // the tree is walked node by node
	case nil:
		return nil
	case *FieldError:
		return []*FieldError{e}
	case interface{ Unwrap() []error }:
		var all []*FieldError
		for _, one := range e.Unwrap() {
			all = append(all, FieldErrors(one)...)
		}
		return all
	}
	return FieldErrors(errors.Unwrap(err))
}

// Under returns the field errors of err with their pointers below prefix. An
// err without any is returned as it is.
func Under(prefix string, err error) error {
	fields := FieldErrors(err)
	if len(fields) == 0 {
		return err
	}
	var p problems
	for _, e := range fields {
		p.add(prefix+e.Pointer, "%s", e.Message)
	}
	return p.err()
}

// Pointer returns the JSON pointer (RFC 6901) of the given names and indexes.
func Pointer(parts ...any) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteByte('/')
		switch v := part.(type) {
		case int:
			b.WriteString(strconv.Itoa(v))
		case string:
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(v))
		default:
			panic("mintage: a pointer is made of names and indexes")
		}
	}
	return b.String()
}

// problems collects the field errors of one value.
type problems struct{ errs []error }

func (p *problems) add(pointer, format string, args ...any) {
	p.errs = append(p.errs, &FieldError{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// check adds err under pointer when there is one.
func (p *problems) check(pointer string, err error) {
	if err != nil {
		p.errs = append(p.errs, Under(pointer, err))
	}
}

func (p *problems) err() error { return errors.Join(p.errs...) }

// invalid returns a field error about the value itself.
func invalid(format string, args ...any) error {
	return &FieldError{Message: fmt.Sprintf(format, args...)}
}

// maxName bounds what people call things, in characters: a line on a screen.
const maxName = 200

// ValidateName checks what people call a client or an organization: one line
// of 1 to 200 characters.
func ValidateName(s string) error {
	if strings.TrimSpace(s) == "" {
		return invalid("a name is required")
	}
	if strings.TrimSpace(s) != s {
		return invalid("a name does not begin or end with a space")
	}
	return validateLine(s, maxName)
}

// validateLine checks text that is shown to people: no control characters and
// none that turn the direction of text, which could make one name look like
// another.
func validateLine(s string, most int) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		return invalid("write one line of text, without control characters")
	}
	if utf8.RuneCountInString(s) > most {
		return invalid("at most %d characters", most)
	}
	return nil
}

// printable reports whether s is printable ASCII, which RFC 6749 Appendix A
// calls VSCHAR.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// slug reports whether s is made of lower-case letters, digits and the bytes of
// extra, begins and ends with a letter or digit, and is 1 to 63 bytes long.
func slug(s, extra string) bool {
	alnum := func(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }
	if s == "" || len(s) > 63 || !alnum(s[0]) || !alnum(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !alnum(s[i]) && strings.IndexByte(extra, s[i]) < 0 {
			return false
		}
	}
	return true
}
