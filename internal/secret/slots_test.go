package secret_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
)

var (
	guesser = netip.MustParseAddr("192.0.2.66")
	honest  = netip.MustParseAddr("192.0.2.7")
)

// flood sends wrong secrets for a client from an address until the test is
// over, 80 at a time, each another one.
func flood(ctx context.Context, wg *sync.WaitGroup, h *secret.Hasher, client string, secrets []mintage.Secret, from netip.Addr) {
	for worker := range 80 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := h.VerifyFrom(ctx, from, "t", client, secrets, fmt.Sprint("wrong", worker, i), time.Now())
				if errors.Is(err, secret.ErrBusy) {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
}

// TE-11: a flood of wrong secrets against an imported client keeps neither its
// own first login waiting for long, nor that of another, nor costs a client
// anything whose secret is remembered.
func TestFloodServesTheHonest(t *testing.T) {
	t.Parallel()
	h := secret.NewSized(pepper, 1, 1000, 2*time.Second)
	secrets := []mintage.Secret{{ID: "1", Hash: imported["bcrypt 2b"]}}
	if _, err := h.VerifyFrom(t.Context(), guesser, "t", "known", secrets, known, time.Now()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	flood(ctx, &wg, h, "imported", secrets, guesser)
	for h.Waiting() < 40 {
		time.Sleep(time.Millisecond)
	}
	for _, c := range []struct {
		name, client string
		bound        time.Duration
	}{{"remembered, and from the guesser's address", "known", 500 * time.Millisecond}, {"its first login", "imported", 2 * time.Second}, {"another's first login", "other", 2 * time.Second}} {
		from := honest
		if c.client == "known" {
			from = guesser
		}
		began := time.Now()
		if _, err := h.VerifyFrom(t.Context(), from, "t", c.client, secrets, known, began); err != nil {
			t.Errorf("%s: %v after %s", c.name, err, time.Since(began))
		}
		if took := time.Since(began); took > c.bound {
			t.Errorf("%s took %s in the flood, more than %s", c.name, took, c.bound)
		}
	}
}

// Who repeats one wrong secret pays for it once.
func TestWrongIsRemembered(t *testing.T) {
	t.Parallel()
	h := secret.NewSized(pepper, 1, 10, time.Nanosecond)
	secrets := []mintage.Secret{{ID: "1", Hash: imported["bcrypt 2b"]}}
	if _, err := h.Verify(t.Context(), "t", "c", secrets, "wrong", time.Now()); reason(err) != secret.ReasonMismatch {
		t.Fatal(err)
	}
	release, err := h.TakeSlot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for candidate, want := range map[string]string{"wrong": secret.ReasonMismatch, "other": secret.ErrBusy.Error()} {
		if _, err := h.Verify(t.Context(), "t", "c", secrets, candidate, time.Now()); reason(err) != want {
			t.Errorf("%s: %v, want %s", candidate, err, want)
		}
	}
}

// Turns are taken by clients, then by addresses; who guessed wrong comes last.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := secret.NewSized(pepper, 1, 100, time.Hour)
		secrets := []mintage.Secret{{ID: "1", Hash: imported["bcrypt 2b"]}}
		if _, err := h.VerifyFrom(t.Context(), guesser, "t", "a", secrets, "wrong", time.Now()); reason(err) != secret.ReasonMismatch {
			t.Fatal(err)
		}
		release, err := h.TakeSlot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for _, w := range []struct {
			mark, client string
			from         netip.Addr
		}{{"g", "a", guesser}, {"1", "a", honest}, {"2", "a", honest}, {"3", "a", honest.Next()}, {"4", "b", honest}} {
			secrets := []mintage.Secret{{ID: w.mark, Hash: imported["bcrypt 2b"]}}
			wg.Go(func() {
				_, err := h.VerifyFrom(t.Context(), w.from, "t", w.client, secrets, known, time.Now())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("%s: %v", w.mark, err)
				}
				order = append(order, w.mark)
			})
			synctest.Wait()
		}
		release()
		wg.Wait()
		if got := strings.Join(order, ""); got != "1432g" && got != "1342g" {
			t.Errorf("served in the order %s", got)
		}
	})
}

