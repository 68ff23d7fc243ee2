package manage

import (
	"context"
	"errors"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// purgeBatch is how many objects of a tenant are deleted in one transaction,
// which others wait for.
const purgeBatch = 100

// sweptAtOnce is how many records of a tenant are deleted in one transaction.
const sweptAtOnce = 1000

// Purge deletes the clients whose time has come since apply pruned them, each
// in a transaction of its own, and the tenants whose time has come since they
// were deleted, with all that they own and a bounded number of objects at a
// time. It says how many clients of tenants that stay, and how many tenants, it
// deleted.
func (m *Manager) Purge(ctx context.Context) (clients, tenants int, err error) {
	due, err := m.Store.ClientsToPurge(ctx, m.now())
	if err != nil {
		return 0, 0, err
	}
	for _, c := range due {
		switch err := m.purge(ctx, c); {
		case err == nil:
			clients++
		case errors.Is(err, errNotDue), errors.Is(err, mintage.ErrNotFound):
			// Somebody enabled or deleted it meanwhile.
		default:
			return clients, 0, err
		}
	}
	tenants, err = m.purgeTenants(ctx)
	return clients, tenants, err
}

var errNotDue = errors.New("not due")

func (m *Manager) purge(ctx context.Context, c *mintage.Client) error {
	return m.update(ctx, func(tx store.Tx) error {
		old, err := tx.Client(ctx, c.Tenant, c.ID)
		if err != nil {
			return err
		}
		if old.PurgeAt.IsZero() || m.now().Before(old.PurgeAt) {
			return errNotDue
		}
		return m.deleteClient(ctx, tx, Server(), old)
	})
}

func (m *Manager) purgeTenants(ctx context.Context) (int, error) {
	due, err := m.Store.TenantsToPurge(ctx, m.now())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, t := range due {
		switch err := m.purgeTenant(ctx, t.ID); {
		case err == nil:
			n++
		case errors.Is(err, errNotDue), errors.Is(err, mintage.ErrNotFound):
			// Somebody enabled or deleted it meanwhile.
		default:
			return n, err
		}
	}
	return n, nil
}

// purgeTenant deletes a tenant from its clients up. What was deleted stays so
// when it is interrupted, or the tenant is enabled meanwhile.
func (m *Manager) purgeTenant(ctx context.Context, id string) error {
	for _, some := range []func(context.Context, store.Tx, string) (int, error){
		m.purgeClients, m.purgeOrganizations, m.purgeResourceServers,
	} {
		for n := purgeBatch; n == purgeBatch; {
			if err := m.ofDueTenant(ctx, id, func(tx store.Tx, _ *mintage.Tenant) (err error) {
				n, err = some(ctx, tx, id)
				return err
			}); err != nil {
				return err
			}
		}
	}
	for {
		switch n, err := m.Store.SweepTenant(ctx, id, sweptAtOnce); {
		case err != nil:
			return err
		case n > 0:
			continue
		}
		return m.ofDueTenant(ctx, id, func(tx store.Tx, t *mintage.Tenant) error { return m.deleteTenant(ctx, tx, Server(), t) })
	}
}

// ofDueTenant runs fn in a transaction, unless the tenant is not to be deleted
// any more.
func (m *Manager) ofDueTenant(ctx context.Context, id string, fn func(store.Tx, *mintage.Tenant) error) error {
	return m.update(ctx, func(tx store.Tx) error {
		t, err := tx.Tenant(ctx, id)
		if err != nil {
			return err
		}
		if !t.Disabled || t.PurgeAt.IsZero() || m.now().Before(t.PurgeAt) {
			return errNotDue
		}
		return fn(tx, t)
	})
}

func (m *Manager) purgeClients(ctx context.Context, tx store.Tx, tenant string) (int, error) {
	list, err := tx.Clients(ctx, tenant, store.Page{Limit: purgeBatch})
	if err != nil {
		return 0, err
	}
	for _, c := range list {
		if err := m.deleteClient(ctx, tx, Server(), c); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

func (m *Manager) purgeOrganizations(ctx context.Context, tx store.Tx, tenant string) (int, error) {
	list, err := tx.Organizations(ctx, tenant, store.Page{Limit: purgeBatch})
	if err != nil {
		return 0, err
	}
	for _, o := range list {
		if err := m.deleteOrganization(ctx, tx, Server(), o); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// purgeResourceServers leaves the built-in one, which goes with the tenant.
func (m *Manager) purgeResourceServers(ctx context.Context, tx store.Tx, tenant string) (int, error) {
	list, err := tx.ResourceServers(ctx, tenant, store.Page{Limit: purgeBatch + 1})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, rs := range list {
		if rs.BuiltIn() || n == purgeBatch {
			continue
		}
		if err := m.deleteResourceServer(ctx, tx, Server(), rs); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
