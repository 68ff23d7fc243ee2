package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
)

// Error is why there is no answer. It holds no URL, header or body.
type Error struct {
	// Status is what the caller is best told: 502, or 504 when time ran out.
	Status int
	Cause  error
}

// Error returns the cause.
func (e *Error) Error() string { return "upstream: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// errProtocol is an answer that is not HTTP as we read it.
var errProtocol = errors.New("the answer is not HTTP/1.1")

func malformed(what string) error { return fmt.Errorf("%w: %s", errProtocol, what) }

// asError wraps an error of the network.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	status := http.StatusBadGateway
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		status = http.StatusGatewayTimeout
	}
	return &Error{Status: status, Cause: err}
}
