package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// parallel runs fn n times at once and waits.
func parallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func feedOfEachWrite(t *testing.T, s store.Store) {
	ctx := t.Context()
	if last, err := s.LastChange(ctx); err != nil || last != 0 {
		t.Fatalf("before the first change: %d (%v)", last, err)
	}
	prepare(t, s)
	last, err := s.LastChange(ctx)
	must(t, err)
	var want []mintage.Change
	for _, n := range append(nouns(), tenantNoun()) {
		tenant := "acme"
		if n.kind == mintage.ChangeTenant {
			tenant = "x"
		}
		must(t, change(ctx, s, n.create, n.a("acme", "x")))
		must(t, change(ctx, s, n.update, n.b("acme", "x")))
		must(t, s.Update(ctx, func(tx store.Tx) error { return n.remove(ctx, tx, "acme", "x") }))
		for range 3 {
			want = append(want, mintage.Change{Kind: n.kind, Tenant: tenant, ID: "x"})
		}
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateRevocation(ctx, &mintage.Revocation{Tenant: "acme", ID: "r", JTI: "j", Expires: at(1)})
	})
	want = append(want, mintage.Change{Kind: mintage.ChangeRevocation, Tenant: "acme", ID: "r"})
	for i := range want {
		want[i].Seq = last + int64(i+1)
	}
	got, err := s.Changes(ctx, last, 100)
	must(t, err)
	diff(t, "changes", got, want)
	got, err = s.Changes(ctx, last+2, 3)
	must(t, err)
	diff(t, "part of the changes", got, want[2:5])
	if now, err := s.LastChange(ctx); err != nil || now != want[len(want)-1].Seq {
		t.Errorf("last change %d (%v), want %d", now, err, want[len(want)-1].Seq)
	}
}

// feedUnderWriters: who polls while many write sees every committed write
// once, in order and without a gap, and none that was rolled back.
func feedUnderWriters(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	start, err := s.LastChange(ctx)
	must(t, err)
	var done atomic.Bool
	var seen [3][]mintage.Change
	var pollers sync.WaitGroup
	for i := range seen {
		pollers.Go(func() { seen[i] = poll(t, s, start, &done) })
	}
	var mu sync.Mutex
	var want []string
	parallel(8, func(w int) {
		for i := range 12 {
			id := fmt.Sprintf("w%d-%d", w, i)
			var fail error
			if i%4 == 3 {
				fail = mintage.ErrConflict
			}
			err := s.Update(ctx, func(tx store.Tx) error {
				return errors.Join(tx.CreateClient(ctx, simpleClient(id)), fail)
			})
			wantErr(t, "write of "+id, err, fail)
			if fail == nil {
				mu.Lock()
				want = append(want, id)
				mu.Unlock()
			}
		}
	})
	done.Store(true)
	pollers.Wait()
	slices.Sort(want)
	for _, list := range seen {
		var got []string
		for i, c := range list {
			if c.Seq != start+int64(i+1) {
				t.Fatalf("change %d has the number %d, want %d", i, c.Seq, start+int64(i+1))
			}
			got = append(got, c.ID)
		}
		slices.Sort(got)
		diff(t, "changes seen", got, want)
	}
}

// poll reads the feed to its end, again and again until done.
func poll(t *testing.T, s store.Store, after int64, done *atomic.Bool) []mintage.Change {
	var seen []mintage.Change
	for last := false; ; {
		list, err := s.Changes(t.Context(), after, 7)
		if err != nil {
			t.Error(err)
			return seen
		}
		seen = append(seen, list...)
		if len(list) > 0 {
			after = list[len(list)-1].Seq
			continue
		}
		if last {
			return seen
		}
		last = done.Load() // then once more: what was written before it
	}
}

func feedSweep(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	last, err := s.LastChange(ctx)
	must(t, err)
	must(t, s.SweepChanges(ctx, last-1))
	got, err := s.Changes(ctx, 0, 100)
	must(t, err)
	if len(got) != 1 || got[0].Seq != last {
		t.Errorf("left %v, want the last alone", got)
	}
	must(t, s.SweepChanges(ctx, last))
	must(t, s.SweepChanges(ctx, last+100))
	if now, err := s.LastChange(ctx); err != nil || now != last {
		t.Errorf("last change %d (%v) after a sweep of all, want %d", now, err, last)
	}
	must(t, change(ctx, s, clientNoun().create, simpleClient("x")))
	got, err = s.Changes(ctx, last, 100)
	must(t, err)
	diff(t, "first change after a sweep", got, []mintage.Change{{Seq: last + 1, Kind: mintage.ChangeClient, Tenant: "acme", ID: "x"}})
}
