package manage

import (
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// RoleScope returns the admin scopes that a role gives over everything, by
// their names on the wire. A role that is not known gives none.
func RoleScope(r mintage.Role) oauth.Scope {
	switch r {
	case mintage.RoleOwner:
		return AdminScope()
	case mintage.RoleAdmin:
		return scopesThat(func(name string) bool { return name != "operators:write" && name != "tenants:write" })
	case mintage.RoleDeveloper:
		return scopesThat(func(name string) bool { return reads(name) || name == "clients:write" })
	case mintage.RoleViewer:
		return scopesThat(reads)
	}
	return nil
}

// MemberScope returns the admin scopes that a role gives in an organization, by
// their names on the wire. Where they are used, By.Organization goes with them.
func MemberScope(r mintage.Role) oauth.Scope {
	allowed := []string{"clients:read", "organizations:read", "requests:read", "resource_servers:read", "usage:read"}
	switch r {
	case mintage.RoleAdmin:
		allowed = append(allowed, "clients:write", "tokens:write", "audit:read", "operators:read", "operators:write")
	case mintage.RoleDeveloper:
		allowed = append(allowed, "clients:write", "tokens:write")
	case mintage.RoleViewer:
	case mintage.RoleOwner: // none of an organization
		return nil
	default:
		return nil
	}
	return scopesThat(func(name string) bool { return slices.Contains(allowed, name) })
}

func reads(name string) bool { return strings.HasSuffix(name, ":read") }

func scopesThat(keep func(name string) bool) oauth.Scope {
	var tokens []string
	for _, d := range AdminScopes() {
		if keep(d.Name) {
			tokens = append(tokens, AdminPrefix+d.Name)
		}
	}
	return oauth.NewScope(tokens...)
}

// needs refuses who lacks an admin scope, by its bare name.
func needs(by By, scope string) error {
	if by.Scope.Has(AdminPrefix + scope) {
		return nil
	}
	return &Refusal{Reason: "scope.not_granted", Denied: true, Message: "it takes the scope " + AdminPrefix + scope + ", which you have not"}
}

// mayAppoint refuses to give or to take rights that who asks has not got.
func mayAppoint(by By, r mintage.Role, m mintage.Membership) error {
	scope := RoleScope(r)
	if m.Organization != "" {
		if !by.Reaches(m.Tenant, m.Organization) {
			return mintage.ErrNotFound
		}
		scope = MemberScope(m.Role)
	}
	if missing := scope.Without(by.Scope); len(missing) > 0 {
		return &Refusal{
			Reason: "scope.not_granted", Denied: true,
			Message: "the role includes " + missing[0] + ", which you have not: only who has a right may give or take it",
		}
	}
	return nil
}
