package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// leases: the first to ask has it, renews it, and loses it once it has ended.
func leases(t *testing.T, s store.Store) {
	start := time.Unix(1_800_000_000, 0)
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	for i, step := range []struct {
		name, holder string
		now, until   int
		want         bool
	}{
		{"sweep", "a", 0, 60, true},
		{"sweep", "b", 30, 90, false},
		{"keys", "b", 30, 90, true}, // another lease
		{"sweep", "a", 50, 110, true},
		{"sweep", "b", 110, 170, false}, // it ends with the second, not before it
		{"sweep", "b", 111, 171, true},
		{"sweep", "a", 112, 172, false},
		{"sweep", "b", 120, 119, true}, // given back
		{"sweep", "a", 120, 180, true},
	} {
		got, err := s.Lease(t.Context(), step.name, step.holder, at(step.now), at(step.until))
		if err != nil || got != step.want {
			t.Errorf("step %d, %+v: got %v (%v)", i, step, got, err)
		}
	}
}

// leasesOfMany: of many that ask at once, one gets it.
func leasesOfMany(t *testing.T, s store.Store) {
	now := time.Unix(1_800_000_000, 0)
	var taken atomic.Int32
	parallel(16, func(i int) {
		ok, err := s.Lease(t.Context(), "sweep", fmt.Sprint(i), now, now.Add(time.Minute))
		if err != nil {
			t.Error(err)
		}
		if ok {
			taken.Add(1)
		}
	})
	if n := taken.Load(); n != 1 {
		t.Errorf("%d of 16 have the lease, want 1", n)
	}
}

// hint: an engine that tells of changes tells of each, and of none that was not
// committed.
func hint(t *testing.T, s store.Store) {
	if s.Hint() == nil {
		return // nobody is promised one
	}
	for i := range 3 {
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			return tx.CreateTenant(t.Context(), &mintage.Tenant{ID: fmt.Sprint("t", i), Issuer: fmt.Sprint("https://t", i)})
		}))
		select {
		case <-s.Hint():
		case <-time.After(10 * time.Second):
			t.Fatalf("no hint after change %d", i+1)
		}
	}
}
