package manage

import (
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// AdminPrefix precedes the admin scopes on the wire.
const AdminPrefix = "mintage/"

// AdminScopes returns the scopes of the built-in resource server, sorted. The
// admin API needs no other.
func AdminScopes() []mintage.ScopeDefinition {
	return []mintage.ScopeDefinition{
		{Name: "audit:read", Description: "Read the audit log"},
		{Name: "clients:read", Description: "Read clients and what may be shown of their secrets"},
		{Name: "clients:write", Description: "Create, change and delete clients and their secrets"},
		{Name: "keys:read", Description: "Read signing keys"},
		{Name: "keys:write", Description: "Rotate signing keys"},
		{Name: "organizations:read", Description: "Read organizations"},
		{Name: "operators:read", Description: "Read operators, their sessions and invitations"},
		{Name: "operators:write", Description: "Invite, change and delete operators, and end their sessions"},
		{Name: "organizations:write", Description: "Create, change and delete organizations"},
		{Name: "requests:read", Description: "Read the log of refused requests"},
		{Name: "resource_servers:read", Description: "Read resource servers and their scopes"},
		{Name: "resource_servers:write", Description: "Create, change and delete resource servers"},
		{Name: "revocations:read", Description: "Follow revocations"},
		{Name: "state:read", Description: "Export declared state and compare tenants"},
		{Name: "state:write", Description: "Plan and apply declared state"},
		{Name: "tenants:read", Description: "Read tenants"},
		{Name: "tenants:write", Description: "Create, change and delete tenants"},
		{Name: "tokens:read", Description: "Introspect any token"},
		{Name: "tokens:write", Description: "Revoke tokens"},
		{Name: "usage:read", Description: "Read usage"},
	}
}

// AdminScope returns all admin scopes by their names on the wire.
func AdminScope() oauth.Scope {
	defs := AdminScopes()
	tokens := make([]string, len(defs))
	for i, d := range defs {
		tokens[i] = AdminPrefix + d.Name
	}
	return oauth.NewScope(tokens...)
}

// adminServer returns the built-in resource server of a tenant. It pins what
// tokens for it look like, since the admin API verifies them as RFC 9068 does.
func adminServer(tenant string, meta mintage.Meta) *mintage.ResourceServer {
	return &mintage.ResourceServer{
		Tenant: tenant, Identifier: mintage.AdminResource, Name: "mintage",
		ScopePrefix: AdminPrefix, Scopes: AdminScopes(),
		Token: mintage.TokenSettings{
			Format: mintage.FormatJWT, Alg: mintage.DefaultTokenAlg, Claims: mintage.ClaimsRFC,
		},
		Meta: meta,
	}
}

// mayHandOn refuses to make, change or open a client that may do more at the
// admin API than who asks: its secret would be a way to those rights.
func mayHandOn(by By, c *mintage.Client) error {
	for _, g := range c.Grants {
		if g.ResourceServer != mintage.AdminResource {
			continue
		}
		if missing := adminGrant(g).Without(by.Scope); len(missing) > 0 {
			return &Refusal{
				Reason: "scope.not_granted", Denied: true,
				Message: "the client has, or would have, the scope " + missing[0] + ", which you have not: only who has an admin scope may hand it on",
			}
		}
	}
	return nil
}

// adminGrant returns what g gives, by the names on the wire.
func adminGrant(g mintage.Grant) oauth.Scope {
	if slices.Contains(g.Scopes, mintage.AllScopes) {
		return AdminScope()
	}
	tokens := make([]string, len(g.Scopes))
	for i, s := range g.Scopes {
		tokens[i] = AdminPrefix + s
	}
	return oauth.NewScope(tokens...)
}
