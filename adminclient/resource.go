package adminclient

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

// ResourceServer is an API that takes the tenant's tokens.
type ResourceServer struct {
	Tenant        string        `json:"tenant" doc:"The tenant's identifier."`
	Identifier    string        `json:"identifier" doc:"The audience of tokens for it; unique in the tenant."`
	Name          string        `json:"name,omitempty" doc:"Short name for commands; unique in the tenant."`
	ScopePrefix   string        `json:"scope_prefix,omitempty" doc:"What precedes the name of each scope on the wire."`
	Scopes        []Scope       `json:"scopes" doc:"The scopes that it defines, sorted by name."`
	Token         TokenSettings `json:"token" doc:"What it says of tokens for it."`
	Introspectors []string      `json:"introspectors" doc:"Clients that may introspect tokens for it."`
	DPoPBound     bool          `json:"dpop_bound_access_tokens,omitempty" doc:"Whether no client gets a token for it without a DPoP proof (RFC 9449)."`
	Meta
}

// Scope is one scope of a resource server, by its bare name.
type Scope struct {
	Name        string `json:"name" doc:"The scope's name, without the resource server's prefix."`
	Description string `json:"description,omitempty" doc:"What the scope allows."`
}

// ResourceServers returns the resource servers of a tenant, in the order of
// their identifiers.
func (c *Client) ResourceServers(ctx context.Context, tenant string, l List) iter.Seq2[*ResourceServer, error] {
	return pages[ResourceServer](ctx, c, at("tenants", tenant, "resource-servers"), l)
}

// ResourceServer returns one resource server by its identifier. (A short name
// is not an identifier: look for it in ResourceServers.)
func (c *Client) ResourceServer(ctx context.Context, tenant, identifier string) (*ResourceServer, error) {
	return call[ResourceServer](ctx, c, request{method: http.MethodGet, path: at("tenants", tenant, "resource-servers", identifier)})
}

// ResourceServerSettings are the members of a resource server that its
// administrator chooses.
type ResourceServerSettings struct {
	Name          string        `json:"name,omitempty" maxLength:"63" doc:"Short name for commands; unique in the tenant."`
	ScopePrefix   string        `json:"scope_prefix,omitempty" maxLength:"256" doc:"What precedes the name of each scope on the wire."`
	Scopes        []Scope       `json:"scopes,omitempty" doc:"The scopes that it defines; a patch has all of them, and those that it leaves out are removed."`
	Token         TokenSettings `json:"token,omitzero" doc:"What it says of tokens for it."`
	Introspectors []string      `json:"introspectors,omitempty" doc:"Clients that may introspect tokens for it."`
	DPoPBound     bool          `json:"dpop_bound_access_tokens,omitempty" doc:"Whether no client gets a token for it without a DPoP proof (RFC 9449)."`
}

// NewResourceServer asks for a resource server. Its identifier is in tokens and
// cannot be changed later.
type NewResourceServer struct {
	Identifier string `json:"identifier" minLength:"1" maxLength:"512" doc:"The audience of tokens for it, usually its address; unique in the tenant."`
	ResourceServerSettings
}

// ScopeUse is a scope and who uses it.
type ScopeUse struct {
	Scope
	Wire          string `json:"wire" doc:"The scope as tokens and requests have it."`
	Clients       int    `json:"clients" doc:"Clients that may have it, by its name or with all scopes of the resource server."`
	Organizations int    `json:"organizations" doc:"Organizations that may grant it."`
	Tokens        int64  `json:"tokens" doc:"Tokens with it that were issued in the time asked for."`
	UsedBy        int    `json:"used_by" doc:"Clients that got them."`
}

// ScopePatch are the members of a scope that a patch may have.
type ScopePatch struct {
	Description string `json:"description,omitempty" maxLength:"500" doc:"What the scope allows."`
}

// Removal says how far a deletion may go.
type Removal struct {
	Version int64 // that the object must have; zero: whichever
	// Cascade lets what others hold of the object go with it; else they keep it
	// from being deleted.
	Cascade bool
}

func (r Removal) query() url.Values {
	if !r.Cascade {
		return nil
	}
	return url.Values{"cascade": {"true"}}
}

// CreateResourceServer makes a resource server; mintage.ErrExists when there is
// one with that identifier or name.
func (c *Client) CreateResourceServer(ctx context.Context, tenant string, n NewResourceServer) (*ResourceServer, error) {
	return call[ResourceServer](ctx, c, request{method: http.MethodPost, path: at("tenants", tenant, "resource-servers"), body: n})
}

// UpdateResourceServer changes the members in p, which may be those of
// ResourceServerSettings; r as for a deletion, since scopes can be removed so.
func (c *Client) UpdateResourceServer(ctx context.Context, tenant, identifier string, p Patch, r Removal) (*ResourceServer, error) {
	return call[ResourceServer](ctx, c, request{
		method: http.MethodPatch, path: at("tenants", tenant, "resource-servers", identifier), query: r.query(), body: p,
		version: r.Version, mergePatch: true,
	})
}

// DeleteResourceServer deletes a resource server.
func (c *Client) DeleteResourceServer(ctx context.Context, tenant, identifier string, r Removal) error {
	return c.do(ctx, request{
		method: http.MethodDelete, path: at("tenants", tenant, "resource-servers", identifier), query: r.query(), version: r.Version,
	}, nil)
}
