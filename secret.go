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
	LastUsed  time.Time // zero: never, or not yet written
	Exposed   time.Time // when it was last seen where secrets must not be; zero: never
}

// Live reports whether s can be used at now.
func (s *Secret) Live(now time.Time) bool {
	return s.Revoked.IsZero() && (s.Expires.IsZero() || now.Before(s.Expires))
}

// LogValue shows nothing that helps to guess the secret.
func (s *Secret) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", s.ID), slog.String("name", s.Name), slog.String("hint", s.Hint))
}
