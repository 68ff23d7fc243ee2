package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// cancelledContexts: a call whose context is over does nothing.
func cancelledContexts(t *testing.T, s store.Store) {
	prepare(t, s)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	last, err := s.LastChange(t.Context())
	must(t, err)
	calls := map[string]func() error{
		"Update": func() error {
			return s.Update(over, func(tx store.Tx) error { return tx.CreateClient(over, simpleClient("x")) })
		},
		"Ping":        func() error { return s.Ping(over) },
		"CreateToken": func() error { return s.CreateToken(over, token(1, at(0), time.Hour)) },
		"Token":       func() error { _, err := s.Token(over, "acme", [38]byte{}); return err },
		"Changes":     func() error { _, err := s.Changes(over, 0, 1); return err },
		"LastChange":  func() error { _, err := s.LastChange(over); return err },
		"SweepTokens": func() error { _, err := s.SweepTokens(over, at(0), 1); return err },
		"MarkExposed": func() error { return s.MarkExposed(over, "acme", "x", "s", at(0)) },
		"Events":      func() error { _, err := s.Events(over, store.EventQuery{Limit: 1}); return err },
	}
	for _, n := range append(nouns(), tenantNoun()) {
		calls[n.name] = func() error { _, err := n.read(over, s, "acme", "x"); return err }
		calls[n.name+" list"] = func() error { _, err := n.list(over, s, "acme", store.Page{}); return err }
		calls[n.name+" in a transaction"] = func() error {
			create := func(tx store.Tx) error { return n.create(over, tx, n.a("acme", "x")) }
			return s.Update(t.Context(), create) //nolint:contextcheck // that of the call inside is the one tested
		}
	}
	for name, call := range calls {
		wantErr(t, name, call(), context.Canceled)
	}
	if now, err := s.LastChange(t.Context()); err != nil || now != last {
		t.Errorf("the feed moved from %d to %d (%v)", last, now, err)
	}
	_, err = s.Token(t.Context(), "acme", token(1, at(0), time.Hour).Key)
	wantErr(t, "token of a call that was over", err, mintage.ErrNotFound)
}

// cancelledCallers: callers that leave at any moment harm nobody, and what was
// acknowledged is there. (Hydra's in-memory database was lost with the
// connection of a cancelled request.)
func cancelledCallers(t *testing.T, s store.Store) {
	prepare(t, s)
	const callers, each = 16, 25
	var mu sync.Mutex
	var stored []int
	var clients []string
	calls := []func(ctx context.Context, n int) error{
		func(ctx context.Context, n int) error {
			err := s.CreateToken(ctx, token(n, at(0), time.Hour))
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				stored = append(stored, n)
			}
			return err
		},
		func(ctx context.Context, n int) error {
			id := fmt.Sprint("c", n)
			err := s.Update(ctx, func(tx store.Tx) error { return tx.CreateClient(ctx, simpleClient(id)) })
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				clients = append(clients, id)
			}
			return err
		},
		func(ctx context.Context, _ int) error {
			_, err := s.Clients(ctx, "acme", store.Page{})
			return err
		},
	}
	parallel(callers, func(c int) {
		for n := c * each; n < (c+1)*each; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%23)*100*time.Microsecond)
			if err := calls[n%3](ctx, n); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("call %d: %v", n, err)
			}
			cancel()
		}
	})
	for _, n := range stored {
		mustHave(t, s, token(n, at(0), time.Hour))
	}
	// What was acknowledged and nothing else is there, and all of it is in the
	// feed.
	got, err := clientNoun().list(t.Context(), s, "acme", store.Page{})
	must(t, err)
	if len(got) != len(clients) {
		t.Errorf("%d clients, %d were acknowledged", len(got), len(clients))
	}
	for _, id := range clients {
		if _, err := s.Client(t.Context(), "acme", id); err != nil {
			t.Errorf("acknowledged client %s: %v", id, err)
		}
	}
	must(t, change(t.Context(), s, clientNoun().create, fullClient("acme", "after")))
	must(t, s.CreateToken(t.Context(), token(1_000_000, at(0), time.Hour)))
}

// cancelledUpdate: a transaction whose context ends before the commit leaves
// nothing, also when its function did not notice.
func cancelledUpdate(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx store.Tx) error {
		defer cancel()
		return tx.CreateClient(ctx, simpleClient("x"))
	})
	wantErr(t, "cancelled before the commit", err, context.Canceled)
	_, err = s.Client(t.Context(), "acme", "x")
	wantErr(t, "client of a cancelled transaction", err, mintage.ErrNotFound)
	must(t, change(t.Context(), s, clientNoun().create, simpleClient("x")))
}

// closedStore: after Close calls fail, and closing again does no harm.
func closedStore(t *testing.T, s store.Store) {
	prepare(t, s)
	must(t, s.Close())
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Update":      func() error { return s.Update(ctx, func(store.Tx) error { return nil }) },
		"CreateToken": func() error { return s.CreateToken(ctx, token(1, at(0), time.Hour)) },
		"Token":       func() error { _, err := s.Token(ctx, "acme", [38]byte{}); return err },
		"Tenant":      func() error { _, err := s.Tenant(ctx, "acme"); return err },
		"Ping":        func() error { return s.Ping(ctx) },
	} {
		if err := call(); err == nil || errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	must(t, s.Close())
}
