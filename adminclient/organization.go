package adminclient

import (
	"context"
	"iter"
	"net/http"
)

// OrganizationSettings are the members of an organization that its
// administrator chooses.
type OrganizationSettings struct {
	Name       string  `json:"name" minLength:"1" maxLength:"200" doc:"The organization's name."`
	Grants     []Grant `json:"grants,omitempty" doc:"What the organization's own people may grant to its clients: at each resource server at most these scopes, and nothing elsewhere. Who administers the tenant is not bound by it."`
	MaxClients int     `json:"max_clients,omitempty" minimum:"0" maximum:"1000000" doc:"How many clients the organization has at most when its own people make one; absent or 0: any number."`
}

// Organization is a customer company that owns clients of a tenant.
type Organization struct {
	Tenant string `json:"tenant" doc:"The tenant's identifier."`
	ID     string `json:"id" doc:"The organization's identifier; unique in the tenant."`
	OrganizationSettings
	Meta
}

// NewOrganization asks for an organization.
type NewOrganization struct {
	ID string `json:"id" minLength:"1" maxLength:"63" doc:"The organization's identifier: lower-case letters, digits and inner hyphens, dots and underscores."`
	OrganizationSettings
}

// Organizations returns the organizations of a tenant, in the order of their
// identifiers.
func (c *Client) Organizations(ctx context.Context, tenant string, l List) iter.Seq2[*Organization, error] {
	return pages[Organization](ctx, c, at("tenants", tenant, "organizations"), l)
}

// Organization returns one organization.
func (c *Client) Organization(ctx context.Context, tenant, id string) (*Organization, error) {
	return call[Organization](ctx, c, request{method: http.MethodGet, path: at("tenants", tenant, "organizations", id)})
}

// CreateOrganization makes an organization; mintage.ErrExists when there is one
// with that identifier.
func (c *Client) CreateOrganization(ctx context.Context, tenant string, n NewOrganization) (*Organization, error) {
	return call[Organization](ctx, c, request{method: http.MethodPost, path: at("tenants", tenant, "organizations"), body: n})
}

// UpdateOrganization changes the members in p, which may be those of
// OrganizationSettings; version as UpdateClient.
func (c *Client) UpdateOrganization(ctx context.Context, tenant, id string, p Patch, version int64) (*Organization, error) {
	return call[Organization](ctx, c, request{
		method: http.MethodPatch, path: at("tenants", tenant, "organizations", id), body: p, version: version, mergePatch: true,
	})
}

// DeleteOrganization deletes an organization, which must own no client; version
// as UpdateClient.
func (c *Client) DeleteOrganization(ctx context.Context, tenant, id string, version int64) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("tenants", tenant, "organizations", id), version: version}, nil)
}
