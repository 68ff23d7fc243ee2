package consume

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is why there is no token. What it says comes from the server, except
// for Cause; it has no line breaks or other control characters in it, is
// bounded, and is not to be trusted further than that.
type Error struct {
	Code        string // OAuth error code, such as invalid_client; empty where the answer has none
	Description string // error_description
	URI         string // error_uri
	TraceID     string // finds the request in the server's log

	Status     int           // HTTP status; zero when there was no answer
	RetryAfter time.Duration // how long the server asks us to wait; zero where it does not say

	Cause error // what went wrong on our side, or nil

	misuse bool // the ClientCredentials cannot work

	// changed reports whether other credentials than the refused ones would be
	// sent now; nil where that is not known.
	changed func(context.Context) bool
}

// Error returns all that is known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("token request")
	if e.Status != 0 {
		b.WriteString(": " + strconv.Itoa(e.Status))
	}
	for _, part := range []string{e.Code, e.Description} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.TraceID != "" {
		b.WriteString(" (trace id " + e.TraceID + ")")
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Temporary reports whether the same request may succeed later: there was no
// answer or no whole one, or the server says that it is busy or broken.
func (e *Error) Temporary() bool {
	switch e.Status {
	case 0:
		return !e.misuse
	case http.StatusOK, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= http.StatusInternalServerError
}

// maxText bounds what is kept of a text that the server chose, in bytes.
const maxText = 500

// clean makes a server's text fit for a log line.
func clean(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
