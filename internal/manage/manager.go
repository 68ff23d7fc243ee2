package manage

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// Manager carries out the use cases. All fields but KeyPeriod and
// Observe must be set. It is safe for concurrent use.
type Manager struct {
	Store   store.Store
	Vault   *keys.Vault
	Secrets *secret.Hasher
	// Sync brings this node's caches up to date after a write.
	Sync func(ctx context.Context) error
	Now  func() time.Time
	Log  *slog.Logger
	// KeyPeriod is how long a signing key of a tenant that sets nothing else
	// signs before RotateDue replaces it; zero means keys.DefaultPeriod.
	KeyPeriod time.Duration

	// Observe is told of what each transaction wrote, once it is on disk; nil:
	// nobody is.
	Observe func(Written)

	// Dropped is told of each warning that could not be written to the audit log;
	// nil: nobody is.
	Dropped func()

	making  singleflight.Group // by tenant and algorithm
	alerted sync.Map           // tenant and kid of a key to when WarnOfKeys told of it last
}

// By is who makes a change, and how. The zero value is nobody, who may not
// hand on a scope of the admin API.
type By struct {
	Actor   mintage.Actor
	Via     string // api, cli, apply, console or server
	TraceID string
	// Scope is what the actor's token may do at the admin API, by the names on
	// the wire. Nobody gives a client an admin scope that it has not got.
	Scope oauth.Scope
	// Organization confines the change to what one organization owns; zero: it is
	// not confined.
	Organization OrganizationKey
	// Once is the request, where it may be sent again; nil: it may not.
	Once *Once
}

// Server is the server itself, which may do anything.
func Server() By { return By{Via: "server", Scope: AdminScope()} }

// name returns how an object says who made it.
func (by By) name() string { return cmp.Or(by.Actor.ClientID, by.Actor.OperatorID, by.Via) }

// now returns the time in the resolution of rows.
func (m *Manager) now() time.Time { return m.Now().UTC().Truncate(time.Second) }

// update is the one way to the store's write side: fn in a transaction, then
// the caches of this node. Caches that cannot be brought up to date now follow
// the feed later; the change is made either way, so that is no error.
func (m *Manager) update(ctx context.Context, fn func(store.Tx) error) error {
	var written Written
	err := m.Store.Update(ctx, func(tx store.Tx) error {
		written = Written{} // it may run again
		return fn(observedTx{Tx: tx, written: &written})
	})
	if err != nil {
		return err
	}
	if m.Observe != nil {
		m.Observe(written)
	}
	if err := m.Sync(ctx); err != nil {
		m.Log.LogAttrs(ctx, slog.LevelWarn, "caches do not see a change yet", slog.String("error", err.Error()))
	}
	return nil
}

// atVersion refuses a change of an object that is not as the caller saw it;
// zero wants none in particular.
func atVersion(want, is int64) error {
	if want != 0 && want != is {
		return fmt.Errorf("it has version %d, not %d: %w", is, want, mintage.ErrConflict)
	}
	return nil
}
