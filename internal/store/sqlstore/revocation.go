package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

func scanRevocation(row scanner) (*mintage.Revocation, error) {
	r := new(mintage.Revocation)
	var before sql.NullInt64
	err := row.Scan(&r.Tenant, &r.ID, &r.JTI, &r.ClientID, &r.KeyID, &before, instant{&r.Created}, instant{&r.Expires})
	if before.Valid {
		r.Before = time.UnixMilli(before.Int64).UTC()
	}
	return r, err
}

// Revocations implements store.Revocations.
func (s session) Revocations(ctx context.Context, tenant string, now time.Time) ([]*mintage.Revocation, error) {
	list, err := all(ctx, s, scanRevocation, `
		SELECT tenant, id, jti, client_id, key_id, ended_before_ms, created, expires
		FROM revocations WHERE tenant = $1 AND (expires IS NULL OR expires > $2) ORDER BY id`, tenant, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("revocations: %w", err)
	}
	return list, nil
}

// Revocation implements store.Revocations.
func (s session) Revocation(ctx context.Context, tenant, id string) (*mintage.Revocation, error) {
	r, err := one(ctx, s, scanRevocation, `
		SELECT tenant, id, jti, client_id, key_id, ended_before_ms, created, expires
		FROM revocations WHERE tenant = $1 AND id = $2`, tenant, id)
	if err != nil {
		return nil, fmt.Errorf("revocation %q: %w", id, err)
	}
	return r, nil
}

// CreateRevocation implements store.RevocationWriter.
func (t *tx) CreateRevocation(ctx context.Context, r *mintage.Revocation) error {
	return t.atomically(ctx, "revocation", r.ID, func() error {
		before := sql.NullInt64{Int64: r.Before.UnixMilli(), Valid: !r.Before.IsZero()}
		n, err := t.exec(ctx, `
			INSERT INTO revocations (tenant, id, jti, client_id, key_id, ended_before_ms, created, expires)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, id) DO NOTHING`,
			r.Tenant, r.ID, r.JTI, r.ClientID, r.KeyID, before, seconds(r.Created), seconds(r.Expires))
		if err != nil || n == 0 {
			return missingParent(err, "tenant")
		}
		return t.change(ctx, mintage.ChangeRevocation, r.Tenant, r.ID)
	})
}