// What nobody's answer waits for waits for all who guessed nothing, whoever sent
// it, and speaks neither for nor against its address.
func TestLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := secret.NewSized(pepper, 1, 100, time.Hour)
		secrets := []mintage.Secret{{ID: "1", Hash: imported["bcrypt 2b"]}}
		check := func(verify verifier, from netip.Addr, client, candidate string) error {
			_, err := verify(t.Context(), from, "t", client, secrets, candidate, time.Now())
			return err
		}
		if err := check(h.VerifyFrom, guesser, "a", "wrong"); reason(err) != secret.ReasonMismatch {
			t.Fatal(err)
		}
		if err := check(h.VerifyLast, honest, "b", "wrong"); reason(err) != secret.ReasonMismatch {
			t.Fatal(err)
		}
		if err := check(h.VerifyLast, guesser, "c", known); err != nil {
			t.Fatal(err)
		}
		release, err := h.TakeSlot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		var done []string
		for _, w := range []struct {
			mark   string
			verify verifier
			from   netip.Addr
		}{{"last", h.VerifyLast, netip.Addr{}}, {"guess", h.VerifyFrom, guesser}, {"good", h.VerifyFrom, honest}} {
			wg.Go(func() {
				err := check(w.verify, w.from, w.mark, known)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("%s: %v", w.mark, err)
				}
				done = append(done, w.mark)
			})
			synctest.Wait()
		}
		release()
		wg.Wait()
		if got := strings.Join(done, " "); got != "good last guess" {
			t.Errorf("served in the order %s", got)
		}
	})
}

// verifier is a way of a Hasher to check a candidate.
type verifier func(context.Context, netip.Addr, string, string, []mintage.Secret, string, time.Time) (*mintage.Secret, error)

// What waits from an address when the first of its guesses turns out wrong waits
// behind all others from then on.
func TestGuessesThatWaitAreDemoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := secret.NewSized(pepper, 1, 100, time.Hour)
		release, err := h.TakeSlot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for i, w := range []struct {
			mark string
			from netip.Addr
		}{{"g", guesser}, {"g", guesser}, {"g", guesser}, {"1", honest}, {"2", honest}, {"3", honest}} {
			candidate := known
			if w.mark == "g" {
				candidate = fmt.Sprint("wrong", i)
			}
			secrets := []mintage.Secret{{ID: fmt.Sprint(i), Hash: imported["bcrypt 2b"]}}
			wg.Go(func() {
				_, err := h.VerifyFrom(t.Context(), w.from, "t", "a", secrets, candidate, time.Now())
				mu.Lock()
				defer mu.Unlock()
				if (err != nil) != (w.mark == "g") {
					t.Errorf("%s: %v", w.mark, err)
				}
				order = append(order, w.mark)
			})
			synctest.Wait()
		}
		release()
		wg.Wait()
		if got := strings.Join(order, ""); got != "g123gg" {
			t.Errorf("served in the order %s", got)
		}
	})
}

func TestPausedAndRetired(t *testing.T) {
	t.Parallel()
	h := newHasher()
	now := time.Now()
	s := mintage.Secret{ID: "1", Hash: h.HashGenerated(known)}
	paused, retired, both := s, s, s
	paused.PausedUntil = now.Add(time.Second)
	retired.Retiring, retired.Expires = now.Add(-time.Hour), now
	both.ID = "2"
	for _, c := range []struct {
		name    string
		secrets []mintage.Secret
		want    string
	}{
		{"paused", []mintage.Secret{paused}, secret.ReasonPaused},
		{"retired", []mintage.Secret{retired}, secret.ReasonRetired},
		{"paused, and the same again", []mintage.Secret{paused, both}, ""},
		{"the same, and paused", []mintage.Secret{both, paused}, ""},
	} {
		_, err := h.Verify(t.Context(), "t", "c", c.secrets, known, now)
		if got := reason(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := h.Verify(t.Context(), "t", "c", []mintage.Secret{paused}, known, now.Add(time.Second)); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestUpgradable(t *testing.T) {
	t.Parallel()
	long := fmt.Sprintf("%073d", 1)
	for _, c := range []struct {
		hash, candidate string
		want            bool
	}{
		{imported["bcrypt 2b"], known, true},
		{imported["bcrypt 2b"], long, false},
		{"hmac-sha256$x", known, false},
		{"nonsense", known, false},
	} {
		if got := secret.Upgradable(c.hash, c.candidate); got != c.want {
			t.Errorf("Upgradable(%.12s, %d bytes) = %t", c.hash, len(c.candidate), got)
		}
	}
	h := secret.NewSized(pepper, 1, 10, time.Nanosecond)
	s := mintage.Secret{ID: "1", Hash: imported["bcrypt 2b"]}
	hash, err := h.Rehash(t.Context(), "t", "c", &s, known)
	if err != nil || secret.Outdated(hash) {
		t.Fatalf("rehash: %q, %v", hash, err)
	}
	release, err := h.TakeSlot(t.Context()) // so that nothing slow can run
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	s.Hash = hash
	if _, err := h.Verify(t.Context(), "t", "c", []mintage.Secret{s}, known, time.Now()); err != nil {
		t.Errorf("the new hash is paid for again: %v", err)
	}
}
