package mintage

import (
	"errors"

	"github.com/mintage-auth/mintage/oauth"
)

// Explanation says what a request would get and which rule decides each part
// of it.
type Explanation struct {
	Authorization *Authorization // nil: it would be refused
	Refused       *oauth.Error   // nil: it would not
	ScopeRule     ScopeRule      // empty when the scope was not what was decided on
	Scopes        []ScopeOrigin  // of each scope granted
	AudienceRule  AudienceRule
	Token         TokenOrigins
}

// ScopeRule says by what the scope of a token is decided.
type ScopeRule string

// Rules of scope.
const (
	ScopeAsked     ScopeRule = "asked"         // what the request names
	ScopeByStar    ScopeRule = "star"          // the dialect reads * as all
	ScopeByDialect ScopeRule = "dialect"       // the dialect grants all where none is named
	ScopeByDefault ScopeRule = "default_scope" // none is named: the client's default
)

// ScopeOrigin says from which grant a scope comes.
type ScopeOrigin struct {
	Scope          string // as on the wire
	ResourceServer string
	All            bool // the grant gives all scopes of the resource server
}

// AudienceRule says by what the audience of a token is decided.
type AudienceRule string

// Rules of audience.
const (
	AudienceNamed   AudienceRule = "named" // the request names the resource servers
	AudienceByScope AudienceRule = "scope" // those that the scopes belong to
	AudienceNone    AudienceRule = "none"  // the claims profile has no aud
)

// Layer is a layer of the answer to "which token?".
type Layer string

// Layers, in the order in which they are asked.
const (
	LayerClient         Layer = "client"
	LayerResourceServer Layer = "resource_server"
	LayerDialect        Layer = "dialect"
	LayerTenant         Layer = "tenant"
	LayerBuiltIn        Layer = "built_in"
)

// Origin says which layer decides one member of TokenSettings.
type Origin struct {
	Layer          Layer
	ResourceServer string // with LayerResourceServer: which
}

// TokenOrigins says which layers decide TokenSettings.
type TokenOrigins struct{ Format, Alg, Claims, Lifetime Origin }

// Explain says how Authorize decides. It is the same decision.
func Explain(t *Tenant, c *Client, servers map[string]*ResourceServer, d Dialect, r Request) *Explanation {
	az, dec, err := decide(t, c, servers, d, r)
	x := &Explanation{Authorization: az, ScopeRule: dec.rule}
	if err != nil {
		x.Refused, _ = errors.AsType[*oauth.Error](err)
		return x
	}
	x.Token = dec.origins
	switch {
	case az.Token.Format == FormatJWT && az.Token.Claims == ClaimsCognito:
		x.AudienceRule = AudienceNone
	case r.named():
		x.AudienceRule = AudienceNamed
	default:
		x.AudienceRule = AudienceByScope
	}
	for _, name := range az.Scope {
		for _, o := range dec.used {
			if o.scope.Has(name) {
				x.Scopes = append(x.Scopes, ScopeOrigin{Scope: name, ResourceServer: o.server.Identifier, All: grantsAll(c, o.server)})
			}
		}
	}
	return x
}

func grantsAll(c *Client, rs *ResourceServer) bool {
	for _, g := range c.Grants {
		if g.ResourceServer == rs.Identifier && len(g.Scopes) == 1 && g.Scopes[0] == AllScopes {
			return true
		}
	}
	return false
}

// settings answers "which token?": the client's own, else the resource
// server's, else what the dialect states, else the tenant's, else the built-in.
func settings(t *Tenant, c *Client, d Dialect, used []offer) (TokenSettings, TokenOrigins) {
	var rs TokenSettings
	var by TokenOrigins
	for _, o := range used {
		s, id := o.server.Token, o.server.Identifier
		first(&rs.Format, s.Format, &by.Format, id)
		first(&rs.Alg, s.Alg, &by.Alg, id)
		first(&rs.Claims, s.Claims, &by.Claims, id)
		if s.Lifetime > 0 && (rs.Lifetime == 0 || s.Lifetime < rs.Lifetime) {
			rs.Lifetime, by.Lifetime.ResourceServer = s.Lifetime, id // of several, the shortest
		}
	}
	return TokenSettings{
		Format:   layered(&by.Format, c.Token.Format, rs.Format, d.Token.Format, t.Token.Format, DefaultTokenFormat),
		Alg:      layered(&by.Alg, c.Token.Alg, rs.Alg, d.Token.Alg, t.Token.Alg, DefaultTokenAlg),
		Claims:   layered(&by.Claims, c.Token.Claims, rs.Claims, d.Token.Claims, t.Token.Claims, DefaultClaimsProfile),
		Lifetime: layered(&by.Lifetime, c.Token.Lifetime, rs.Lifetime, d.Token.Lifetime, t.Token.Lifetime, DefaultTokenLifetime),
	}, by
}

// first sets what no resource server before has set.
func first[T comparable](have *T, value T, by *Origin, id string) {
	var zero T
	if *have == zero && value != zero {
		*have, by.ResourceServer = value, id
	}
}

// layered returns the first value that is not zero, and notes whose it is.
func layered[T comparable](by *Origin, client, rs, dialect, tenant, builtIn T) T {
	var zero T
	if client != zero || rs == zero {
		by.ResourceServer = ""
	}
	switch {
	case client != zero:
		by.Layer = LayerClient
		return client
	case rs != zero:
		by.Layer = LayerResourceServer
		return rs
	case dialect != zero:
		by.Layer = LayerDialect
		return dialect
	case tenant != zero:
		by.Layer = LayerTenant
		return tenant
	}
	by.Layer = LayerBuiltIn
	return builtIn
}
