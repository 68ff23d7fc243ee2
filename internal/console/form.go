package console

import (
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

// problemsOf returns what err says of a form with these fields; nil when err is
// no fault of the form's. A field is named by the first member of the pointer
// (RFC 6901), and members names fields that are called otherwise.
func problemsOf(err error, members map[string]string) problems {
	var field *mintage.FieldError
	var refusal *manage.Refusal
	switch {
	case errors.As(err, &field):
		first, _, _ := strings.Cut(strings.TrimPrefix(field.Pointer, "/"), "/")
		name, ok := members[first]
		if !ok {
			return problems{"": field.Error()}
		}
		return problems{name: field.Message}
	case errors.As(err, &refusal):
		return problems{"": refusal.Message}
	case errors.Is(err, mintage.ErrExists):
		return problems{"": "There is one with that name or identifier already."}
	case errors.Is(err, mintage.ErrConflict):
		return problems{"": "Somebody else changed it meanwhile. Look at it again, then make your change."}
	}
	return nil
}
