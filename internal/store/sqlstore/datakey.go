package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage/internal/store"
)

func scanDataKey(row scanner) (*store.DataKey, error) {
	k := new(store.DataKey)
	err := row.Scan(&k.Name, &k.Sealed, instant{&k.Created})
	return k, err
}

// DataKeys implements store.DataKeys.
func (s session) DataKeys(ctx context.Context, prefix string) ([]*store.DataKey, error) {
	list, err := all(ctx, s, scanDataKey,
		`SELECT name, sealed, created FROM data_keys WHERE substr(name, 1, $2) = $1 ORDER BY name`, prefix, len(prefix))
	if err != nil {
		return nil, fmt.Errorf("data keys %q: %w", prefix, err)
	}
	return list, nil
}

// DataKey implements store.DataKeys.
func (s session) DataKey(ctx context.Context, name string) (*store.DataKey, error) {
	k, err := one(ctx, s, scanDataKey, `SELECT name, sealed, created FROM data_keys WHERE name = $1`, name)
	if err != nil {
		return nil, fmt.Errorf("data key %q: %w", name, err)
	}
	return k, nil
}

// CreateDataKey implements store.DataKeyWriter.
func (t *tx) CreateDataKey(ctx context.Context, k *store.DataKey) error {
	return t.atomically(ctx, "data key", k.Name, func() error {
		_, err := t.exec(ctx, `INSERT INTO data_keys (name, sealed, created) VALUES ($1, $2, $3)`,
			k.Name, k.Sealed, seconds(k.Created))
		return err
	})
}

// ReplaceDataKey implements store.DataKeyWriter.
func (t *tx) ReplaceDataKey(ctx context.Context, k *store.DataKey) error {
	return t.atomically(ctx, "data key", k.Name, func() error {
		return mustTouch(t.exec(ctx, `UPDATE data_keys SET sealed = $2, created = $3 WHERE name = $1`,
			k.Name, k.Sealed, seconds(k.Created)))
	})
}
