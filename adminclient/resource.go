package adminclient

import (
	"context"
	"iter"
	"net/http"
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
