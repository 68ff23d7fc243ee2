package manage

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// CreateOrganization makes an organization under the identifier that o has.
func (m *Manager) CreateOrganization(ctx context.Context, by By, o *mintage.Organization) (*mintage.Organization, error) {
	now := m.now()
	fresh := *o
	fresh.Meta = mintage.Meta{ManagedBy: o.ManagedBy, Version: 1, Created: now, Updated: now}
	err := m.update(ctx, func(tx store.Tx) error {
		fresh.Grants = cloneGrants(o.Grants)
		if _, err := editableTenant(ctx, tx, fresh.Tenant); err != nil {
			return err
		}
		if err := m.createOrganization(ctx, tx, by, &fresh); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, &fresh)
	})
	if err != nil {
		return nil, fmt.Errorf("organization %q: %w", fresh.ID, err)
	}
	return &fresh, nil
}

func (m *Manager) createOrganization(ctx context.Context, tx store.Tx, by By, o *mintage.Organization) error {
	if err := checkOrganization(ctx, tx, o); err != nil {
		return err
	}
	e, err := m.event(by, ofOrganization(o), "create", nil, viewOrganization(o))
	if err != nil {
		return err
	}
	if err := tx.CreateOrganization(ctx, o); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// UpdateOrganization changes an organization by a function, which may run more
// than once. It is mintage.ErrConflict when version is not zero and not the
// one stored.
func (m *Manager) UpdateOrganization(
	ctx context.Context, by By, tenant, id string, version int64, change func(*mintage.Organization) error,
) (*mintage.Organization, error) {
	var out *mintage.Organization
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := tx.Organization(ctx, tenant, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		fresh := *old
		fresh.Grants = cloneGrants(old.Grants)
		if err := change(&fresh); err != nil {
			return err
		}
		fresh.Tenant, fresh.ID = old.Tenant, old.ID
		out = &fresh
		return m.writeOrganization(ctx, tx, by, old, out)
	})
	if err != nil {
		return nil, fmt.Errorf("organization %q: %w", id, err)
	}
	return out, nil
}

func (m *Manager) writeOrganization(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.Organization) error {
	if err := checkOrganization(ctx, tx, fresh); err != nil {
		return err
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	e, err := m.event(by, ofOrganization(fresh), "update", viewOrganization(old), viewOrganization(fresh))
	if err != nil {
		return err
	}
	if err := tx.UpdateOrganization(ctx, fresh); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// DeleteOrganization deletes an organization that owns no client.
func (m *Manager) DeleteOrganization(ctx context.Context, by By, tenant, id string, version int64) error {
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := tx.Organization(ctx, tenant, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		return m.deleteOrganization(ctx, tx, by, old)
	})
	if err != nil {
		return fmt.Errorf("organization %q: %w", id, err)
	}
	return nil
}

func (m *Manager) deleteOrganization(ctx context.Context, tx store.Tx, by By, old *mintage.Organization) error {
	e, err := m.event(by, ofOrganization(old), "delete", viewOrganization(old), nil)
	if err != nil {
		return err
	}
	if err := tx.DeleteOrganization(ctx, old.Tenant, old.ID); err != nil {
		return refuseInUse(err, "the organization still owns clients")
	}
	return tx.AppendEvent(ctx, e)
}

func ofOrganization(o *mintage.Organization) object {
	return object{tenant: o.Tenant, noun: "organization", id: o.ID, name: o.Name}
}
