package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Scopes returns the scopes of a resource server, sorted by name, with who may
// have them and how many tokens had them in the last so many days; zero: 30.
func (c *Client) Scopes(ctx context.Context, tenant, identifier string, days int) (*Page[ScopeUse], error) {
	query := url.Values{}
	if days > 0 {
		query.Set("days", strconv.Itoa(days))
	}
	return call[Page[ScopeUse]](ctx, c, request{method: http.MethodGet, path: scopesOf(tenant, identifier), query: query})
}

// AddScope adds a scope to a resource server, which is what it returns;
// mintage.ErrExists when it has one of that name. A version other than zero is
// that of the resource server.
func (c *Client) AddScope(ctx context.Context, tenant, identifier string, s Scope, version int64) (*ResourceServer, error) {
	return call[ResourceServer](ctx, c, request{
		method: http.MethodPost, path: scopesOf(tenant, identifier), body: s, version: version,
	})
}

// UpdateScope changes the members in p of a scope, which may be those of
// ScopePatch; version as AddScope.
func (c *Client) UpdateScope(ctx context.Context, tenant, identifier, scope string, p Patch, version int64) (*ResourceServer, error) {
	return call[ResourceServer](ctx, c, request{
		method: http.MethodPatch, path: scopesOf(tenant, identifier) + at(scope), body: p, version: version, mergePatch: true,
	})
}

// RemoveScope removes a scope from a resource server. With r.Cascade it is taken
// from the clients and organizations that hold it. The version in r is that of
// the resource server.
func (c *Client) RemoveScope(ctx context.Context, tenant, identifier, scope string, r Removal) error {
	return c.do(ctx, request{
		method: http.MethodDelete, path: scopesOf(tenant, identifier) + at(scope), query: r.query(), version: r.Version,
	}, nil)
}

func scopesOf(tenant, identifier string) string {
	return at("tenants", tenant, "resource-servers", identifier, "scopes")
}
