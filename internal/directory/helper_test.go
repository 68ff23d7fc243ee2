package directory_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clock is a time that only moves when it is told to.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(noon.UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// source is the real engine, watched: it counts reads, can be away, and can
// hold the reads of clients once they have read.
type source struct {
	store.Store
	away         atomic.Bool
	clientReads  atomic.Int32
	revocations  atomic.Int32
	tenantReads  atomic.Int32
	tenantsReads atomic.Int32
	// held, where it is set, receives each client that was read before it is
	// returned, and the read goes on when the receiver answers.
	held chan chan struct{}
}

var errAway = errors.New("the database is away")

func (s *source) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	s.clientReads.Add(1)
	if s.away.Load() {
		return nil, errAway
	}
	c, err := s.Store.Client(ctx, tenant, id)
	if s.held != nil {
		release := make(chan struct{})
		s.held <- release
		<-release
	}
	return c, err
}

func (s *source) Revocations(ctx context.Context, tenant string, now time.Time) ([]*mintage.Revocation, error) {
	s.revocations.Add(1)
	return s.Store.Revocations(ctx, tenant, now)
}

func (s *source) Tenant(ctx context.Context, id string) (*mintage.Tenant, error) {
	s.tenantReads.Add(1)
	return s.Store.Tenant(ctx, id)
}

func (s *source) Tenants(ctx context.Context, p store.Page) ([]*mintage.Tenant, error) {
	s.tenantsReads.Add(1)
	return s.Store.Tenants(ctx, p)
}

func (s *source) LastChange(ctx context.Context) (int64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.Store.LastChange(ctx)
}

// rig is a directory on an empty database.
type rig struct {
	*directory.Directory
	src   *source
	vault *keys.Vault
	clock *clock
}

func newRig(t *testing.T, cfg directory.Config) *rig {
	t.Helper()
	st := sqltest.Open(t)
	r := &rig{src: &source{Store: st}, clock: newClock()}
	var err error
	r.vault, err = keys.OpenVault(t.Context(), keys.VaultConfig{
		Store: st, Path: filepath.Join(t.TempDir(), "master.key"), Now: r.clock.now, Create: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Store, cfg.Vault, cfg.Now = r.src, r.vault, r.clock.now
	r.Directory = directory.New(cfg)
	return r
}

// write runs fn in a transaction and does not tell the directory.
func (r *rig) write(t *testing.T, fn func(tx store.Tx) error) {
	t.Helper()
	if err := r.src.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) sync(t *testing.T) {
	t.Helper()
	if err := r.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) addTenants(t *testing.T, ts ...*mintage.Tenant) {
	t.Helper()
	r.write(t, func(tx store.Tx) error {
		for _, tenant := range ts {
			tenant.Created, tenant.Updated = noon, noon
			if err := tx.CreateTenant(t.Context(), tenant); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *rig) addClient(t *testing.T, id string) {
	t.Helper()
	r.write(t, func(tx store.Tx) error { return tx.CreateClient(t.Context(), client(id, "made")) })
}

func (r *rig) renameClient(t *testing.T, id, name string) {
	t.Helper()
	r.write(t, func(tx store.Tx) error {
		return tx.UpdateClient(t.Context(), client(id, name))
	})
}

func (r *rig) clientName(t *testing.T, id string) string {
	t.Helper()
	c, err := r.Client(t.Context(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	return c.Name
}

func client(id, name string) *mintage.Client {
	return &mintage.Client{Tenant: "acme", ID: id, Name: name, Meta: mintage.Meta{Created: noon, Updated: noon}}
}

func acme() *mintage.Tenant { return &mintage.Tenant{ID: "acme", Issuer: "https://auth.example"} }
