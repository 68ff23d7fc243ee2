package secret

import "errors"

// ErrBusy says that all slots for slow hashes stayed taken for as long as the
// caller could wait. Nothing is known about the secret; it may be tried again.
var ErrBusy = errors.New("too many slow secret checks at once")

// The reasons for which a candidate is refused, as internal/explain lists them.
const (
	ReasonMismatch = "secret.mismatch"
	ReasonExpired  = "secret.expired"
	ReasonRevoked  = "secret.revoked"
	ReasonRetired  = "secret.retired"
	ReasonPaused   = "secret.paused"
)

// Error says why a candidate was refused.
type Error struct {
	reason string
	// SecretID is the secret that the candidate is, when it is one that is no
	// longer live, or paused. Empty otherwise.
	SecretID string
}

// Reason returns one of the reasons above.
func (e *Error) Reason() string { return e.reason }

func (e *Error) Error() string {
	switch e.reason {
	case ReasonExpired:
		return "the client secret has expired"
	case ReasonRevoked:
		return "the client secret was revoked"
	case ReasonRetired:
		return "the client secret was replaced by a newer one"
	case ReasonPaused:
		return "the client secret is paused"
	}
	return "no secret of the client matches"
}
