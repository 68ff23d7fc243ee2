package people_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

const (
	consoleURL = "http://127.0.0.1:9401/console"
	password   = "four words, no rhyme"
)

// world is a server as people see it.
type world struct {
	*people.Service
	manager *manage.Manager
	store   store.Store
	dir     string
	now     time.Time
	log     bytes.Buffer
}

func newWorld(t *testing.T, provider *people.Provider) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), dir: t.TempDir()}
	w.store = sqltest.OpenIn(t, w.dir)
	t.Cleanup(func() { _ = w.store.Close() })
	now := func() time.Time { return w.now }
	vault, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: w.store, Path: filepath.Join(w.dir, "master.key"), Now: now, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	hasher := secret.New(bytes.Repeat([]byte{7}, secret.PepperSize))
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	w.manager = &manage.Manager{
		Store: w.store, Vault: vault, Secrets: hasher, Now: now, Log: log, Sync: func(context.Context) error { return nil },
	}
	if _, err := w.manager.Bootstrap(t.Context(), "http://127.0.0.1:9401", nil); err != nil {
		t.Fatal(err)
	}
	w.Service = w.node(t, vault, hasher, log, provider)
	return w
}

// node is another process on the same database.
func (w *world) node(t *testing.T, vault *keys.Vault, hasher *secret.Hasher, log *slog.Logger, provider *people.Provider) *people.Service {
	t.Helper()
	s, err := people.New(people.Config{
		Store: w.store, Manager: w.manager, Vault: vault, Secrets: hasher, URL: consoleURL, OIDC: provider,
		Now: func() time.Time { return w.now }, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.SetSlow(0)
	return s
}

// from is a browser at an address.
func from(address string) people.From {
	return people.From{Address: address, UserAgent: "Firefox", TraceID: "req_1"}
}

// somebody is a person with a password and an app.
type somebody struct {
	email string
	key   []byte
}

// first makes the first owner by the setup link, and returns their session.
func (w *world) first(t *testing.T) (*somebody, string) {
	t.Helper()
	link, err := w.manager.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w.join(t, link, "ada@example.com")
}

// join accepts a link by password and code.
func (w *world) join(t *testing.T, link *manage.Link, email string) (*somebody, string) {
	t.Helper()
	e, err := w.NewEnrolment(link.ID, email)
	if err != nil {
		t.Fatal(err)
	}
	s := &somebody{email: email, key: keyOf(t, e)}
	cookie, err := w.AcceptByPassword(t.Context(), link.Token, people.Person{Email: email, Name: "Somebody"},
		people.NewPassword{Password: password, Sealed: e.Sealed, Code: people.Code(s.key, w.now)}, from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	return s, cookie
}

// keyOf reads a key as it is typed into an app.
func keyOf(t *testing.T, e *people.Enrolment) []byte {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signIn signs somebody in with the code of now.
func (w *world) signIn(t *testing.T, s *somebody) (string, error) {
	t.Helper()
	return w.SignIn(t.Context(), s.email, password, people.Code(s.key, w.now), from("192.0.2.1"))
}

// viewer returns who a session belongs to.
func (w *world) viewer(t *testing.T, cookie string) *people.Viewer {
	t.Helper()
	v, err := w.Viewer(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// actions returns the audit log, newest first.
func (w *world) actions(t *testing.T) []string {
	t.Helper()
	es, err := w.manager.Events(t.Context(), manage.EventQuery{Tenant: mintage.BuiltInTenant, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range es {
		list = append(list, e.Action)
	}
	return list
}
