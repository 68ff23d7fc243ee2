package enforce

import (
	"log/slog"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Token is a verified access token.
type Token struct {
	oauth.Claims

	NotBefore int64  // nbf, seconds since 1970; zero: none
	KeyID     string // the kid of the key that signed it
	Algorithm string // the JWS algorithm of that key

	value   string
	payload []byte
}

// Value returns the token as it was sent, for passing it on.
func (t *Token) Value() string { return t.value }

// Payload returns all claims, a JSON object in which no name occurs twice. The
// slice is the caller's.
func (t *Token) Payload() []byte { return slices.Clone(t.payload) }

// LogValue hides the token itself.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("iss", t.Issuer),
		slog.String("client_id", t.ClientID),
		slog.String("jti", t.ID),
		slog.String("scope", t.Scope.String()),
		slog.Time("exp", time.Unix(t.Expires, 0).UTC()),
	)
}

// String hides the token itself.
func (t *Token) String() string { return "access token " + t.ID + " of " + t.ClientID }

// GoString is String, so that %#v hides the token too.
func (t *Token) GoString() string { return t.String() }
