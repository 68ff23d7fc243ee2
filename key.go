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
