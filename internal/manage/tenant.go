package manage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

// CreateTenant makes a tenant with its built-in resource server and a first
// signing key, and then the keys of other algorithms that it needs.
func (m *Manager) CreateTenant(ctx context.Context, by By, t *mintage.Tenant) (*mintage.Tenant, error) {
	now := m.now()
	fresh := *t
	fresh.Meta = mintage.Meta{ManagedBy: t.ManagedBy, Version: 1, Created: now, Updated: now}
	first, err := keys.Make(m.Vault, fresh.ID, mintage.DefaultTokenAlg, now)
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", fresh.ID, err)
	}
	if fresh.ID == mintage.BuiltInTenant {
		return nil, fmt.Errorf("tenant %q: %w", fresh.ID, mintage.ErrExists)
	}
	err = m.update(ctx, func(tx store.Tx) error {
		if err := checkPlaces(ctx, tx, by, &fresh); err != nil {
			return err
		}
		if err := m.createTenant(ctx, tx, by, &fresh, first); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, &fresh)
	})
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", fresh.ID, err)
	}
	return &fresh, m.ensureNeededKeys(ctx, by, fresh.ID)
}

// createTenant writes t, its built-in resource server and its first key. That
// its places are free, the caller has seen to: apply does it for all at once.
func (m *Manager) createTenant(ctx context.Context, tx store.Tx, by By, t *mintage.Tenant, first *mintage.SigningKey) error {
	if err := checkTenant(t); err != nil {
		return err
	}
	e, err := m.event(by, ofTenant(t), "create", nil, viewTenant(t))
	if err != nil {
		return err
	}
	if err := tx.CreateTenant(ctx, t); err != nil {
		return err
	}
	if err := tx.AppendEvent(ctx, e); err != nil {
		return err
	}
	meta := mintage.Meta{Version: 1, Created: t.Created, Updated: t.Updated}
	if err := m.insertResourceServer(ctx, tx, by, adminServer(t.ID, meta)); err != nil {
		return err
	}
	return m.createKey(ctx, tx, by, first)
}

// UpdateTenant changes a tenant; see UpdateOrganization for change and
// version. Its identifier stays. Enabling one takes back that it was deleted.
func (m *Manager) UpdateTenant(
	ctx context.Context, by By, id string, version int64, change func(*mintage.Tenant) error,
) (*mintage.Tenant, error) {
	var out *mintage.Tenant
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := editableTenant(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		fresh := *old
		fresh.TokenPaths, fresh.Aliases = maps.Clone(old.TokenPaths), slices.Clone(old.Aliases)
		fresh.CORSOrigins = slices.Clone(old.CORSOrigins)
		if err := change(&fresh); err != nil {
			return err
		}
		fresh.ID = old.ID
		out = &fresh
		if !slices.Equal(old.Places(), out.Places()) {
			if err := checkPlaces(ctx, tx, by, out); err != nil {
				return err
			}
		}
		return m.writeTenant(ctx, tx, by, old, out)
	})
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", id, err)
	}
	return out, m.ensureNeededKeys(ctx, by, id)
}

func (m *Manager) writeTenant(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.Tenant) error {
	if !fresh.Disabled {
		fresh.PurgeAt = time.Time{}
	}
	if err := checkTenant(fresh); err != nil {
		return err
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	e, err := m.event(by, ofTenant(fresh), "update", viewTenant(old), viewTenant(fresh))
	if err != nil {
		return err
	}
	if err := tx.UpdateTenant(ctx, fresh); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// TenantPurgeDelay is how long a tenant that was deleted with what it owns is
// only disabled, and can come back.
const TenantPurgeDelay = 7 * 24 * time.Hour

// TenantDeletion is what was said of the deletion of a tenant.
type TenantDeletion struct {
	Version   int64   // zero: whichever
	Protected bool    // that a protected tenant is meant
	Consent   Consent // to what it owns going with it
}

// DeleteTenant deletes a tenant that has no organization, no client and no
// resource server but its built-in one, and returns nil. With consent to
// Cascade, one that has is disabled instead, and returned: Purge deletes it after
// TenantPurgeDelay with all that it owns, unless it is enabled before. A
// protected tenant is refused unless d says that it is meant.
func (m *Manager) DeleteTenant(ctx context.Context, by By, id string, d TenantDeletion) (*mintage.Tenant, error) {
	var left *mintage.Tenant
	err := m.update(ctx, func(tx store.Tx) error {
		left = nil
		old, err := editableTenant(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := atVersion(d.Version, old.Version); err != nil {
			return err
		}
		if by.confined() {
			return mintage.ErrNotFound
		}
		if old.Protected && !d.Protected {
			return &Refusal{Reason: "tenant.protected", Message: "the tenant is protected: deleting it must be asked for"}
		}
		owns, err := tenantOwns(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case owns == "":
			return m.deleteTenant(ctx, tx, by, old)
		case d.Consent != Cascade:
			return inUse("the tenant owns " + owns + ": delete those first, or the tenant with them by cascade")
		}
		fresh := *old
		fresh.Disabled = true
		if fresh.PurgeAt.IsZero() {
			fresh.PurgeAt = m.now().Add(TenantPurgeDelay)
		}
		left = &fresh
		return m.writeTenant(ctx, tx, by, old, left)
	})
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", id, err)
	}
	return left, nil
}

// tenantOwns says what keeps a tenant from being deleted at once; empty: nothing.
func tenantOwns(ctx context.Context, r store.Reader, tenant string) (string, error) {
	var owns []string
	clients, err := r.Clients(ctx, tenant, store.Page{Limit: 1})
	if err != nil {
		return "", err
	}
	if len(clients) > 0 {
		owns = append(owns, "clients")
	}
	organizations, err := r.Organizations(ctx, tenant, store.Page{Limit: 1})
	if err != nil {
		return "", err
	}
	if len(organizations) > 0 {
		owns = append(owns, "organizations")
	}
	servers, err := r.ResourceServers(ctx, tenant, store.Page{Limit: 2})
	if slices.ContainsFunc(servers, func(rs *mintage.ResourceServer) bool { return !rs.BuiltIn() }) {
		owns = append(owns, "resource servers")
	}
	return strings.Join(owns, " and "), err
}

func (m *Manager) deleteTenant(ctx context.Context, tx store.Tx, by By, old *mintage.Tenant) error {
	e, err := m.event(by, ofTenant(old), "delete", viewTenant(old), nil)
	if err != nil {
		return err
	}
	const owns = "the tenant still owns clients, resource servers or organizations"
	if err := tx.DeleteResourceServer(ctx, old.ID, mintage.AdminResource); err != nil {
		return refuseInUse(err, owns)
	}
	if err := tx.DeleteTenant(ctx, old.ID); err != nil {
		return refuseInUse(err, owns)
	}
	return tx.AppendEvent(ctx, e)
}

// editableTenant reads a tenant and refuses the built-in one.
func editableTenant(ctx context.Context, r store.Tenants, id string) (*mintage.Tenant, error) {
	if id == mintage.BuiltInTenant {
		return nil, builtIn("the tenant " + id)
	}
	return r.Tenant(ctx, id)
}

func ofTenant(t *mintage.Tenant) object {
	return object{tenant: t.ID, noun: "tenant", id: t.ID, name: t.ID}
}
