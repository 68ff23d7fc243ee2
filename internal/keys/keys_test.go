package keys_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// newStore opens a temporary database.
func newStore(t *testing.T) store.Store {
	t.Helper()
	return sqltest.Open(t)
}

func openVault(t *testing.T, s keys.Store, path string) *keys.Vault {
	t.Helper()
	v, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: s, Path: path, Now: at(noon), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newVault returns a vault of its own, with its data key in memory: most tests
// need no database.
func newVault(t *testing.T) *keys.Vault {
	t.Helper()
	return openVault(t, &rows{}, t.TempDir()+"/master.key")
}

// rows is a store of data keys alone.
type rows struct {
	store.Tx

	mu  sync.Mutex
	all map[string]store.DataKey
	// late makes reads find nothing until the first write, as when another
	// process writes between a read and a write of ours.
	late bool
}

func (r *rows) DataKey(_ context.Context, name string) (*store.DataKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.all[name]
	if !ok || r.late {
		return nil, mintage.ErrNotFound
	}
	return &k, nil
}

func (r *rows) CreateDataKey(_ context.Context, k *store.DataKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = false
	if _, ok := r.all[k.Name]; ok {
		return mintage.ErrExists
	}
	if r.all == nil {
		r.all = map[string]store.DataKey{}
	}
	r.all[k.Name] = *k
	return nil
}

func (r *rows) Update(_ context.Context, fn func(store.Tx) error) error { return fn(r) }

func mustMake(t *testing.T, v *keys.Vault, alg string, now time.Time) *mintage.SigningKey {
	t.Helper()
	k, err := keys.Make(v, "a", alg, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustRing(t *testing.T, v *keys.Vault, ks ...*mintage.SigningKey) *keys.Ring {
	t.Helper()
	r, err := keys.NewRing(v, ks)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
