package mintage

import "errors"

// Errors that callers branch on. Wrap them with what was looked for and test
// with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrConflict says that the object changed since the caller read it.
	ErrConflict = errors.New("changed meanwhile")
	// ErrUnavailable says that the database did not do what it was asked, and may
	// do it later.
	ErrUnavailable = errors.New("the database is not available")
)

// FieldError says which member of an input is wrong and what to do about it.
type FieldError struct {
	Pointer string // JSON pointer (RFC 6901) from the input's root, such as /grants/0/scopes
	Message string // one sentence for the person who wrote the input; never repeats a secret
}

func (e *FieldError) Error() string {
	if e.Pointer == "" {
		return e.Message
	}
	return e.Pointer + ": " + e.Message
}
