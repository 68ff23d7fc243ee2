package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// tenantSettings is what is only carried of a tenant.
type tenantSettings struct {
	TokenPaths     map[string]string `json:"token_paths,omitempty"`
	Token          tokenSettings     `json:"token,omitzero"`
	SecretLifetime int64             `json:"secret_lifetime,omitempty"` // seconds
	SecretOverlap  int64             `json:"secret_overlap,omitempty"`  // seconds
	KeyPeriod      int64             `json:"key_period,omitempty"`      // seconds
	DPoPNonces     bool              `json:"dpop_nonces,omitempty"`
	CORSOrigins    []string          `json:"cors_origins,omitempty"`
}

func encodeTenant(t *mintage.Tenant) (string, error) {
	return encode(tenantSettings{
		TokenPaths:     t.TokenPaths,
		Token:          newTokenSettings(t.Token),
		SecretLifetime: wholeSeconds(t.SecretLifetime),
		SecretOverlap:  wholeSeconds(t.SecretOverlap),
		KeyPeriod:      wholeSeconds(t.KeyPeriod),
		DPoPNonces:     t.DPoPNonces,
		CORSOrigins:    t.CORSOrigins,
	})
}

func scanTenant(row scanner) (*mintage.Tenant, error) {
	t := new(mintage.Tenant)
	var set tenantSettings
	err := row.Scan(&t.ID, &t.Issuer, &t.Protected, &t.Disabled, instant{&t.PurgeAt}, document{&set},
		&t.ManagedBy, &t.Version, instant{&t.Created}, instant{&t.Updated})
	if err != nil {
		return nil, err
	}
	t.TokenPaths = set.TokenPaths
	t.Token = set.Token.settings()
	t.SecretLifetime = duration(set.SecretLifetime)
	t.SecretOverlap = duration(set.SecretOverlap)
	t.KeyPeriod = duration(set.KeyPeriod)
	t.DPoPNonces = set.DPoPNonces
	t.CORSOrigins = set.CORSOrigins
	return t, nil
}

