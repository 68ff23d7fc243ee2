package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func scanOrganization(row scanner) (*mintage.Organization, error) {
	o := new(mintage.Organization)
	err := row.Scan(&o.Tenant, &o.ID, &o.Name, &o.ManagedBy, &o.Version, instant{&o.Created}, instant{&o.Updated})
	return o, err
}

// Organization implements store.Organizations.
func (s session) Organization(ctx context.Context, tenant, id string) (*mintage.Organization, error) {
	o, err := one(ctx, s, scanOrganization, `
		SELECT tenant, id, name, managed_by, version, created, updated
		FROM organizations WHERE tenant = $1 AND id = $2`, tenant, id)
	if err != nil {
		return nil, fmt.Errorf("organization %q: %w", id, err)
	}
	return o, nil
}

// Organizations implements store.Organizations.
func (s session) Organizations(ctx context.Context, tenant string, page store.Page) ([]*mintage.Organization, error) {
	list, err := all(ctx, s, scanOrganization, `
		SELECT tenant, id, name, managed_by, version, created, updated
		FROM organizations WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, tenant, page.After, limit(page))
	if err != nil {
		return nil, fmt.Errorf("organizations: %w", err)
	}
	return list, nil
}

// CreateOrganization implements store.OrganizationWriter.
func (t *tx) CreateOrganization(ctx context.Context, o *mintage.Organization) error {
	err := t.atomically(ctx, "organization", o.ID, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO organizations (tenant, id, name, managed_by, version, created, updated)
			VALUES ($1, $2, $3, $4, 1, $5, $6)`,
			o.Tenant, o.ID, o.Name, o.ManagedBy, seconds(o.Created), seconds(o.Updated))
		if err != nil {
			return missingParent(err, "tenant")
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
			UPDATE organizations SET name = $3, managed_by = $4, version = version + 1, created = $5, updated = $6
			WHERE tenant = $1 AND id = $2 RETURNING version`,
			o.Tenant, o.ID, o.Name, o.ManagedBy, seconds(o.Created), seconds(o.Updated))
		if err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeOrganization, o.Tenant, o.ID)
	})
	if err == nil {
		o.Version = version
	}
	return err
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
