package mintage

import (
	"log/slog"
	"time"
)

// Secret is the stored half of a client secret. Several can be live at once,
// so that a client moves from one to the next without an outage.
type Secret struct {
	ID   string // unique in the client
	Name string // label, unique in the client
	Hash string // self-describing; see internal/secret
	// Digest is a keyed digest of a secret that somebody brought, by which
	// apply sees that a reference now holds another value. Empty for generated
	// secrets and imported hashes.
	Digest []byte
	// Hint is what may be shown of the secret for ever: its prefix and its last
	// four characters. Empty when nothing of it is known.
	Hint string

	CreatedBy string // who made it: a client id, or apply and the file
	Created   time.Time
	Expires   time.Time // zero: never
	Revoked   time.Time // zero: not revoked

	// Retiring is when a newer secret took its place: it lives on to Expires,
	// which was PreviousExpires before. Zero: none did. Successor is the ID of
	// the secret that a rotation made for that; empty where declared state
	// retired it.
	Retiring        time.Time
	PreviousExpires time.Time
	Successor       string
	// PausedUntil is when a brown-out ends, in which a secret that is live is
	// refused; zero: there was none.
	PausedUntil time.Time

	// The marks below only ever move forward, and writing one is no change of
	// the client.
	LastUsed     time.Time // zero: never, or not yet written
	LastUsedFrom string    // remote address of that use, without the port
	Exposed      time.Time // when it was last seen where secrets must not be; zero: never
	// Announced is the instant before Expires that was last warned of; see
	// ExpiryWarnings. Zero: none was.
	Announced time.Time
}

// Live reports whether s can be used at now.
func (s *Secret) Live(now time.Time) bool {
	return s.Revoked.IsZero() && (s.Expires.IsZero() || now.Before(s.Expires))
}

// Retire gives s an end, unless its own comes sooner, since a newer secret takes
// its place at now. One that retires already keeps what it was before.
func (s *Secret) Retire(now, end time.Time) {
	if s.Retiring.IsZero() {
		s.Retiring, s.PreviousExpires = now, s.Expires
	}
	if s.Expires.IsZero() || end.Before(s.Expires) {
		s.Expires = end
	}
}

// Paused reports whether a brown-out refuses s at now.
func (s *Secret) Paused(now time.Time) bool { return now.Before(s.PausedUntil) }

// Retires reports whether s still works at now and a newer secret is there to
// take its place.
func (s *Secret) Retires(now time.Time) bool { return !s.Retiring.IsZero() && s.Live(now) }

// ExpiryWarnings are how long before its end a secret is warned of, longest
// first.
var ExpiryWarnings = []time.Duration{30 * day, 14 * day, 7 * day, day}

const day = 24 * time.Hour

// ExpiryHeader is how long before its end a secret is warned of in the answers
// to those who use it.
const ExpiryHeader = 14 * day

// Dying reports whether s ends within ExpiryHeader of now.
func (s *Secret) Dying(now time.Time) bool {
	return !s.Expires.IsZero() && s.Expires.Sub(now) <= ExpiryHeader
}

// ExpiryWarning returns the warning that is due for s at now: how long before
// its end it belongs, and the instant of that, for Announced. Of several it is
// the one nearest to the end. It is zero when none is due: too early, told
// already, or before s was made.
func (s *Secret) ExpiryWarning(now time.Time) (before time.Duration, instant time.Time) {
	if s.Expires.IsZero() || !s.Live(now) {
		return 0, time.Time{}
	}
	for _, d := range ExpiryWarnings {
		if at := s.Expires.Add(-d); !at.After(now) {
			before, instant = d, at
		}
	}
	if !instant.After(s.Announced) || instant.Before(s.Created) {
		return 0, time.Time{}
	}
	return before, instant
}

// LogValue shows nothing that helps to guess the secret.
func (s *Secret) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", s.ID), slog.String("name", s.Name), slog.String("hint", s.Hint))
}
