package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func scanOrganization(row scanner) (*mintage.Organization, error) {
	o := new(mintage.Organization)
	err := row.Scan(&o.Tenant, &o.ID, &o.Name, &o.MaxClients, &o.ManagedBy, &o.Version, instant{&o.Created}, instant{&o.Updated})
	return o, err
}

// Organization implements store.Organizations.
func (s session) Organization(ctx context.Context, tenant, id string) (*mintage.Organization, error) {
	o, err := one(ctx, s, scanOrganization, `
		SELECT tenant, id, name, max_clients, managed_by, version, created, updated
		FROM organizations WHERE tenant = $1 AND id = $2`, tenant, id)
	if err == nil {
		err = s.readOrganizationGrants(ctx, []*mintage.Organization{o})
	}
	if err != nil {
		return nil, fmt.Errorf("organization %q: %w", id, err)
	}
	return o, nil
}

// Organizations implements store.Organizations.
func (s session) Organizations(ctx context.Context, tenant string, page store.Page) ([]*mintage.Organization, error) {
	list, err := all(ctx, s, scanOrganization, `
		SELECT tenant, id, name, max_clients, managed_by, version, created, updated
		FROM organizations WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, tenant, page.After, limit(page))
	if err == nil {
		err = s.readOrganizationGrants(ctx, list)
	}
	if err != nil {
		return nil, fmt.Errorf("organizations: %w", err)
	}
	return list, nil
}

// CreateOrganization implements store.OrganizationWriter.
func (t *tx) CreateOrganization(ctx context.Context, o *mintage.Organization) error {
	err := t.atomically(ctx, "organization", o.ID, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO organizations (tenant, id, name, max_clients, managed_by, version, created, updated)
			VALUES ($1, $2, $3, $4, $5, 1, $6, $7)`,
			o.Tenant, o.ID, o.Name, o.MaxClients, o.ManagedBy, seconds(o.Created), seconds(o.Updated))
		if err != nil {
			return missingParent(err, "tenant")
		}
		if err := t.createOrganizationGrants(ctx, o); err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeOrganization, o.Tenant, o.ID)
	})
	if err == nil {
		o.Version = 1
	}
	return err
}

// UpdateOrganization implements store.OrganizationWriter.
func (t *tx) UpdateOrganization(ctx context.Context, o *mintage.Organization) error {
	var version int64
	err := t.atomically(ctx, "organization", o.ID, func() (err error) {
		version, err = one(ctx, t.session, number, `
			UPDATE organizations SET name = $3, max_clients = $4, managed_by = $5, version = version + 1, created = $6, updated = $7
			WHERE tenant = $1 AND id = $2 RETURNING version`,
			o.Tenant, o.ID, o.Name, o.MaxClients, o.ManagedBy, seconds(o.Created), seconds(o.Updated))
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM organization_grants WHERE tenant = $1 AND organization = $2`, o.Tenant, o.ID); err != nil {
			return err
		}
		if err := t.createOrganizationGrants(ctx, o); err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeOrganization, o.Tenant, o.ID)
	})
	if err == nil {
		o.Version = version
	}
	return err
}

func (t *tx) createOrganizationGrants(ctx context.Context, o *mintage.Organization) error {
	for i, g := range o.Grants {
		scopes, err := encode(g.Scopes)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO organization_grants (tenant, organization, position, resource_server, scopes) VALUES ($1, $2, $3, $4, $5)`,
			o.Tenant, o.ID, i, g.ResourceServer, scopes)
		if err != nil {
			return fmt.Errorf("grant %q: %w", g.ResourceServer, missingParent(err, "resource server"))
		}
	}
	return nil
}

// readOrganizationGrants reads the grants of organizations of one tenant, which
// are sorted by identifier.
func (s session) readOrganizationGrants(ctx context.Context, list []*mintage.Organization) error {
	if len(list) == 0 {
		return nil
	}
	byID := make(map[string]*mintage.Organization, len(list))
	for _, o := range list {
		byID[o.ID] = o
	}
	grants, err := all(ctx, s, scanGrant, `
		SELECT organization, resource_server, scopes FROM organization_grants
		WHERE tenant = $1 AND organization >= $2 AND organization <= $3 ORDER BY organization, position`,
		list[0].Tenant, list[0].ID, list[len(list)-1].ID)
	if err != nil {
		return fmt.Errorf("grants: %w", err)
	}
	for _, g := range grants {
		if o := byID[g.owner]; o != nil {
			o.Grants = append(o.Grants, g.Grant)
		}
	}
	return nil
}

// DeleteOrganization implements store.OrganizationWriter.
func (t *tx) DeleteOrganization(ctx context.Context, tenant, id string) error {
	return t.atomically(ctx, "organization", id, func() error {
		err := mustTouch(t.exec(ctx, `DELETE FROM organizations WHERE tenant = $1 AND id = $2`, tenant, id))
		if err != nil {
			return stillUsed(err)
		}
		return t.change(ctx, mintage.ChangeOrganization, tenant, id)
	})
}
