package mintage

import (
	"log/slog"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// TokenFormat is how an access token is made.
type TokenFormat string

// Token formats.
const (
	FormatJWT    TokenFormat = "jwt"    // signed, no row
	FormatStored TokenFormat = "stored" // random, a row holds its hash
	FormatSealed TokenFormat = "sealed" // encrypted for ourselves, no row
)

// ClaimsProfile names the members of a JWT access token, their order and its
// header.
type ClaimsProfile string

// Claims profiles.
const (
	ClaimsRFC      ClaimsProfile = "rfc"      // RFC 9068
	ClaimsCognito  ClaimsProfile = "cognito"  // AWS Cognito: token_use and version, no aud, no typ
	ClaimsMyParcel ClaimsProfile = "myparcel" // RFC 9068 with a scopes array and typ JWT
)

// TokenSettings is one layer of the answer to "which token?": a client's, a
// resource server's, a dialect's or a tenant's. A zero member leaves the
// choice to the next layer.
type TokenSettings struct {
	Format   TokenFormat
	Alg      string // JWS alg, one of SigningAlgs
	Claims   ClaimsProfile
	Lifetime time.Duration // whole seconds
}

// SealingAlg is the algorithm of the keys that seal opaque tokens:
// XChaCha20-Poly1305. It is no JWS algorithm, and its keys have no public half.
const SealingAlg = "XC20P"

// SigningAlgs returns the JWS algorithms in which tokens are signed. A key is
// of exactly one: RS256 and PS256 share none (RFC 8725 §3.1).
func SigningAlgs() []string { return []string{"ES256", "EdDSA", "PS256", "RS256"} }

// KeyAlg returns the algorithm of the key that a token with complete settings
// needs, empty for one that needs none.
func (s TokenSettings) KeyAlg() string {
	switch s.Format {
	case FormatSealed:
		return SealingAlg
	case FormatStored:
		return ""
	case FormatJWT:
	}
	return s.Alg
}

// Built-in token settings, the last layer.
const (
	DefaultTokenFormat   = FormatJWT
	DefaultTokenAlg      = "ES256"
	DefaultClaimsProfile = ClaimsRFC
	DefaultTokenLifetime = time.Hour
)

// AccessToken is an issued token (RFC 6749 §1.4) as its client sees it.
type AccessToken struct {
	Value    string
	JTI      string
	Format   TokenFormat
	Alg      string // empty unless Format is FormatJWT
	Scope    oauth.Scope
	IssuedAt time.Time // whole seconds
	Expires  time.Time // whole seconds

	// KeyThumbprint is the SHA-256 thumbprint of the DPoP key that the token is
	// bound to, in base64url (RFC 9449 §6.1); empty: a bearer token.
	KeyThumbprint string
}

// Type returns the token_type: how the token is sent.
func (t *AccessToken) Type() string {
	return oauth.Confirmation{Key: t.KeyThumbprint}.TokenType()
}

// LogValue hides the token itself.
func (t *AccessToken) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("jti", t.JTI),
		slog.String("scope", t.Scope.String()),
		slog.Time("expires", t.Expires),
	)
}

// TokenRecord is what an opaque token stands for: the row of a stored one, in
// which the token itself is not, or what a sealed one holds.
type TokenRecord struct {
	Tenant   string
	Key      [38]byte // of a stored token: 6 bytes of Unix milliseconds, big endian, then the SHA-256 of the token
	KeyID    string   // of a sealed token: the key that sealed it
	JTI      string
	ClientID string
	Subject  string
	Scope    oauth.Scope
	Audience []string
	IssuedAt time.Time
	Expires  time.Time

	KeyThumbprint string // as AccessToken has it
}

// Revocation ends tokens before their time. Exactly one of JTI, ClientID and
// KeyID is set.
type Revocation struct {
	Tenant   string
	ID       string // chosen by the caller, unique in the tenant
	JTI      string // this token
	ClientID string // all tokens of this client issued before Before
	KeyID    string // all tokens signed by this key
	Before   time.Time
	Created  time.Time
	Expires  time.Time // when no token that it ends can still be alive
}
