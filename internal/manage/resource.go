package manage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// CreateResourceServer makes a resource server.
func (m *Manager) CreateResourceServer(ctx context.Context, by By, rs *mintage.ResourceServer) (*mintage.ResourceServer, error) {
	now := m.now()
	fresh := *rs
	fresh.Meta = mintage.Meta{ManagedBy: rs.ManagedBy, Version: 1, Created: now, Updated: now}
	err := m.update(ctx, func(tx store.Tx) error {
		if _, err := editableTenant(ctx, tx, fresh.Tenant); err != nil {
			return err
		}
		if err := checkIntrospectors(ctx, tx, nil, &fresh); err != nil {
			return err
		}
		if err := m.createResourceServer(ctx, tx, by, &fresh); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, &fresh)
	})
	if err != nil {
		return nil, fmt.Errorf("resource server %q: %w", fresh.Identifier, err)
	}
	return &fresh, nil
}

func (m *Manager) createResourceServer(ctx context.Context, tx store.Tx, by By, rs *mintage.ResourceServer) error {
	sortScopes(rs)
	if err := checkResourceServer(rs); err != nil {
		return err
	}
	if rs.Identifier == mintage.AdminResource {
		return builtIn("the resource server " + rs.Identifier)
	}
	return m.insertResourceServer(ctx, tx, by, rs)
}

// insertResourceServer is createResourceServer for the built-in ones too.
func (m *Manager) insertResourceServer(ctx context.Context, tx store.Tx, by By, rs *mintage.ResourceServer) error {
	e, err := m.event(by, ofResourceServer(rs), "create", nil, viewResourceServer(rs))
	if err != nil {
		return err
	}
	if err := tx.CreateResourceServer(ctx, rs); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// UpdateResourceServer changes a resource server; see UpdateOrganization for
// change and version. Its identifier stays: tokens and APIs compare it. What
// clients and organizations hold of the scopes that it no longer defines, or
// under another prefix, is changed with it when the consent is Cascade, and
// else keeps it from being changed.
func (m *Manager) UpdateResourceServer(
	ctx context.Context, by By, tenant, identifier string, version int64, consent Consent, change func(*mintage.ResourceServer) error,
) (*mintage.ResourceServer, error) {
	var out *mintage.ResourceServer
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := tx.ResourceServer(ctx, tenant, identifier)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		fresh := *old
		fresh.Scopes, fresh.Introspectors = slices.Clone(old.Scopes), slices.Clone(old.Introspectors)
		if err := change(&fresh); err != nil {
			return err
		}
		fresh.Tenant, fresh.Identifier = old.Tenant, old.Identifier
		out = &fresh
		if err := checkIntrospectors(ctx, tx, old, out); err != nil {
			return err
		}
		if err := m.writeResourceServer(ctx, tx, by, old, out); err != nil {
			return err
		}
		if err := m.carryHolders(ctx, tx, by, old, out, consent); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, out)
	})
	if err != nil {
		return nil, fmt.Errorf("resource server %q: %w", identifier, err)
	}
	return out, nil
}

func (m *Manager) writeResourceServer(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.ResourceServer) error {
	if old.Identifier == mintage.AdminResource {
		return builtIn("the resource server " + old.Identifier)
	}
	sortScopes(fresh)
	if err := checkResourceServer(fresh); err != nil {
		return err
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	e, err := m.event(by, ofResourceServer(fresh), "update", viewResourceServer(old), viewResourceServer(fresh))
	if err != nil {
		return err
	}
	if err := tx.UpdateResourceServer(ctx, fresh); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// DeleteResourceServer deletes a resource server. The grants that clients and
// organizations have there go with it when the consent is Cascade, and else
// keep it from being deleted.
func (m *Manager) DeleteResourceServer(ctx context.Context, by By, tenant, identifier string, version int64, consent Consent) error {
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := tx.ResourceServer(ctx, tenant, identifier)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		if !old.BuiltIn() {
			if err := m.takeGrants(ctx, tx, by, old, consent); err != nil {
				return err
			}
		}
		return m.deleteResourceServer(ctx, tx, by, old)
	})
	if err != nil {
		return fmt.Errorf("resource server %q: %w", identifier, err)
	}
	return nil
}

func (m *Manager) deleteResourceServer(ctx context.Context, tx store.Tx, by By, old *mintage.ResourceServer) error {
	if old.Identifier == mintage.AdminResource {
		return builtIn("the resource server " + old.Identifier)
	}
	e, err := m.event(by, ofResourceServer(old), "delete", viewResourceServer(old), nil)
	if err != nil {
		return err
	}
	if err := tx.DeleteResourceServer(ctx, old.Tenant, old.Identifier); err != nil {
		return refuseInUse(err, "clients or organizations still have grants at the resource server")
	}
	return tx.AppendEvent(ctx, e)
}

func sortScopes(rs *mintage.ResourceServer) {
	rs.Scopes = slices.Clone(rs.Scopes)
	slices.SortFunc(rs.Scopes, func(a, b mintage.ScopeDefinition) int { return cmp.Compare(a.Name, b.Name) })
}

func ofResourceServer(rs *mintage.ResourceServer) object {
	return object{tenant: rs.Tenant, noun: "resource_server", id: rs.Identifier, name: cmp.Or(rs.Name, rs.Identifier)}
}
