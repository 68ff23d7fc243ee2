package manage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

// adminTokenLifetime is short: a command gets a token for each run, and the
// rights of an administrator that leak should not last.
const adminTokenLifetime = 15 * time.Minute

// Bootstrap makes the tenant that administers all, with the issuer adminURL,
// and its first client, which may do everything. It returns what was made, or
// nil when that was done before; an adminURL other than the one of then is an
// error, since every administrator's token names it: SetAdminURL changes it.
//
// Keep, unless it is nil, is called in the transaction with what is being
// made: what it returns an error for was not made, so credentials that it
// puts on disk are never lost, though it may be called twice and the last
// call counts.
func (m *Manager) Bootstrap(ctx context.Context, adminURL string, keep func(*Credentials) error) (*Credentials, error) {
	switch t, err := m.Store.Tenant(ctx, mintage.BuiltInTenant); {
	case err == nil && t.Issuer != adminURL:
		return nil, fmt.Errorf("the admin URL is %s and was %s: change it on purpose, or start with the old one", adminURL, t.Issuer)
	case err == nil:
		return nil, m.upgradeAdminServers(ctx)
	case !errors.Is(err, mintage.ErrNotFound):
		return nil, err
	}
	now := m.now()
	meta := mintage.Meta{Version: 1, Created: now, Updated: now}
	t := &mintage.Tenant{
		ID: mintage.BuiltInTenant, Issuer: adminURL, Protected: true,
		Token: mintage.TokenSettings{Lifetime: adminTokenLifetime}, Meta: meta,
	}
	first, err := keys.Make(m.Vault, t.ID, mintage.DefaultTokenAlg, now)
	if err != nil {
		return nil, err
	}
	made, err := m.newAdministrator(t, "First administrator")
	if err != nil {
		return nil, err
	}
	err = m.update(ctx, func(tx store.Tx) error {
		if err := m.createTenant(ctx, tx, Server(), t, first); err != nil {
			return err
		}
		if err := m.createClient(ctx, tx, Server(), made.Client); err != nil {
			return err
		}
		if keep != nil {
			return keep(made)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("set up the first administrator: %w", err)
	}
	return made, nil
}

// SetAdminURL changes the issuer of the built-in tenant. Tokens and metadata
// of its clients name the new one from then on, and the URL that their
// commands use has to change with it.
func (m *Manager) SetAdminURL(ctx context.Context, adminURL string) error {
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := tx.Tenant(ctx, mintage.BuiltInTenant)
		if err != nil || old.Issuer == adminURL {
			return err
		}
		fresh := *old
		fresh.Issuer = adminURL
		if err := checkPlaces(ctx, tx, Server(), &fresh); err != nil {
			return err
		}
		return m.writeTenant(ctx, tx, Server(), old, &fresh)
	})
	if err != nil {
		return fmt.Errorf("change the admin URL: %w", err)
	}
	return nil
}

// upgradeAdminServers gives the built-in resource server of each tenant the
// scopes of this build, after an upgrade. That of the built-in tenant comes last
// and so says whether it was done: a start without an upgrade costs one read,
// however many tenants there are.
func (m *Manager) upgradeAdminServers(ctx context.Context) error {
	own, err := m.Store.ResourceServer(ctx, mintage.BuiltInTenant, mintage.AdminResource)
	if err != nil {
		return fmt.Errorf("the built-in resource server of tenant %q: %w", mintage.BuiltInTenant, err)
	}
	if sameAdminServer(own) {
		return nil
	}
	ts, err := m.Store.Tenants(ctx, store.Page{})
	if err != nil {
		return err
	}
	for _, t := range ts {
		if t.BuiltIn() {
			continue
		}
		rs, err := m.Store.ResourceServer(ctx, t.ID, mintage.AdminResource)
		if err != nil {
			return fmt.Errorf("the built-in resource server of tenant %q: %w", t.ID, err)
		}
		if sameAdminServer(rs) {
			continue
		}
		if err := m.upgradeAdminServer(ctx, t.ID); err != nil {
			return fmt.Errorf("the built-in resource server of tenant %q: %w", t.ID, err)
		}
	}
	return m.upgradeAdminServer(ctx, mintage.BuiltInTenant)
}

func (m *Manager) upgradeAdminServer(ctx context.Context, tenant string) error {
	return m.update(ctx, func(tx store.Tx) error {
		old, err := tx.ResourceServer(ctx, tenant, mintage.AdminResource)
		if err != nil {
			return err
		}
		fresh := adminServer(tenant, old.Meta)
		fresh.Updated, fresh.Version = m.now(), old.Version+1
		e, err := m.event(Server(), ofResourceServer(fresh), "update", viewResourceServer(old), viewResourceServer(fresh))
		if err != nil {
			return err
		}
		if err := tx.UpdateResourceServer(ctx, fresh); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
}

// sameAdminServer reports whether rs has the scopes of this build.
func sameAdminServer(rs *mintage.ResourceServer) bool {
	want := adminServer(rs.Tenant, rs.Meta)
	if rs.Token != want.Token || len(rs.Scopes) != len(want.Scopes) {
		return false
	}
	for i := range want.Scopes {
		if rs.Scopes[i] != want.Scopes[i] {
			return false
		}
	}
	return true
}
