package manage_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
	"github.com/mintage-auth/mintage/oauth"
)

// world is a manager over a database in dir.
type world struct {
	*manage.Manager
	now    time.Time
	synced atomic.Int64
}

// open opens the database in dir.
func open(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)}
	st := sqltest.OpenIn(t, dir)
	t.Cleanup(func() { _ = st.Close() })
	now := func() time.Time { return w.now }
	vault, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: st, Path: filepath.Join(dir, "master.key"), Now: now, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	pepper, err := vault.Value(t.Context(), "pepper", secret.PepperSize)
	if err != nil {
		t.Fatal(err)
	}
	w.Manager = &manage.Manager{
		Store: st, Vault: vault, Secrets: secret.New(pepper), Now: now, Log: slog.New(slog.DiscardHandler),
		Sync: func(context.Context) error { w.synced.Add(1); return nil },
	}
	return w
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return open(t, t.TempDir())
}

// admin is an administrator of everything.
func admin() manage.By {
	return manage.By{
		Actor: mintage.Actor{Tenant: mintage.BuiltInTenant, ClientID: "mc_admin", Address: "127.0.0.1"},
		Via:   "cli", TraceID: "req_0000000000000000", Scope: manage.AdminScope(),
	}
}

// hotel makes a tenant with a resource server.
func (w *world) hotel(t *testing.T, id string) *mintage.Tenant {
	t.Helper()
	tenant, err := w.CreateTenant(t.Context(), admin(), &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.CreateResourceServer(t.Context(), admin(), &mintage.ResourceServer{
		Tenant: id, Identifier: "https://api.example", Name: "api",
		Scopes: []mintage.ScopeDefinition{{Name: "orders/write"}, {Name: "orders/read"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// client makes a client of hotel that may read orders.
func (w *world) client(t *testing.T) *manage.Credentials {
	t.Helper()
	made, err := w.CreateClient(t.Context(), admin(), &mintage.Client{
		Tenant: "hotel", Name: "Nightly export",
		Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"orders/read"}}},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (w *world) events(t *testing.T) []*mintage.Event {
	t.Helper()
	es, err := w.Events(t.Context(), manage.EventQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return es
}

// last returns the newest audit row.
func (w *world) last(t *testing.T) *mintage.Event {
	t.Helper()
	es := w.events(t)
	if len(es) == 0 {
		t.Fatal("the audit log is empty")
	}
	return es[0]
}

// verify authenticates as a client does.
func (w *world) verify(t *testing.T, tenant, id, candidate string) error {
	t.Helper()
	c, err := w.Client(t.Context(), tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Secrets.Verify(t.Context(), tenant, id, c.Secrets, candidate, w.now)
	return err
}

// failing is a store whose transactions fail at their end.
type failing struct {
	store.Store
	err error
}

func (f failing) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return f.err
	})
}

// twice is a store that runs each function twice, as one may.
type twice struct{ store.Store }

func (s twice) Update(ctx context.Context, fn func(store.Tx) error) error {
	first := true
	again := errAgain{}
	for {
		err := s.Store.Update(ctx, func(tx store.Tx) error {
			if err := fn(tx); err != nil || !first {
				return err
			}
			first = false
			return again
		})
		if err != again { //nolint:errorlint // it is ours and nobody wraps it
			return err
		}
	}
}

type errAgain struct{}

func (errAgain) Error() string { return "run it again" }

var grants = []oauth.GrantType{oauth.ClientCredentials}
