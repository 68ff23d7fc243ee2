package apply

import (
	"fmt"
	"log/slog"
)

// Sensitive is a secret, or the hash of one, on its way from the command to
// the server. It marshals to JSON as it is, for that is the way; printed or
// logged it hides itself.
type Sensitive string

const hidden = "[hidden]"

// String hides the value.
func (Sensitive) String() string { return hidden }

// GoString hides the value from %#v.
func (Sensitive) GoString() string { return hidden }

// Format hides the value from every verb.
func (Sensitive) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the value.
func (Sensitive) LogValue() slog.Value { return slog.StringValue(hidden) }

// Reveal returns the value, for hashing it or writing it to its file.
func (s Sensitive) Reveal() string { return string(s) }
