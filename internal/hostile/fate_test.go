package hostile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/hostile"
)

// Of each hundred requests exactly so many have a fault, whatever they are.
func TestPlan(t *testing.T) {
	t.Parallel()
	for reset := 0; reset <= 100; reset += 7 {
		for many := 0; reset+many <= 100; many += 9 {
			for gone := 0; reset+many+gone <= 100; gone += 11 {
				h := hostile.Hostility{ResetPercent: reset, TooManyPercent: many, UnavailablePercent: gone}
				if got, want := hostile.Faults(h), [4]int{100 - reset - many - gone, reset, many, gone}; got != want {
					t.Fatalf("%v: got %v, want %v", h, got, want)
				}
			}
		}
	}
}

// So many tokens of a hundred are refused, and what a client gets in answer
// never is, however late it asks.
func TestFates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, percent := range []int{0, 1, 5, 50, 99, 100} {
		var f hostile.Fates
		refused := 0
		for i := range 1000 {
			at := now.Add(time.Duration(i) * time.Minute)
			client, jti := fmt.Sprint("client", i), fmt.Sprint(i)
			f.Mint(client, jti, at, percent)
			if !f.Refuses(jti, at) {
				continue
			}
			refused++
			if !f.Refuses(jti, at.Add(time.Second)) {
				t.Errorf("%d%%: token %d is good again", percent, i)
			}
			answer := jti + "a"
			f.Mint(client, answer, at.Add(30*time.Minute), percent)
			if f.Refuses(answer, at.Add(31*time.Minute)) {
				t.Errorf("%d%%: the answer to %d is refused", percent, i)
			}
		}
		if refused != percent*10 {
			t.Errorf("%d%%: %d of 1000 are refused", percent, refused)
		}
	}
}

// A token that a client had before another was refused may be what it answers
// the refusal with, and is not refused so soon after; one that comes later is.
func TestFateOfOverlap(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var f hostile.Fates
	f.Mint("c", "old", now, 100)
	f.Mint("c", "ahead", now, 100)
	f.Mint("c", "other", now, 100)
	if !f.Refuses("old", now) || f.Refuses("ahead", now.Add(time.Second)) || f.Refuses("ahead", now.Add(time.Hour)) {
		t.Error("what was there already is refused in answer to a refusal")
	}
	if !f.Refuses("other", now.Add(10*time.Second)) {
		t.Error("nothing else of the client is refused ever after")
	}
	f.End("c", "unseen", now)
	if !f.Refuses("unseen", now) {
		t.Error("a token that was never seen is not refused")
	}
	if f.Refuses("unknown", now) {
		t.Error("a token that nobody minted is refused")
	}
}

// Tokens that have ended are forgotten.
func TestFatesForget(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var f hostile.Fates
	for i := range 10_000 {
		f.Mint("c", fmt.Sprint(i), now.Add(time.Duration(i)*time.Minute), 5)
	}
	if f.Kept() > 100 {
		t.Errorf("%d tokens are kept, of which 61 live", f.Kept())
	}
}