// Tenant implements store.Tenants.
func (s session) Tenant(ctx context.Context, id string) (*mintage.Tenant, error) {
	t, err := one(ctx, s, scanTenant, `
		SELECT id, issuer, protected, disabled, purge_at, settings, managed_by, version, created, updated
		FROM tenants WHERE id = $1`, id)
	if err == nil {
		err = s.readAliases(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", id, err)
	}
	return t, nil
}

// Tenants implements store.Tenants.
func (s session) Tenants(ctx context.Context, page store.Page) ([]*mintage.Tenant, error) {
	list, err := all(ctx, s, scanTenant, `
		SELECT id, issuer, protected, disabled, purge_at, settings, managed_by, version, created, updated
		FROM tenants WHERE id > $1 ORDER BY id LIMIT $2`, page.After, limit(page))
	if err != nil {
		return nil, fmt.Errorf("tenants: %w", err)
	}
	if err := s.readAllAliases(ctx, list); err != nil {
		return nil, fmt.Errorf("tenants: %w", err)
	}
	return list, nil
}

// TenantsToPurge implements store.Tenants.
func (s session) TenantsToPurge(ctx context.Context, now time.Time) ([]*mintage.Tenant, error) {
	list, err := all(ctx, s, scanTenant, `
		SELECT id, issuer, protected, disabled, purge_at, settings, managed_by, version, created, updated
		FROM tenants WHERE purge_at <= $1 AND disabled = TRUE ORDER BY id`, now.Unix())
	if err == nil {
		err = s.readAllAliases(ctx, list)
	}
	if err != nil {
		return nil, fmt.Errorf("tenants to purge: %w", err)
	}
	return list, nil
}

// readAllAliases reads those of a sorted list at once: a query for each of ten
// thousand tenants would be most of what a start takes.
func (s session) readAllAliases(ctx context.Context, list []*mintage.Tenant) error {
	if len(list) == 0 {
		return nil
	}
	type row struct{ tenant, alias string }
	rows, err := all(ctx, s, func(r scanner) (a row, err error) {
		err = r.Scan(&a.tenant, &a.alias)
		return a, err
	}, `SELECT tenant, alias FROM tenant_aliases WHERE tenant >= $1 AND tenant <= $2 ORDER BY tenant, position`,
		list[0].ID, list[len(list)-1].ID)
	if err != nil {
		return err
	}
	at := 0
	for _, a := range rows {
		for at < len(list) && list[at].ID < a.tenant {
			at++
		}
		if at < len(list) && list[at].ID == a.tenant {
			list[at].Aliases = append(list[at].Aliases, a.alias)
		}
	}
	return nil
}

func (s session) readAliases(ctx context.Context, t *mintage.Tenant) (err error) {
	t.Aliases, err = all(ctx, s, func(row scanner) (alias string, err error) {
		err = row.Scan(&alias)
		return alias, err
	}, `SELECT alias FROM tenant_aliases WHERE tenant = $1 ORDER BY position`, t.ID)
	return err
}

// CreateTenant implements store.TenantWriter.
func (t *tx) CreateTenant(ctx context.Context, tenant *mintage.Tenant) error {
	err := t.atomically(ctx, "tenant", tenant.ID, func() error {
		settings, err := encodeTenant(tenant)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO tenants (id, issuer, protected, disabled, settings, managed_by, version, created, updated, purge_at)
			VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9)`,
			tenant.ID, tenant.Issuer, tenant.Protected, tenant.Disabled, settings, tenant.ManagedBy,
			seconds(tenant.Created), seconds(tenant.Updated), seconds(tenant.PurgeAt))
		if err != nil {
			return err
		}
		if err := t.writeAliases(ctx, tenant); err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeTenant, tenant.ID, tenant.ID)
	})
	if err == nil {
		tenant.Version = 1
	}
	return err
}

// UpdateTenant implements store.TenantWriter.
func (t *tx) UpdateTenant(ctx context.Context, tenant *mintage.Tenant) error {
	var version int64
	err := t.atomically(ctx, "tenant", tenant.ID, func() error {
		settings, err := encodeTenant(tenant)
		if err != nil {
			return err
		}
		version, err = one(ctx, t.session, number, `
			UPDATE tenants SET issuer = $2, protected = $3, disabled = $4, settings = $5, managed_by = $6,
				version = version + 1, created = $7, updated = $8, purge_at = $9
			WHERE id = $1 RETURNING version`,
			tenant.ID, tenant.Issuer, tenant.Protected, tenant.Disabled, settings, tenant.ManagedBy,
			seconds(tenant.Created), seconds(tenant.Updated), seconds(tenant.PurgeAt))
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM tenant_aliases WHERE tenant = $1`, tenant.ID); err != nil {
			return err
		}
		if err := t.writeAliases(ctx, tenant); err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeTenant, tenant.ID, tenant.ID)
	})
	if err == nil {
		tenant.Version = version
	}
	return err
}

func (t *tx) writeAliases(ctx context.Context, tenant *mintage.Tenant) error {
	for i, alias := range tenant.Aliases {
		_, err := t.exec(ctx, `INSERT INTO tenant_aliases (alias, tenant, position) VALUES ($1, $2, $3)`, alias, tenant.ID, i)
		if err != nil {
			return fmt.Errorf("alias %q: %w", alias, err)
		}
	}
	return nil
}

// DeleteTenant implements store.TenantWriter. Stored tokens of the tenant are
// lost with their shapes, so that they do not come back to life in a later
// tenant of the same name.
func (t *tx) DeleteTenant(ctx context.Context, id string) error {
	return t.atomically(ctx, "tenant", id, func() error {
		if err := mustTouch(t.exec(ctx, `DELETE FROM tenants WHERE id = $1`, id)); err != nil {
			return stillUsed(err)
		}
		if _, err := t.exec(ctx, `DELETE FROM token_shapes WHERE tenant = $1`, id); err != nil {
			return err
		}
		if _, err := t.next(ctx, summaryCounter); err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeTenant, id, id)
	})
}
