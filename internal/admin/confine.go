package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// Who asks may belong to an organization: a client that it owns, or a member of
// it. They are told of what is their organization's, and to them all else is not
// there. Changes are confined by internal/manage; what is read, here.

// forMembers reports whether the operation is there for who is confined to an
// organization. What is not in the list is not: of a new operation, somebody has
// to think first.
func (op *operation) forMembers() bool {
	if op.AnyCaller {
		return true
	}
	switch op.ID {
	case "openapi",
		"list-organizations", "show-organization", "list-resource-servers", "show-resource-server",
		"list-clients", "create-client", "show-client", "update-client", "delete-client", "list-secrets", "add-secret", "revoke-secret",
		"rotate-secret", "complete-rotation", "cancel-rotation", "pause-secret", "list-ladder",
		"revoke-token", "explain-token",
		"list-audit", "list-all-audit", "show-usage", "show-all-usage", "show-cache-advice",
		"list-requests", "show-request", "list-all-requests", "find-request":
		return true
	}
	return false
}

// overPeople reports whether the operation is about operators, which a member
// who is one themselves has for those of their organization, and a client has not.
func (op *operation) overPeople() bool {
	return strings.HasPrefix(op.Path, "/operators") || strings.HasPrefix(op.Path, "/invitations")
}

// confined reports whether the caller belongs to an organization.
func (c caller) confined() bool { return c.by.Organization != manage.OrganizationKey{} }

// organization is the one that the caller is confined to; empty: none.
func (c caller) organization() string { return c.by.Organization.ID }

// clientOf reads a client that the caller may know of.
func (h *Handler) clientOf(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	c, err := h.manager.Client(ctx, tenant, id)
	if err == nil && !callerOf(ctx).by.Reaches(c.Tenant, c.Organization) {
		return nil, fmt.Errorf("client %q: %w", id, mintage.ErrNotFound)
	}
	return c, err
}

// organizationOf reads an organization that the caller may know of.
func (h *Handler) organizationOf(ctx context.Context, tenant, id string) (*mintage.Organization, error) {
	if !callerOf(ctx).by.Reaches(tenant, id) {
		return nil, fmt.Errorf("organization %q: %w", id, mintage.ErrNotFound)
	}
	return h.manager.Organization(ctx, tenant, id)
}

// granted returns what a member is told of resource servers: those of which the
// organization was granted something, with the scopes that it may grant, and
// nothing of who else has to do with them.
func (h *Handler) granted(ctx context.Context, servers []*mintage.ResourceServer) ([]*mintage.ResourceServer, error) {
	by := callerOf(ctx).by
	o, err := h.manager.Organization(ctx, by.Organization.Tenant, by.Organization.ID)
	if err != nil {
		return nil, err
	}
	var told []*mintage.ResourceServer
	for _, rs := range servers {
		i := slices.IndexFunc(o.Grants, func(g mintage.Grant) bool { return g.ResourceServer == rs.Identifier })
		if i < 0 {
			continue
		}
		scopes := o.Grants[i].Scopes
		fresh := *rs
		fresh.Introspectors = nil
		fresh.Scopes = slices.DeleteFunc(slices.Clone(rs.Scopes), func(s mintage.ScopeDefinition) bool {
			return !slices.Contains(scopes, s.Name) && !slices.Contains(scopes, mintage.AllScopes)
		})
		told = append(told, &fresh)
	}
	return told, nil
}
