package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
)

func scanKey(row scanner) (*mintage.SigningKey, error) {
	k := new(mintage.SigningKey)
	err := row.Scan(&k.Tenant, &k.ID, &k.Alg, &k.JWK, &k.Sealed, instant{&k.Created},
		instant{&k.SignsFrom}, instant{&k.SignsUntil}, instant{&k.VerifiesUntil}, &k.Version)
	return k, err
}

// SigningKeys implements store.Keys.
func (s session) SigningKeys(ctx context.Context, tenant string) ([]*mintage.SigningKey, error) {
	list, err := all(ctx, s, scanKey, `
		SELECT tenant, id, alg, jwk, sealed, created, signs_from, signs_until, verifies_until, version
		FROM signing_keys WHERE tenant = $1 ORDER BY created, id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return list, nil
}

// CreateSigningKey implements store.KeyWriter.
func (t *tx) CreateSigningKey(ctx context.Context, k *mintage.SigningKey) error {
	err := t.atomically(ctx, "signing key", k.ID, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO signing_keys (tenant, id, alg, jwk, sealed, created, signs_from, signs_until,
				verifies_until, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)`,
			k.Tenant, k.ID, k.Alg, k.JWK, k.Sealed, seconds(k.Created), seconds(k.SignsFrom), seconds(k.SignsUntil),
			seconds(k.VerifiesUntil))
		if err != nil {
			return missingParent(err, "tenant")
		}
		return t.change(ctx, mintage.ChangeKey, k.Tenant, k.ID)
	})
	if err == nil {
		k.Version = 1
	}
	return err
}

// UpdateSigningKey implements store.KeyWriter.
func (t *tx) UpdateSigningKey(ctx context.Context, k *mintage.SigningKey) error {
	var version int64
	err := t.atomically(ctx, "signing key", k.ID, func() (err error) {
		version, err = one(ctx, t.session, number, `
			UPDATE signing_keys SET alg = $3, jwk = $4, sealed = $5, created = $6, signs_from = $7, signs_until = $8,
				verifies_until = $9, version = version + 1
			WHERE tenant = $1 AND id = $2 RETURNING version`,
			k.Tenant, k.ID, k.Alg, k.JWK, k.Sealed, seconds(k.Created), seconds(k.SignsFrom), seconds(k.SignsUntil),
			seconds(k.VerifiesUntil))
		if err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeKey, k.Tenant, k.ID)
	})
	if err == nil {
		k.Version = version
	}
	return err
}

// DeleteSigningKey implements store.KeyWriter.
func (t *tx) DeleteSigningKey(ctx context.Context, tenant, id string) error {
	return t.atomically(ctx, "signing key", id, func() error {
		err := mustTouch(t.exec(ctx, `DELETE FROM signing_keys WHERE tenant = $1 AND id = $2`, tenant, id))
		if err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeKey, tenant, id)
	})
}
