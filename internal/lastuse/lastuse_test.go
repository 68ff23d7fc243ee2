package lastuse_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/internal/lastuse"
	"github.com/mintage-auth/mintage/internal/store"
)

// table is a store that keeps what it is told.
type table struct {
	mu    sync.Mutex
	fail  error
	calls int
	most  int // in one call
	uses  map[string]store.SecretUse
}

func (s *table) MarkUsed(_ context.Context, uses []store.SecretUse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.most = max(s.most, len(uses))
	if s.fail != nil {
		return s.fail
	}
	if s.uses == nil {
		s.uses = map[string]store.SecretUse{}
	}
	for _, u := range uses {
		s.uses[u.Tenant+"/"+u.Client+"/"+u.Secret] = u
	}
	return nil
}

func (s *table) used(t *testing.T, secret string) store.SecretUse {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uses[secret]
}

func (s *table) writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *table) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

var here = netip.MustParseAddr("10.2.0.7")

// run starts a Recorder in the bubble of a test, and returns how to stop it.
func run(st lastuse.Store) (r *lastuse.Recorder, stop func()) {
	r = lastuse.New(st, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { r.Run(ctx) })
	return r, func() { cancel(); done.Wait() }
}

// The last use of a secret moves: each minute what was noted in it is written,
// once however often it was used.
func TestMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &table{}
		r, stop := run(st)
		for i := range 3 {
			var at time.Time
			for range 100 {
				at = time.Now()
				r.Note("hotel", "mc_1", "sec_1", at, here)
				time.Sleep(100 * time.Millisecond)
			}
			if st.writes() != i {
				t.Fatalf("%d writes before the minute was over", st.writes()-i)
			}
			time.Sleep(lastuse.Interval)
			synctest.Wait()
			if u := st.used(t, "hotel/mc_1/sec_1"); u.At.Unix() != at.Unix() || u.From != "10.2.0.7" || st.writes() != i+1 {
				t.Fatalf("minute %d: %+v after %d writes, want the use at %s", i, u, st.writes(), at)
			}
			time.Sleep(lastuse.Interval - 10*time.Second) // to where the minute began
			synctest.Wait()
		}
		stop()
	})
}

// An older use that arrives later does not take the place of a newer one.
func TestForwardOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &table{}
		r, stop := run(st)
		now := time.Now()
		r.Note("hotel", "mc_1", "sec_1", now, here)
		r.Note("hotel", "mc_1", "sec_1", now.Add(-time.Hour), netip.Addr{})
		stop() // what is left is written at the end
		if u := st.used(t, "hotel/mc_1/sec_1"); !u.At.Equal(now.Truncate(time.Second)) || u.From == "" {
			t.Errorf("got %+v, want the use at %s", u, now)
		}
	})
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &table{fail: errors.New("away")}
		r, stop := run(st)
		first := time.Now()
		r.Note("hotel", "mc_1", "sec_1", first, netip.MustParseAddr("::ffff:10.2.0.7"))
		r.Note("hotel", "mc_1", "sec_2", first, netip.Addr{})
		time.Sleep(lastuse.Interval + time.Second)
		second := time.Now()
		r.Note("hotel", "mc_1", "sec_2", second, here)
		st.breaks(nil)
		time.Sleep(lastuse.Interval)
		synctest.Wait()
		if u := st.used(t, "hotel/mc_1/sec_1"); u.At.Unix() != first.Unix() || u.From != "10.2.0.7" {
			t.Errorf("the use while the store was away: %+v", u)
		}
		if u := st.used(t, "hotel/mc_1/sec_2"); u.At.Unix() != second.Unix() {
			t.Errorf("the use after it: %+v", u)
		}
		stop()
	})
}

// Memory is bounded, and what is in it is written in short transactions.
func TestFull(t *testing.T) {
	t.Parallel()
	st := &table{}
	r := lastuse.New(st, slog.New(slog.DiscardHandler))
	const many = 100_000
	for i := range many {
		r.Note("hotel", "mc_1", fmt.Sprint(i), time.Now(), here)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Run(ctx)
	if n := len(st.uses); n < 60_000 || n > 64<<10 {
		t.Errorf("%d uses were kept, want about 64 K", n)
	}
	if st.most > 200 {
		t.Errorf("%d uses in one transaction", st.most)
	}
}

// A full memory is written early.
func TestFullIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &table{}
		r, stop := run(st)
		for i := range 70_000 {
			r.Note("hotel", "mc_1", fmt.Sprint(i), time.Now(), here)
		}
		synctest.Wait()
		if st.writes() == 0 {
			t.Error("nothing was written before the minute was over")
		}
		stop()
	})
}

func TestNoteAllocates(t *testing.T) {
	r := lastuse.New(&table{}, slog.New(slog.DiscardHandler))
	now := time.Now()
	r.Note("hotel", "mc_1", "sec_1", now, here)
	if n := testing.AllocsPerRun(1000, func() { r.Note("hotel", "mc_1", "sec_1", now, here) }); n != 0 {
		t.Errorf("%v allocations to note a use, want 0", n)
	}
}

func BenchmarkNote(b *testing.B) {
	r := lastuse.New(&table{}, slog.New(slog.DiscardHandler))
	now := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Note("hotel", "mc_1", "sec_1", now, here)
		}
	})
}
