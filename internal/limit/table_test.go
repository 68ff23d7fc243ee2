package limit_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/limit"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		rate  limit.Rate
		at    []time.Duration // of events, from the first
		allow []bool
		after time.Duration // to wait after the last
	}{
		{"no bound", limit.Rate{}, []time.Duration{0, 0, 0}, []bool{true, true, true}, 0},
		{"burst, then none", limit.PerMinute(2), []time.Duration{0, 0, 0, 0}, []bool{true, true, false, false}, 30 * time.Second},
		{"one comes back", limit.PerMinute(2), []time.Duration{0, 0, 30 * time.Second, 30 * time.Second}, []bool{true, true, true, false}, 30 * time.Second},
		{"no more than a burst is saved", limit.PerMinute(2), []time.Duration{0, time.Hour, time.Hour, time.Hour}, []bool{true, true, true, false}, 30 * time.Second},
		{"a clock set back", limit.PerMinute(2), []time.Duration{0, -time.Minute, -time.Minute}, []bool{true, false, false}, 60 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			table := limit.NewTable(1)
			k := table.Key(netip.Addr{}, c.name)
			for i, at := range c.at {
				wait := table.Take(k, c.rate, epoch.Add(at))
				if (wait == 0) != c.allow[i] {
					t.Errorf("event %d at %s: wait %s, want it allowed: %v", i, at, wait, c.allow[i])
				}
			}
			got := table.Wait(k, c.rate, epoch.Add(c.at[len(c.at)-1]))
			if got < c.after-time.Millisecond || got > c.after+time.Millisecond {
				t.Errorf("wait %s, want %s", got, c.after)
			}
		})
	}
}

// A table holds as many keys as it has room for, and one more takes the place
// of that which is paid for first.
func TestBounded(t *testing.T) {
	t.Parallel()
	table, rate := limit.NewTable(1), limit.Rate{Burst: 1, Every: time.Minute}
	first := table.Key(netip.Addr{}, "first")
	table.Note(first, rate, epoch)
	for i := range 1000 {
		table.Note(table.Key(netip.Addr{}, fmt.Sprint(i)), rate, epoch.Add(time.Duration(i)*time.Second))
	}
	if !table.Idle(first, epoch) {
		t.Error("the oldest of 1,001 keys is still there in a table of eight")
	}
	last := table.Key(netip.Addr{}, "999")
	if table.Idle(last, epoch.Add(999*time.Second)) {
		t.Error("the newest key is not there")
	}
}

// However many ask at once, no more get through than may.
func TestTogether(t *testing.T) {
	t.Parallel()
	table := limit.NewTable(64)
	var wg sync.WaitGroup
	var through atomic.Int64
	for range 50 {
		wg.Go(func() {
			for range 20 {
				if table.Take(table.Key(netip.Addr{}, "k"), limit.PerMinute(100), epoch) == 0 {
					through.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := through.Load(); n != 100 {
		t.Errorf("%d of 1,000 got through, want 100", n)
	}
}

// Whatever the times of events, in any minute no more get through than twice
// the burst, and of what waits as told the next does get through.
func FuzzTake(f *testing.F) {
	f.Add(3, []byte{0, 0, 0, 1, 60, 255})
	f.Fuzz(func(t *testing.T, perMinute int, gaps []byte) {
		if perMinute < 1 || perMinute > 1_000_000 || len(gaps) > 1000 {
			t.Skip()
		}
		table, rate := limit.NewTable(1), limit.PerMinute(perMinute)
		k := table.Key(netip.MustParseAddr("192.0.2.1"))
		now, n, began := epoch, 0, epoch
		for _, gap := range gaps {
			now = now.Add(time.Duration(gap) * 250 * time.Millisecond)
			if now.Sub(began) >= time.Minute {
				n, began = 0, now
			}
			wait := table.Take(k, rate, now)
			if wait == 0 {
				n++
			} else if again := table.Wait(k, rate, now.Add(wait)); again != 0 {
				t.Fatalf("told to wait %s, and then %s more", wait, again)
			}
			if n > 2*perMinute {
				t.Fatalf("%d in a minute of %d", n, perMinute)
			}
		}
	})
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := limit.Network(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("network of %s is %s, want %s", in, got, want)
		}
	}
	if limit.Network(netip.Addr{}).IsValid() {
		t.Error("no address has a network")
	}
}
