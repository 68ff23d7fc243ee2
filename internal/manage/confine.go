package manage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// OrganizationKey names an organization.
type OrganizationKey struct{ Tenant, ID string }

// confined reports whether by is a member of an organization, who is told of
// nothing else.
func (by By) confined() bool { return by.Organization != OrganizationKey{} }

// Reaches reports whether by may know of an object of an organization, which is
// empty for what none owns.
func (by By) Reaches(tenant, organization string) bool {
	return !by.confined() || by.Organization == OrganizationKey{tenant, organization}
}

// clientOf reads a client. To a member, one of another organization is not
// there.
func clientOf(ctx context.Context, r store.Clients, by By, tenant, id string) (*mintage.Client, error) {
	c, err := r.Client(ctx, tenant, id)
	if err == nil && !by.Reaches(c.Tenant, c.Organization) {
		return nil, fmt.Errorf("client %q: %w", id, mintage.ErrNotFound)
	}
	return c, err
}

// confineNew gives what a member makes to their organization.
func (by By) confineNew(c *mintage.Client) error {
	if !by.confined() {
		return nil
	}
	if c.Tenant != by.Organization.Tenant || c.Organization != "" && c.Organization != by.Organization.ID {
		return fmt.Errorf("tenant %q: %w", c.Tenant, mintage.ErrNotFound)
	}
	c.Organization = by.Organization.ID
	return nil
}

// keepConfined refuses what a member may not make of a client: another
// organization's, one that administers, one with more than the organization was
// granted, or with settings that are an operator's to choose. What the client
// has already it may keep. Old is nil for a new one.
func (m *Manager) keepConfined(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.Client) error {
	if !by.confined() {
		return nil
	}
	if !by.Reaches(fresh.Tenant, fresh.Organization) {
		return &Refusal{
			Reason: "organization.not_granted", Denied: true,
			Message: "a client stays with its organization: an operator can move it",
		}
	}
	o, err := tx.Organization(ctx, by.Organization.Tenant, by.Organization.ID)
	if err != nil {
		return err
	}
	before := old
	if before == nil {
		before = &mintage.Client{GrantTypes: fresh.GrantTypes}
		if err := m.roomFor(ctx, tx, o); err != nil {
			return err
		}
	}
	if member := operatorsChoice(before, fresh); member != "" {
		return &Refusal{
			Reason: "organization.not_granted", Denied: true,
			Message: "the client's " + member + " is for an operator to choose",
		}
	}
	return withinGrants(o, before, fresh)
}

// operatorsChoice names a setting that differs and loosens what a client may do
// or costs others; empty: there is none.
func operatorsChoice(old, fresh *mintage.Client) string {
	for _, s := range []struct {
		name string
		same bool
	}{
		{"dialects", slices.Equal(old.Dialects, fresh.Dialects)},
		{"grant_types", slices.Equal(old.GrantTypes, fresh.GrantTypes)},
		{"token", old.Token == fresh.Token},
		{"ladder", maps.Equal(old.Ladder, fresh.Ladder)},
		{"limits", old.Limits == fresh.Limits},
		{"multi_audience", old.MultiAudience == fresh.MultiAudience},
		{"dpop_bound_access_tokens", fresh.DPoPBoundAccessTokens || !old.DPoPBoundAccessTokens},
	} {
		if !s.same {
			return s.name
		}
	}
	return ""
}

// roomFor refuses one more client when the organization has as many as it may.
func (m *Manager) roomFor(ctx context.Context, tx store.Tx, o *mintage.Organization) error {
	if o.MaxClients == 0 {
		return nil
	}
	n, err := tx.CountOrganizationClients(ctx, o.Tenant, o.ID)
	if err == nil && n >= o.MaxClients {
		return &Refusal{
			Reason:  "organization.limit",
			Message: fmt.Sprintf("the organization has %d clients, which is its limit: delete one, or ask an operator for more", n),
		}
	}
	return err
}

// withinGrants refuses what neither the organization was granted nor the client
// has already. The right to administer is nobody's to grant here, whatever the
// organization was granted: a token of a client knows no organization.
func withinGrants(o *mintage.Organization, old, fresh *mintage.Client) error {
	for _, g := range fresh.Grants {
		for _, scope := range g.Scopes {
			if !grantsScope(old.Grants, g.ResourceServer, scope) &&
				(g.ResourceServer == mintage.AdminResource || !grantsScope(o.Grants, g.ResourceServer, scope)) {
				return &Refusal{
					Reason: "organization.not_granted", Denied: true,
					Message: "the organization may not grant the scope " + scope + " of " + g.ResourceServer + ": an operator can let it",
				}
			}
		}
	}
	return nil
}

// grantsScope reports whether grants hold a scope; all of them are one by name.
func grantsScope(grants []mintage.Grant, server, scope string) bool {
	return slices.ContainsFunc(grants, func(g mintage.Grant) bool {
		return g.ResourceServer == server && (slices.Contains(g.Scopes, scope) || slices.Contains(g.Scopes, mintage.AllScopes))
	})
}
