package mintage

import (
	"strings"
	"time"
)

// BuiltInTenant is the identifier of the tenant whose clients administer the
// server. Its issuer is the admin URL; it cannot be edited or deleted.
const BuiltInTenant = "mintage"

// Tenant is one isolated authorization server: it has its own issuer
// identifier (RFC 8414 §2), clients, resource servers and signing keys. A
// company with a sandbox and a production environment has two tenants.
type Tenant struct {
	ID      string   // lower-case letters, digits and hyphens, at most 63
	Issuer  string   // compared byte for byte; no query, fragment or trailing slash
	Aliases []string // other hosts (host or host:port) under which a request belongs to this tenant

	// Protected marks production: changes ask first, deletion needs a flag, and
	// secrets say live instead of test.
	Protected bool
	Disabled  bool
	// PurgeAt is when a tenant that was deleted is gone with all that it owns;
	// until then it is disabled, and enabling it undoes the deletion. Zero means
	// never.
	PurgeAt time.Time

	// TokenPaths maps a path below the issuer to the name of the dialect spoken
	// there. Empty means DefaultTokenPaths.
	TokenPaths map[string]string

	// Token holds the tenant's defaults for tokens; zero members fall through.
	Token TokenSettings

	// SecretLifetime is how long a secret made without an expiry of its own
	// lives; zero means for ever. SecretOverlap is how long a replaced secret
	// lives on; zero means DefaultSecretOverlap.
	SecretLifetime time.Duration
	SecretOverlap  time.Duration

	// KeyPeriod is how long a signing key of the tenant signs before the server
	// replaces it, ShortestKeyPeriod to LongestKeyPeriod; zero means the server's
	// setting.
	KeyPeriod time.Duration

	// DPoPNonces says that DPoP proofs for tokens of the tenant need a nonce of
	// the server (RFC 9449 §8).
	DPoPNonces bool

	// CORSOrigins are the origins that browsers may call the public endpoints
	// from. Empty means none.
	CORSOrigins []string

	Meta
}

// Meta is what every stored object carries beside its own members.
type Meta struct {
	// ManagedBy names the file whose apply made or adopted the object; empty
	// means made by hand.
	ManagedBy string
	Version   int64 // grows by one with each change; the ETag
	Created   time.Time
	Updated   time.Time
}

// DefaultSecretOverlap is the Tenant.SecretOverlap of a tenant that sets none.
const DefaultSecretOverlap = 24 * time.Hour

// DefaultTokenPath is where the token endpoint is when a tenant maps no paths.
const DefaultTokenPath = "/oauth2/token" // #nosec G101 -- a path

// DialectFor returns the dialect that t speaks at path, which is relative to
// the issuer. The second result is false when path is no token path of t.
func (t *Tenant) DialectFor(path string) (string, bool) {
	if len(t.TokenPaths) == 0 {
		return DialectRFC, path == DefaultTokenPath
	}
	d, ok := t.TokenPaths[path]
	return d, ok
}

// HasTokenEndpoint reports whether a URL is one of t's token endpoints.
func (t *Tenant) HasTokenEndpoint(url string) bool {
	path, ok := strings.CutPrefix(url, t.Issuer)
	if !ok {
		return false
	}
	_, ok = t.DialectFor(path)
	return ok
}

// PrimaryTokenPath returns the path that metadata calls token_endpoint:
// /oauth2/token where the tenant has it, else its first path in order.
func (t *Tenant) PrimaryTokenPath() string {
	if _, ok := t.TokenPaths[DefaultTokenPath]; ok || len(t.TokenPaths) == 0 {
		return DefaultTokenPath
	}
	first := ""
	for p := range t.TokenPaths {
		if first == "" || p < first {
			first = p
		}
	}
	return first
}
