package revoke_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/revoke"
)

// v7 returns a UUID of version 7 of the given instant.
func v7(at time.Time) string {
	h := fmt.Sprintf("%012x", at.UnixMilli())
	return h[:8] + "-" + h[8:] + "-7abc-8def-0123456789ab"
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

// RV-09: "revoke all before" compares with when the token was issued, at the
// boundary second and millisecond.
func TestEndedByClient(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		jti    string
		issued time.Time // iat
		before time.Time
		want   bool
	}{
		{"an hour before", v7(at(-3600_000)), at(-3600_000), at(500), true},
		{"one millisecond before, same second", v7(at(499)), at(0), at(500), true},
		{"same millisecond", v7(at(500)), at(0), at(500), true},
		{"same millisecond, a fraction later", v7(at(500)), at(0), at(500).Add(300 * time.Microsecond), true},
		{"one millisecond after, same second", v7(at(501)), at(0), at(500), false},
		{"one second after", v7(at(1500)), at(1000), at(500), false},
		{"no v7: same second", "abc", at(0), at(500), true},
		{"no v7: same second, on the whole second", "abc", at(0), at(0), true},
		{"no v7: second after", "abc", at(1000), at(999), false},
		{"no jti: second before", "", at(-1000), at(0), true},
		{"no jti: second after", "", at(1000), at(0), false},
		{"v7 from another second is not believed", v7(at(5000)), at(0), at(500), true},
		{"v7 from an earlier second is not believed either", v7(at(-5000)), at(1000), at(500), false},
		{"zero instant ends all", v7(at(9000)), at(9000), time.Time{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := revoke.New([]*mintage.Revocation{{ClientID: "c", Before: tt.before}})
			if got := s.Ended(tt.jti, "c", "", tt.issued); got != tt.want {
				t.Errorf("Ended(%q, iat %v) with before %v: got %v, want %v", tt.jti, tt.issued, tt.before, got, tt.want)
			}
			if s.Ended(tt.jti, "other", "", tt.issued) {
				t.Error("another client's token has ended too")
			}
		})
	}
}

// The strictest rule wins, in whatever order the rules come.
func TestStrictestWins(t *testing.T) {
	t.Parallel()
	early := &mintage.Revocation{ClientID: "c", Before: at(0), Expires: at(60_000)}
	late := &mintage.Revocation{ClientID: "c", Before: at(10_000), Expires: at(30_000)}
	all := &mintage.Revocation{ClientID: "c"}
	for _, order := range [][]*mintage.Revocation{{early, late}, {late, early}} {
		s := revoke.New(order)
		if !s.Ended("", "c", "", at(5000)) {
			t.Errorf("order %v: a token between the two instants lives", order)
		}
		if s.Sweep(at(45_000)); !s.Ended("", "c", "", at(5000)) {
			t.Errorf("order %v: swept at the earlier expiry", order)
		}
	}
	for _, order := range [][]*mintage.Revocation{{all, late}, {late, all}} {
		if !revoke.New(order).Ended("", "c", "", at(99_000)) {
			t.Errorf("order %v: a revocation without an instant does not end all", order)
		}
	}
}

func TestEndedByTokenAndKey(t *testing.T) {
	t.Parallel()
	s := revoke.New([]*mintage.Revocation{{JTI: "j1", Expires: at(1000)}, {KeyID: "k1"}})
	for _, tt := range []struct {
		jti, key string
		want     bool
	}{
		{"j1", "k2", true},
		{"j2", "k1", true},
		{"j2", "k2", false},
		{"", "", false},
	} {
		if got := s.Ended(tt.jti, "c", tt.key, noon); got != tt.want {
			t.Errorf("Ended(%q, key %q): got %v, want %v", tt.jti, tt.key, got, tt.want)
		}
	}
	if s.Sweep(at(1000)); s.Len() != 2 {
		t.Error("swept before it expired")
	}
	if s.Sweep(at(1001)); s.Len() != 1 || s.Ended("j1", "", "", noon) {
		t.Error("not swept after it expired")
	}
	s.Add(&mintage.Revocation{}) // names nothing: ends nothing
	if s.Ended("", "", "", noon) {
		t.Error("a revocation that names nothing ends a token without a name")
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	s := revoke.New(nil)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				id := fmt.Sprint(g, "-", i)
				s.Add(&mintage.Revocation{JTI: id})
				if !s.Ended(id, "", "", noon) {
					t.Errorf("%s was added and has not ended", id)
				}
				s.Sweep(noon)
			}
		})
	}
	wg.Wait()
}

func TestEndedDoesNotAllocate(t *testing.T) {
	s := revoke.New([]*mintage.Revocation{{ClientID: "c", Before: at(0)}})
	jti := v7(at(1))
	if n := testing.AllocsPerRun(100, func() { s.Ended(jti, "c", "k", at(0)) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// No string that is not a UUID of version 7 may pass for one: it would move a
// token in time.
func FuzzEnded(f *testing.F) {
	f.Add(v7(noon))
	f.Add("0195d3a0-0000-4abc-8def-0123456789ab")
	f.Add("0195d3a0-0000-7abc-7def-0123456789ab")
	f.Add("0195d3a0x0000-7abc-8def-0123456789ab")
	f.Fuzz(func(t *testing.T, jti string) {
		s := revoke.New([]*mintage.Revocation{{ClientID: "c", Before: at(500)}})
		if s.Ended(jti, "c", "", at(1000)) || !s.Ended(jti, "c", "", at(-1000)) {
			t.Errorf("jti %q moved a token to another second", jti)
		}
	})
}
