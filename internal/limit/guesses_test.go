package limit_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/limit"
)

var (
	guesser = netip.MustParseAddr("192.0.2.66")
	honest  = netip.MustParseAddr("198.51.100.7")
)

// guess makes n wrong attempts, each another one, and returns how many were
// looked at.
func guess(g *limit.Guesses, client string, from netip.Addr, n int, now time.Time) (looked int) {
	for i := range n {
		a := limit.Attempt{Tenant: "t", Client: client, From: from, Candidate: fmt.Sprint(client, from, i, now), Now: now}
		if v := g.Judge(&a); v.Wait == 0 {
			g.Failed(&a, v)
			looked++
		}
	}
	return looked
}

func attempt(client string, from netip.Addr, candidate string, now time.Time) *limit.Attempt {
	return &limit.Attempt{Tenant: "t", Client: client, From: from, Candidate: candidate, Now: now}
}

// TE-11: attempts are bounded per client and per address, from one address and
// from 500; and nobody is locked out elsewhere.
func TestGuessesAreBounded(t *testing.T) {
	t.Parallel()
	t.Run("one address", func(t *testing.T) {
		t.Parallel()
		g := limit.NewGuesses()
		if n := guess(g, "c", guesser, 10_000, epoch); n != 20 {
			t.Errorf("%d of 10,000 guesses were looked at, want 20", n)
		}
		if n := guess(g, "c", guesser, 10_000, epoch.Add(10*time.Minute)); n != 20 {
			t.Errorf("%d of 10,000 guesses were looked at ten minutes on, want 20", n)
		}
		if v := g.Judge(attempt("c", honest, "right", epoch.Add(10*time.Minute))); v.Wait != 0 {
			t.Errorf("another address waits %s for the same client", v.Wait)
		}
		if v := g.Judge(attempt("d", guesser, "right", epoch.Add(10*time.Minute))); v.Wait != 0 {
			t.Errorf("another client waits %s at the same address", v.Wait)
		}
	})
	t.Run("500 addresses", func(t *testing.T) {
		t.Parallel()
		g := limit.NewGuesses()
		looked, at := 0, netip.MustParseAddr("10.0.0.0")
		for range 500 {
			at = at.Next()
			looked += guess(g, "c", at, 20, epoch)
		}
		if looked < 500 || looked > 500+2*500 {
			t.Errorf("%d of 10,000 guesses were looked at, want 1 or 2 of each address past the first 500", looked)
		}
		if v := g.Judge(attempt("c", honest, "right", epoch)); v.Wait != 0 {
			t.Errorf("an address that never guessed waits %s", v.Wait)
		}
	})
	t.Run("one address, 10,000 clients", func(t *testing.T) {
		t.Parallel()
		g := limit.NewGuesses()
		g.Proved(attempt("known", guesser, "right", epoch))
		looked := 0
		for i := range 10_000 {
			looked += guess(g, fmt.Sprint("c", i), guesser, 1, epoch)
		}
		if looked != 300 {
			t.Errorf("%d of 10,000 guesses were looked at, want 300", looked)
		}
		if v := g.Judge(attempt("known", guesser, "right", epoch)); v.Wait != 0 {
			t.Errorf("a client that proved itself there waits %s", v.Wait)
		}
	})
}

// Whoever sends the same again is looked at the second time, so that a right
// secret that nobody has seen yet gets through beside a guesser at the same
// address, who still gets little.
func TestSameAgain(t *testing.T) {
	t.Parallel()
	g := limit.NewGuesses()
	guess(g, "c", guesser, 10_000, epoch)
	v := g.Judge(attempt("c", guesser, "right", epoch))
	if v.Wait == 0 || v.Wait > 5*time.Second {
		t.Fatalf("first time: wait %s, want a few seconds", v.Wait)
	}
	if v := g.Judge(attempt("c", guesser, "right", epoch.Add(v.Wait))); v.Wait != 0 {
		t.Errorf("second time, as late as told: wait %s", v.Wait)
	}
	// A guesser who does so too, for five minutes.
	looked := 0
	for s := range 300 {
		for i := range 20 {
			a := attempt("c", guesser, fmt.Sprint("twice", s, i), epoch.Add(time.Duration(s)*time.Second))
			for range 2 {
				if v := g.Judge(a); v.Wait == 0 {
					g.Failed(a, v)
					looked++
				}
			}
		}
	}
	if looked > 300 {
		t.Errorf("%d of 6,000 guesses that were sent twice were looked at in five minutes", looked)
	}
}

// A fleet that was given a wrong secret repeats it, which is no guess.
func TestSameWrongIsNoGuess(t *testing.T) {
	t.Parallel()
	g := limit.NewGuesses()
	for range 1000 {
		a := attempt("c", honest, "wrong", epoch)
		v := g.Judge(a)
		if v.Wait != 0 {
			t.Fatal("the same wrong secret again has to wait", v.Wait)
		}
		g.Failed(a, v)
	}
	if n := guess(g, "c", honest, 100, epoch); n != 19 {
		t.Errorf("after 1,000 times the same, %d others were looked at, want 19", n)
	}
}

func TestNobodyBounds(t *testing.T) {
	t.Parallel()
	var g *limit.Guesses
	a := attempt("c", guesser, "x", epoch)
	g.Proved(a)
	g.Failed(a, g.Judge(a))
	var r *limit.Requests
	if g.Judge(a).Wait != 0 || r.Client("t", "c", "token", 1, epoch) != 0 || r.Address(guesser, epoch) != 0 {
		t.Error("nil bounds something")
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	r := limit.NewRequests()
	if r.Address(guesser, epoch) != 0 || r.Client("t", "c", "token", 0, epoch) != 0 {
		t.Error("a bound where none is set")
	}
	r.BoundAddresses(2)
	for i, want := range []bool{true, true, false} {
		if got := r.Address(guesser, epoch) == 0; got != want {
			t.Errorf("request %d of 2 of an address: %v", i+1, got)
		}
		if got := r.Client("t", "c", "token", 2, epoch) == 0; got != want {
			t.Errorf("request %d of 2 of a client: %v", i+1, got)
		}
	}
	if r.Address(honest, epoch) != 0 || r.Client("u", "c", "token", 2, epoch) != 0 || r.Client("t", "c", "introspect", 2, epoch) != 0 {
		t.Error("others wait too")
	}
	r.BoundAddresses(0)
	if r.Address(guesser, epoch) != 0 {
		t.Error("a bound that was taken away")
	}
}
