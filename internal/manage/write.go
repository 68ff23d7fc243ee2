package manage

import (
	"context"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/store"
)

// writer writes the outcome of a plan, each noun with its audit row as the use
// cases do.
type writer struct {
	m     *Manager
	by    By
	out   *apply.Outcome
	first map[string]*mintage.SigningKey // first key of each new tenant
}

// write creates and updates from tenants down to clients, and deletes from
// clients up to tenants.
func (w *writer) write(ctx context.Context, tx store.Tx, source string, p *apply.Plan) error {
	steps := []func(context.Context, store.Tx) error{
		w.putTenants, w.putResourceServers, w.putOrganizations, w.putClients,
		w.dropClients, w.dropOrganizations, w.dropResourceServers, w.dropTenants,
	}
	for _, step := range steps {
		if err := step(ctx, tx); err != nil {
			return err
		}
	}
	e, err := w.m.event(w.by, object{tenant: w.by.Actor.Tenant, noun: "state", id: source, name: source}, "apply", nil,
		view{"hash": p.Hash, "changes": len(p.Changes), "secrets": p.Secrets})
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// put creates or updates each noun that is to be there.
func put[T any](ws []apply.Write[T], create func(*T) error, update func(before, after *T) error) error {
	for _, w := range ws {
		var err error
		switch {
		case w.After == nil:
		case w.Before == nil:
			err = create(w.After)
		default:
			err = update(w.Before, w.After)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drop deletes each noun that is to be gone.
func drop[T any](ws []apply.Write[T], remove func(*T) error) error {
	for _, w := range ws {
		if w.After == nil {
			if err := remove(w.Before); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) putTenants(ctx context.Context, tx store.Tx) error {
	return put(w.out.Tenants,
		func(t *mintage.Tenant) error { return w.m.createTenant(ctx, tx, w.by, t, w.first[t.ID]) },
		func(old, t *mintage.Tenant) error { return w.m.writeTenant(ctx, tx, w.by, old, t) })
}

func (w *writer) putOrganizations(ctx context.Context, tx store.Tx) error {
	return put(w.out.Organizations,
		func(o *mintage.Organization) error { return w.m.createOrganization(ctx, tx, w.by, o) },
		func(old, o *mintage.Organization) error { return w.m.writeOrganization(ctx, tx, w.by, old, o) })
}

func (w *writer) putResourceServers(ctx context.Context, tx store.Tx) error {
	return put(w.out.ResourceServers,
		func(rs *mintage.ResourceServer) error { return w.m.createResourceServer(ctx, tx, w.by, rs) },
		func(old, rs *mintage.ResourceServer) error { return w.m.writeResourceServer(ctx, tx, w.by, old, rs) })
}

func (w *writer) putClients(ctx context.Context, tx store.Tx) error {
	return put(w.out.Clients,
		func(c *mintage.Client) error { return w.m.createClient(ctx, tx, w.by, c) },
		func(old, c *mintage.Client) error { return w.m.writeClient(ctx, tx, w.by, old, c) })
}

func (w *writer) dropClients(ctx context.Context, tx store.Tx) error {
	return drop(w.out.Clients, func(c *mintage.Client) error { return w.m.deleteClient(ctx, tx, w.by, c) })
}

func (w *writer) dropResourceServers(ctx context.Context, tx store.Tx) error {
	return drop(w.out.ResourceServers, func(rs *mintage.ResourceServer) error { return w.m.deleteResourceServer(ctx, tx, w.by, rs) })
}

func (w *writer) dropOrganizations(ctx context.Context, tx store.Tx) error {
	return drop(w.out.Organizations, func(o *mintage.Organization) error { return w.m.deleteOrganization(ctx, tx, w.by, o) })
}

func (w *writer) dropTenants(ctx context.Context, tx store.Tx) error {
	return drop(w.out.Tenants, func(t *mintage.Tenant) error { return w.m.deleteTenant(ctx, tx, w.by, t) })
}
