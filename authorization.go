package mintage

import (
	"net/url"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Authorization is the decision that a grant reaches: this client may hold a
// token with this scope, for these resource servers, for this long. Minting
// turns it into an AccessToken; nothing after it widens it.
type Authorization struct {
	Tenant   *Tenant
	Client   *Client
	Dialect  string
	Subject  string // RFC 9068 §2.2: the client identifier, since there is no resource owner
	Scope    oauth.Scope
	Audience []string      // identifiers of resource servers, in the order of the client's grants
	Token    TokenSettings // complete: no member is zero
	// DPoPBound says that the token has to be bound to a DPoP key, as the client
	// or one of the resource servers wants it. KeyThumbprint is that of the key:
	// whoever checked the client's proof sets it; empty: there was none.
	DPoPBound     bool
	KeyThumbprint string
	// Dropped is what the request asked for and the client may not have; empty
	// unless the client downscopes.
	Dropped oauth.Scope
}

// Request is what a client asks for, as far as the decision needs it.
type Request struct {
	GrantType oauth.GrantType
	Scope     oauth.Scope // empty: left out
	Resources []string    // RFC 8707 §2: absolute URIs
	Audiences []string    // the same by any identifier
}

// named reports whether r says which resource servers it is about.
func (r *Request) named() bool { return len(r.Resources)+len(r.Audiences) > 0 }

// Authorize decides a client credentials request (RFC 6749 §4.4) of c at t in
// the dialect d. Servers are the resource servers of t, by identifier;
// a grant whose resource server is missing there counts for nothing.
//
// The error is always an *oauth.Error. Explain says how it came to it.
func Authorize(t *Tenant, c *Client, servers map[string]*ResourceServer, d Dialect, r Request) (*Authorization, error) {
	az, _, err := decide(t, c, servers, d, r)
	return az, err
}

// decision is how an Authorization came about.
type decision struct {
	offers  []offer // that the request is about
	used    []offer // that the token is for
	scope   oauth.Scope
	dropped oauth.Scope
	rule    ScopeRule
	origins TokenOrigins
}

// decide is Authorize with the way to it.
func decide(t *Tenant, c *Client, servers map[string]*ResourceServer, d Dialect, r Request) (*Authorization, decision, error) {
	var dec decision
	if len(c.Dialects) > 0 && !slices.Contains(c.Dialects, d.Name) {
		return nil, dec, oauth.UnauthorizedClient("dialect.not_allowed", "the client may not use this token endpoint")
	}
	if !slices.Contains(c.GrantTypes, r.GrantType) {
		return nil, dec, oauth.UnauthorizedClient("grant.not_allowed", "the client may not use this grant")
	}
	var err error
	if dec.offers, err = offersFor(c, servers, r); err != nil {
		return nil, dec, err
	}
	if err := dec.decideScope(c, d, r.Scope); err != nil {
		return nil, dec, err
	}
	if r.named() {
		dec.used = dec.offers // RFC 8707 §2.2: the audience is what was asked for
	}
	if err := oneAudience(c, d, dec.used, r); err != nil {
		return nil, dec, err
	}
	az := &Authorization{
		Tenant: t, Client: c, Dialect: d.Name, Subject: c.ID, Scope: dec.scope, Dropped: dec.dropped,
	}
	az.Token, dec.origins = settings(t, c, d, dec.used)
	if err := noConfusion(az, servers, dec.used); err != nil {
		return nil, dec, err
	}
	az.DPoPBound = c.DPoPBoundAccessTokens
	for _, o := range dec.used {
		az.Audience = append(az.Audience, o.server.Identifier)
		az.DPoPBound = az.DPoPBound || o.server.DPoPBoundAccessTokens
	}
	return az, dec, nil
}

// offer is what a client may have at one resource server.
type offer struct {
	server *ResourceServer
	scope  oauth.Scope // names as on the wire
}

// offersFor returns the offers that the request is about: those of the
// resource servers that it names, else all.
func offersFor(c *Client, servers map[string]*ResourceServer, r Request) ([]offer, error) {
	for _, uri := range r.Resources { // RFC 8707 §2
		u, err := url.Parse(uri)
		if err != nil || !u.IsAbs() || u.Fragment != "" || hasFragment(uri) {
			return nil, oauth.InvalidTarget("resource.unknown", "resource is not an absolute URI without a fragment")
		}
	}
	offers := make([]offer, 0, len(c.Grants))
	for _, g := range c.Grants {
		if rs := servers[g.ResourceServer]; rs != nil {
			offers = append(offers, offer{server: rs, scope: GrantedScope(rs, g)})
		}
	}
	wanted := slices.Concat(r.Resources, r.Audiences)
	if len(wanted) == 0 {
		if len(offers) == 0 {
			return nil, oauth.InvalidScope("scope.not_granted", "the client has no grant")
		}
		return offers, nil
	}
	for _, id := range wanted {
		if !slices.ContainsFunc(offers, func(o offer) bool { return o.server.Identifier == id }) {
			return nil, oauth.InvalidTarget("resource.unknown", "the resource or audience is not one that this client may use")
		}
	}
	return slices.DeleteFunc(offers, func(o offer) bool { return !slices.Contains(wanted, o.server.Identifier) }), nil
}

// hasFragment sees an empty fragment too, which url.Parse drops.
func hasFragment(uri string) bool { return slices.Contains([]byte(uri), '#') }

// GrantedScope returns the scope that g gives at rs, by the names that it has
// on the wire. What rs does not define is not given.
func GrantedScope(rs *ResourceServer, g Grant) oauth.Scope {
	all := slices.Contains(g.Scopes, AllScopes)
	tokens := make(oauth.Scope, 0, len(rs.Scopes))
	for _, def := range rs.Scopes {
		if all || slices.Contains(g.Scopes, def.Name) {
			tokens = append(tokens, rs.ScopePrefix+def.Name)
		}
	}
	slices.Sort(tokens)
	return slices.Compact(tokens)
}

// decideScope finds the scope granted, the offers that it comes from and, where
// the client downscopes, what is dropped.
func (dec *decision) decideScope(c *Client, d Dialect, asked oauth.Scope) (err error) {
	switch {
	case d.Star && asked.Equal(oauth.Scope{AllScopes}):
		dec.rule, dec.scope, dec.used = ScopeByStar, everything(dec.offers), dec.offers
	case len(asked) == 0 && d.AllWhenOmitted:
		dec.rule, dec.scope, dec.used = ScopeByDialect, everything(dec.offers), dec.offers
	case len(asked) > 0:
		dec.rule = ScopeAsked
		dec.scope, dec.used, dec.dropped, err = pick(dec.offers, asked, c.Downscope)
	default:
		dec.rule = ScopeByDefault
		dec.scope, dec.used, err = byDefault(c, dec.offers)
	}
	return err
}

// oneAudience refuses a token for several resource servers, in which a scope
// of one could be taken for a scope of the other (RFC 9068 §3), unless the
// client may have it or the dialect's tokens carry no aud.
func oneAudience(c *Client, d Dialect, used []offer, r Request) error {
	switch {
	case len(used) < 2, c.MultiAudience, d.ManyAudiences:
		return nil
	case r.named():
		return oauth.InvalidTarget("resource.several", "the client may have a token for one resource only: name one")
	}
	return oauth.InvalidScope("scope.ambiguous", "the scope spans several resources: name the resource")
}

// noConfusion refuses a token in which a resource server would read a scope
// that the client has at another only, under a name that both define. A token
// without aud is read by every resource server of the tenant, any other by
// those that it names.
func noConfusion(az *Authorization, servers map[string]*ResourceServer, used []offer) error {
	everywhere := az.Token.Format == FormatJWT && az.Token.Claims == ClaimsCognito
	if len(used) < 2 && !everywhere {
		return nil
	}
	has := make(map[string]oauth.Scope, len(used))
	for _, o := range used {
		has[o.server.Identifier] = o.scope
	}
	for id, rs := range servers {
		if _, named := has[id]; !named && !everywhere {
			continue
		}
		for _, def := range rs.Scopes {
			if name := rs.ScopePrefix + def.Name; az.Scope.Has(name) && !has[id].Has(name) {
				return oauth.InvalidScope("scope.ambiguous", "the scope "+name+" means something else at another resource")
			}
		}
	}
	return nil
}

func everything(offers []offer) oauth.Scope {
	var all []string
	for _, o := range offers {
		all = append(all, o.scope...)
	}
	return oauth.NewScope(all...)
}

// byDefault is what a client gets that asks for no scope (RFC 6749 §3.3).
func byDefault(c *Client, offers []offer) (oauth.Scope, []offer, error) {
	switch c.DefaultScope.Mode {
	case DefaultScopeAll:
		return everything(offers), offers, nil
	case DefaultScopeNone:
		return nil, offers, nil
	case DefaultScopeList:
		if len(c.DefaultScope.Scopes) > 0 { // else as if it were not set
			scope, used, _, err := pick(offers, c.DefaultScope.Scopes, true)
			return scope, used, err
		}
	case DefaultScopeUnset:
	}
	return nil, nil, oauth.InvalidScope("scope.empty", "scope is required")
}

// pick finds the one offer of each scope token asked for. With lenient it
// drops what no offer has; without, or with nothing left, it refuses.
func pick(offers []offer, asked oauth.Scope, lenient bool) (scope oauth.Scope, used []offer, dropped oauth.Scope, err error) {
	use := make([]bool, len(offers))
	for _, token := range asked {
		n := 0
		for i, o := range offers {
			if o.scope.Has(token) {
				n++
				use[i] = true
			}
		}
		switch {
		case token == "offline_access", n == 0 && !lenient:
			return nil, nil, nil, refusedScope(offers, token)
		case n == 0:
			dropped = append(dropped, token)
		case n > 1:
			return nil, nil, nil, oauth.InvalidScope("scope.ambiguous",
				"the scope "+token+" is one of several resources: name the resource")
		default:
			scope = append(scope, token)
		}
	}
	if len(scope) == 0 {
		return nil, nil, nil, refusedScope(offers, asked[0])
	}
	if !slices.Contains(use, false) {
		return scope, offers, dropped, nil
	}
	for i, o := range offers {
		if use[i] {
			used = append(used, o)
		}
	}
	return scope, used, dropped, nil
}

// refusedScope names the scope. What the client is told is the same for a
// scope that nobody defines and for one that the client was not given; the
// reason, for the operator, is not.
func refusedScope(offers []offer, token string) *oauth.Error {
	reason := "scope.unknown"
	for _, o := range offers {
		for _, def := range o.server.Scopes {
			if o.server.ScopePrefix+def.Name == token {
				reason = "scope.not_granted"
			}
		}
	}
	return oauth.InvalidScope(reason, "the scope "+token+" is not one that this client may have")
}

// LongestTokenLifetime bounds the life of any token in any tenant; signing
// keys verify for at least this long after their last signature.
const LongestTokenLifetime = 366 * 24 * time.Hour
