package enforce

import (
	"log/slog"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Token is a verified access token. Several requests may share one: do not
// change it.
type Token struct {
	oauth.Claims

	NotBefore int64  // nbf, seconds since 1970; zero: none
	KeyID     string // the kid of the key that signed it; empty for an opaque token
	Algorithm string // the JWS algorithm of that key; empty for an opaque token

	// Confirmation is what its holder has to prove. Authenticate checks it.
	Confirmation Confirmation

	value   string
	payload []byte
}

// Confirmation is the key that a token is bound to (RFC 7800 §3.1).
type Confirmation = oauth.Confirmation

// Value returns the token as it was sent, for passing it on.
func (t *Token) Value() string { return t.value }

// Opaque reports whether its issuer had to be asked what it says.
func (t *Token) Opaque() bool { return t.Algorithm == "" }

// Payload returns all claims, or the issuer's answer about an opaque token: a
// JSON object in which no name occurs twice. The slice is the caller's.
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
