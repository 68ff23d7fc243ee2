package strictjson

import (
	"strconv"
	"strings"
)

// Error says why a document was refused and where.
//
// Pointer holds names taken from the document. Do not show it to somebody who
// did not send the document.
type Error struct {
	Pointer string // JSON pointer (RFC 6901) of the value or member, "" for the whole document
	Offset  int64  // bytes from the start of the document; 0 when it has the right form and the wrong content
	Msg     string // what is wrong, lower case, never quoting the document
	Cause   error  // what a custom decoder of the target type answered, or nil
}

// Error names the place, then what is wrong there.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("json: ")
	if e.Pointer != "" {
		b.WriteString(strconv.Quote(e.Pointer))
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Offset > 0 {
		b.WriteString(" at byte ")
		b.WriteString(strconv.FormatInt(e.Offset, 10))
	}
	return b.String()
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// under returns e as seen from the container that has e's value as member name.
func (e *Error) under(name string) *Error {
	name = strings.ReplaceAll(name, "~", "~0")
	name = strings.ReplaceAll(name, "/", "~1")
	e.Pointer = "/" + name + e.Pointer
	return e
}

func (e *Error) underIndex(i int) *Error { return e.under(strconv.Itoa(i)) }
