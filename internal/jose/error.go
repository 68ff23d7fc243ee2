package jose

import (
	"errors"
	"strconv"
)

// ErrInvalid is wrapped by every error of Parse and Verify.
var ErrInvalid = errors.New("invalid JWS")

// ErrInvalidKey is wrapped by errors about keys that are wrong: malformed, weak,
// off the curve, private where a public one belongs, or at odds with their
// algorithm.
var ErrInvalidKey = errors.New("invalid key")

// ErrUnsupportedKey is wrapped by errors about keys that may be right but are
// not for us: of an unknown type, curve, algorithm or use.
var ErrUnsupportedKey = errors.New("unsupported key")

// Reason says which check a token failed.
type Reason uint8

// The reasons, in the order in which they are found.
const (
	Malformed    Reason = iota + 1 // not a compact JWS as we read it
	Encrypted                      // a JWE (RFC 7516)
	Unsupported                    // a header parameter that we must understand and do not
	BadAlgorithm                   // an unknown algorithm, or not the key's
	BadSignature                   // the signature does not match
)

// String returns the reason as logs and metrics name it.
func (r Reason) String() string {
	switch r {
	case Malformed:
		return "malformed"
	case Encrypted:
		return "encrypted"
	case Unsupported:
		return "unsupported"
	case BadAlgorithm:
		return "algorithm"
	case BadSignature:
		return "signature"
	}
	return "reason " + strconv.Itoa(int(r))
}

// Error says why a token was refused. It wraps ErrInvalid and never quotes the
// token.
type Error struct {
	Reason Reason
	Msg    string
}

func (e *Error) Error() string { return ErrInvalid.Error() + ": " + e.Msg }

// Unwrap returns ErrInvalid.
func (e *Error) Unwrap() error { return ErrInvalid }

func malformed(msg string) *Error { return &Error{Reason: Malformed, Msg: msg} }
