package mintage

import "time"

// KeyState is where a signing key is in its life.
type KeyState string

// States of a signing key, in order.
const (
	KeyNext     KeyState = "next"     // published, does not sign yet
	KeyActive   KeyState = "active"   // signs
	KeyRetiring KeyState = "retiring" // published for the tokens that it signed
	KeyGone     KeyState = "gone"     // neither signs nor verifies
)

// DefaultKeyPeriod is how long a key signs where nothing else is set, and
// LongestKeyPeriod how long it may at most (NIST SP 800-57 part 1 §5.3.6).
// ShortestKeyPeriod keeps the JWKS small: it has each key for the longest life
// of a token after that key signed.
const (
	DefaultKeyPeriod  = 90 * 24 * time.Hour
	LongestKeyPeriod  = 366 * 24 * time.Hour
	ShortestKeyPeriod = 24 * time.Hour
)

// ValidateKeyPeriod checks how long keys are to sign.
func ValidateKeyPeriod(d time.Duration) error {
	if d < ShortestKeyPeriod || d > LongestKeyPeriod || d%time.Second != 0 {
		return invalid("a key signs for at least 1d and at most 366d, in whole seconds")
	}
	return nil
}

// SigningKey is one key of a tenant, which signs or seals tokens. Its state is a function of its dates, so
// that no timer has to run for a key to change state.
type SigningKey struct {
	Tenant  string
	ID      string // kid
	Alg     string // one of SigningAlgs, or SealingAlg
	JWK     []byte // public half, JSON; empty for a key of SealingAlg
	Sealed  []byte // private half, PKCS #8, or secret key, sealed under a data key; empty once it was destroyed
	Created time.Time

	SignsFrom     time.Time
	SignsUntil    time.Time // zero: until it is rotated
	VerifiesUntil time.Time // zero: until it is rotated
	Version       int64
}

// State returns the state of k at now.
func (k *SigningKey) State(now time.Time) KeyState {
	switch {
	case !k.VerifiesUntil.IsZero() && !now.Before(k.VerifiesUntil):
		return KeyGone
	case !k.SignsUntil.IsZero() && !now.Before(k.SignsUntil):
		return KeyRetiring
	case now.Before(k.SignsFrom):
		return KeyNext
	}
	return KeyActive
}
