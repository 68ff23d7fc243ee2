package consume

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Token is an access token as a client keeps it. Printing or logging it does
// not show its value.
type Token struct {
	Value string
	Type  string // Bearer or DPoP, whatever the letter case of the answer; empty means Bearer

	// Expires is when the token ends by our own clock, counted from when we
	// asked. Zero means that the server did not say.
	Expires time.Time

	// Scope is what was granted: what the answer says, else what was asked for
	// (RFC 6749 §5.1).
	Scope oauth.Scope

	// life is Expires from when the token was asked for, by whichever clock that
	// was; zero where it is not known.
	life time.Duration
}

// Expired reports whether the token has ended at now. One whose end the server
// did not say has not.
func (t *Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// Header returns the value of an Authorization header (RFC 6750 §2.1).
func (t *Token) Header() string { return cmp.Or(t.Type, "Bearer") + " " + t.Value }

// String hides the token itself.
func (t *Token) String() string {
	return cmp.Or(t.Type, "Bearer") + " (hidden) for " + t.Scope.String()
}

// GoString is String, so that %#v hides the token too.
func (t *Token) GoString() string { return t.String() }

// LogValue hides the token itself.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("type", t.Type),
		slog.String("scope", t.Scope.String()),
		slog.Time("expires", t.Expires),
	)
}
