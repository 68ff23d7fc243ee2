package console

import (
	"cmp"
	"errors"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// problems says what is wrong with a form: the message for each field, and
// under the empty name the one for the form as a whole.
type problems map[string]string

// Of returns the message for a field.
func (p problems) Of(field string) string { return p[field] }

// Whole returns the message for the form as a whole.
func (p problems) Whole() string { return p[""] }

// add notes what is wrong with a field, unless something is already.
func (p problems) add(field, message string) {
	if p[field] == "" {
		p[field] = message
	}
}

// problemsOf returns what err says of a form; nil when err is no fault of the
// form's. A field is found by the pointer or by its first member: members has the
// names of those that the form shows.
func problemsOf(err error, members map[string]string) problems {
	p := problems{}
	var refusal *manage.Refusal
	switch fields := fieldErrors(err); {
	case len(fields) > 0:
		for _, f := range fields {
			whole := strings.TrimPrefix(f.Pointer, "/")
			first, _, _ := strings.Cut(whole, "/")
			if name := cmp.Or(members[whole], members[first]); name != "" {
				p.add(name, f.Message)
			} else {
				p.add("", f.Error())
			}
		}
	case errors.As(err, &refusal):
		p.add("", refusal.Message)
	case errors.Is(err, mintage.ErrExists):
		p.add("", "There is one with that name or identifier already.")
	case errors.Is(err, mintage.ErrConflict):
		p.add("", "Somebody else changed it meanwhile. Look at it again, then make your change.")
	default:
		return nil
	}
	return p
}

// fieldErrors returns all that are in err, joined ones too.
func fieldErrors(err error) []*mintage.FieldError {
	var all []*mintage.FieldError
	var one *mintage.FieldError
	var joined interface{ Unwrap() []error }
	switch {
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			all = append(all, fieldErrors(e)...)
		}
	case errors.As(err, &one):
		all = append(all, one)
	}
	return all
}
