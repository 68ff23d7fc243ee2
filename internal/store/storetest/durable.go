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

type durableTest struct {
	name string
	run  func(t *testing.T, open func(*testing.T) store.Store)
}

func durableTests() []durableTest {
	return []durableTest{
		{"Restart", restart},
		{"CloseDrains", closeDrains},
		{"TwoStores", twoStores},
		{"TwoStoresStart", twoStoresStart},
	}
}

// restart: a store that is closed and opened again holds what it held.
func restart(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	prepare(t, s)
	rev := &mintage.Revocation{Tenant: "acme", ID: "r", JTI: "j", Before: at(1), Created: at(1), Expires: at(99)}
	written := make(map[string]any)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, n := range append(nouns(), tenantNoun()) {
			v := n.a("acme", "x-1")
			if err := n.create(ctx, tx, v); err != nil {
				return err
			}
			written[n.name] = v
		}
		if err := tx.AppendEvent(ctx, &mintage.Event{Tenant: "acme", Action: "a"}); err != nil {
			return err
		}
		if err := tx.CreateDataKey(ctx, &store.DataKey{Name: "pepper", Sealed: []byte("x")}); err != nil {
			return err
		}
		if err := tx.CreateClient(ctx, simpleClient("gone")); err != nil {
			return err
		}
		if err := tx.DeleteClient(ctx, "acme", "gone"); err != nil {
			return err
		}
		return tx.CreateRevocation(ctx, rev)
	})
	must(t, s.CreateToken(t.Context(), token(1, at(0), time.Hour)))
	last, err := s.LastChange(t.Context())
	must(t, err)
	must(t, s.Close())

	s = opened(t, open)
	ctx := t.Context()
	for _, n := range append(nouns(), tenantNoun()) {
		got, err := n.read(ctx, s, "acme", "x-1")
		must(t, err)
		diff(t, n.name+" after a restart", got, written[n.name])
	}
	gotRev, err := s.Revocation(ctx, "acme", "r")
	must(t, err)
	diff(t, "revocation after a restart", gotRev, rev)
	mustHave(t, s, token(1, at(0), time.Hour))
	if _, err := s.DataKey(ctx, "pepper"); err != nil {
		t.Error(err)
	}
	if now, err := s.LastChange(ctx); err != nil || now != last {
		t.Errorf("last change %d (%v) after a restart, want %d", now, err, last)
	}
	e := &mintage.Event{Action: "b"}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.AppendEvent(ctx, e) })
	if e.Seq != 2 {
		t.Errorf("second event has the number %d", e.Seq)
	}
	wantErr(t, "identifier of a deleted client after a restart",
		change(ctx, s, clientNoun().create, simpleClient("gone")), mintage.ErrExists)
	// The token writer knows what earlier processes wrote.
	must(t, s.CreateToken(ctx, token(2, at(0), time.Hour)))
	mustHave(t, s, token(2, at(0), time.Hour))
}

// closeDrains: a token that was acknowledged while the store closed is there.
func closeDrains(t *testing.T, open func(*testing.T) store.Store) {
	for round := range 5 {
		s := open(t)
		var mu sync.Mutex
		var stored []int
		begun := make(chan struct{}, 64)
		var callers sync.WaitGroup
		for c := range 64 {
			callers.Go(func() {
				for i := range 20 {
					n := round*10_000 + c*100 + i
					err := s.CreateToken(t.Context(), token(n, at(0), time.Hour))
					begun <- struct{}{}
					if err != nil {
						return // closed
					}
					mu.Lock()
					stored = append(stored, n)
					mu.Unlock()
				}
			})
		}
		for range 32 * (round + 1) {
			<-begun
		}
		go func() {
			callers.Wait()
			close(begun)
		}()
		must(t, s.Close())
		for range begun {
		}
		again := open(t)
		for _, n := range stored {
			mustHave(t, again, token(n, at(0), time.Hour))
		}
		must(t, again.Close())
	}
}

// twoStores is R33 of the fault plan: two processes at one place are safe.
func twoStores(t *testing.T, open func(*testing.T) store.Store) {
	a, b := opened(t, open), opened(t, open)
	prepare(t, a)
	stores := []store.Store{a, b}
	const callers, each = 8, 10
	start, err := b.LastChange(t.Context())
	must(t, err)
	parallel(callers, func(c int) {
		s, ctx := stores[c%2], t.Context()
		for n := c * each; n < (c+1)*each; n++ {
			_, swept := s.SweepTokens(ctx, at(-1), 10) // sweeping in one must not mislead the other
			if err := errors.Join(
				s.CreateToken(ctx, token(n, at(0), time.Hour)),
				change(ctx, s, clientNoun().create, fullClient("acme", fmt.Sprint("c", n))),
				swept,
			); err != nil {
				t.Error(err)
			}
		}
	})
	for _, s := range stores {
		for n := range callers * each {
			mustHave(t, s, token(n, at(0), time.Hour))
		}
		list, err := s.Changes(t.Context(), start, 1000)
		must(t, err)
		if len(list) != callers*each || list[len(list)-1].Seq != start+callers*each {
			t.Errorf("%d changes, want %d without gaps", len(list), callers*each)
		}
	}
	// What one sweeps and deletes, the other's memory must not hide.
	if _, err := a.SweepTokens(t.Context(), at(1_000_000), 1000); err != nil {
		t.Error(err)
	}
	must(t, b.CreateToken(t.Context(), token(1, at(0), time.Hour)))
	mustHave(t, a, token(1, at(0), time.Hour))
	if n, err := a.SweepTokens(t.Context(), at(1_000_000), 1000); err != nil || n != 1 {
		t.Errorf("swept %d (%v), want 1", n, err)
	}
	err = b.CreateToken(t.Context(), token(2, at(0), time.Hour))
	must(t, err)
	wantErr(t, "duplicate in the other store", a.CreateToken(t.Context(), token(2, at(0), time.Hour)), mintage.ErrExists)
}

// twoStoresStart: several processes may make the schema at the same time.
func twoStoresStart(t *testing.T, open func(*testing.T) store.Store) {
	const n = 4
	stores := make([]store.Store, n)
	parallel(n, func(i int) { stores[i] = open(t) })
	for i, s := range stores {
		if s == nil {
			t.Fatal("a store did not open")
		}
		tenant := &mintage.Tenant{ID: fmt.Sprint("t", i), Issuer: fmt.Sprint("https://t", i)}
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.CreateTenant(t.Context(), tenant) }); err != nil {
			t.Error(err)
		}
	}
	var errs []error
	for _, s := range stores {
		errs = append(errs, s.Close())
	}
	must(t, errors.Join(errs...))
}
