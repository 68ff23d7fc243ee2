package mintage

import (
	"net/netip"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Client is an application registered at a tenant (RFC 6749 §2). Its Grants
// are the whole of what any of its tokens can carry.
type Client struct {
	Tenant       string
	ID           string // client_id; printable ASCII without a colon
	Name         string
	Organization string // the Organization that owns it; empty for none

	Disabled       bool
	DisabledReason string
	// PurgeAt is when a client that apply pruned is deleted; zero means never.
	PurgeAt time.Time

	// AuthMethods are the ways in which the client may authenticate, as metadata
	// names them; client_secret_post allows what the ladder lets into the query
	// too. Empty means by secret alone.
	AuthMethods []string

	// JWKS are the public keys that check the client's assertions (RFC 7523 §2.2):
	// a JWK Set in the form of NormalJWKS. JWKSURI is where the client publishes
	// them instead (RFC 7591 §2). Both are empty where no method needs keys.
	JWKS    string
	JWKSURI string

	// Dialects are the dialects that the client may speak. Empty means all of
	// its tenant's.
	Dialects []string

	// GrantTypes are the grants that the client may use. Empty means none: such
	// a client may introspect and revoke, and nothing else.
	GrantTypes []oauth.GrantType

	// Token holds the client's own choice of token.
	Token TokenSettings

	// DefaultScope is what the client gets when it asks for no scope.
	DefaultScope DefaultScope

	// MultiAudience lets one token span several resource servers.
	MultiAudience bool

	// Downscope grants what is allowed of a request and drops the rest, where
	// other clients are refused.
	Downscope bool

	// DPoPBoundAccessTokens says that the client gets no token without a DPoP
	// proof (RFC 9449 §5.2). Without it, it gets one that is bound when it sends
	// a proof.
	DPoPBoundAccessTokens bool

	// Ladder holds the client's states on the ladder; a missing rung is
	// LadderRefuse.
	Ladder map[Rung]LadderState

	// AllowFrom are the networks from which the client may ask. Empty means
	// all.
	AllowFrom []netip.Prefix

	// Limits bounds how often the client may ask.
	Limits Limits

	Labels map[string]string

	Grants []Grant // in the order in which aud lists them

	// Secrets are in the order in which they were made. The store keeps them
	// with the client and no answer but the one that makes a secret shows one.
	Secrets []Secret

	Meta
}

// Limits bounds how often a client may ask, by what it asks for. Zero has no
// bound. What is left unused of one minute is there for the next, up to a
// minute's worth.
type Limits struct {
	TokensPerMinute         int
	IntrospectionsPerMinute int
}

// DefaultScopeMode says how DefaultScope is to be read.
type DefaultScopeMode string

// Modes of a default scope. The zero value is DefaultScopeUnset.
const (
	DefaultScopeUnset DefaultScopeMode = ""     // a request without a scope is refused
	DefaultScopeAll   DefaultScopeMode = "all"  // all that the client may have
	DefaultScopeNone  DefaultScopeMode = "none" // an empty scope
	DefaultScopeList  DefaultScopeMode = "list" // the scopes listed
)

// DefaultScope is what a client gets when it asks for no scope.
type DefaultScope struct {
	Mode   DefaultScopeMode
	Scopes oauth.Scope // with Mode DefaultScopeList: names as on the wire
}

// AuthenticatesBy reports whether c may authenticate by a method.
func (c *Client) AuthenticatesBy(method string) bool {
	if len(c.AuthMethods) == 0 {
		return method != oauth.AuthPrivateKeyJWT
	}
	return slices.Contains(c.AuthMethods, method)
}

// AuthenticatesBySecret reports whether a secret is of any use to c.
func (c *Client) AuthenticatesBySecret() bool {
	return c.AuthenticatesBy(oauth.AuthBasic) || c.AuthenticatesBy(oauth.AuthPost)
}

// Rung returns the state of r for c at now: one of the constants of LadderState.
func (c *Client) Rung(r Rung, now time.Time) LadderState { return c.Ladder[r].at(now) }

// Sunset returns when c is refused what r is; zero where no day is set.
func (c *Client) Sunset(r Rung) time.Time { return c.Ladder[r].Sunset() }
