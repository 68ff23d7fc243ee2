package manage_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// keyStates prints alg and state of a tenant's keys, oldest first, and whether
// the private half is there.
func (w *world) keyStates(t *testing.T, tenant string) string {
	t.Helper()
	ks, err := w.SigningKeys(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(ks, func(a, b *mintage.SigningKey) int {
		return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), strings.Compare(a.Alg, b.Alg))
	})
	var out []string
	for _, k := range ks {
		s := k.Alg + " " + string(k.State(w.now))
		if len(k.Sealed) == 0 {
			s += " destroyed"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func (w *world) wantKeys(t *testing.T, tenant, want string) {
	t.Helper()
	if got := w.keyStates(t, tenant); got != want {
		t.Errorf("at %s the keys are %q, want %q", w.now.Format(time.DateTime), got, want)
	}
}

// KY-05: in one transaction the key is gone, its tokens are revoked and another
// signs.
func TestKillKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Store = twice{w.Store}
	w.hotel(t, "hotel")
	w.now = w.now.Add(time.Hour)
	ks, err := w.SigningKeys(t.Context(), "hotel")
	if err != nil || len(ks) != 1 {
		t.Fatal(len(ks), err)
	}
	kid := ks[0].ID
	did, err := w.KillKey(t.Context(), admin(), "hotel", kid)
	if err != nil {
		t.Fatal(err)
	}
	if did.Killed.ID != kid || did.Killed.State(w.now) != mintage.KeyGone || did.Heir == nil || did.Heir.State(w.now) != mintage.KeyActive {
		t.Errorf("killed %+v, heir %+v", did.Killed, did.Heir)
	}
	w.wantKeys(t, "hotel", "ES256 gone destroyed, ES256 active")
	rs, err := w.Store.Revocations(t.Context(), "hotel", w.now)
	if err != nil || len(rs) != 1 || rs[0].KeyID != kid || rs[0].Expires.Before(w.now.Add(mintage.LongestTokenLifetime)) {
		t.Errorf("revocations %+v, %v", rs, err)
	}
	var actions []string
	for _, e := range w.events(t)[:3] {
		actions = append(actions, e.Action+" "+e.Via)
	}
	if want := []string{"token.revoke cli", "key.create cli", "key.kill cli"}; !slices.Equal(actions, want) {
		t.Errorf("audit rows %q, want %q", actions, want)
	}
	// Killing it again changes nothing, and kills no other.
	before := len(w.events(t))
	if did, err := w.KillKey(t.Context(), admin(), "hotel", kid); err != nil || did.Heir != nil {
		t.Errorf("again: %+v, %v", did, err)
	}
	w.wantKeys(t, "hotel", "ES256 gone destroyed, ES256 active")
	if n := len(w.events(t)); n != before {
		t.Errorf("%d audit rows more", n-before)
	}
	for _, c := range []struct{ tenant, kid string }{{"hotel", "none"}, {"none", kid}, {mintage.BuiltInTenant, kid}} {
		if _, err := w.KillKey(t.Context(), admin(), c.tenant, c.kid); !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("%v: %v, want ErrNotFound", c, err)
		}
	}
}

// A transaction that fails kills nothing.
func TestKillKeyFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	ks, _ := w.SigningKeys(t.Context(), "hotel")
	whole, lost := w.Store, errors.New("power cut")
	w.Store = failing{whole, lost}
	if _, err := w.KillKey(t.Context(), admin(), "hotel", ks[0].ID); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	w.Store = whole
	w.wantKeys(t, "hotel", "ES256 active")
	if rs, err := whole.Revocations(t.Context(), "hotel", w.now); err != nil || len(rs) > 0 {
		t.Errorf("%d revocations, %v", len(rs), err)
	}
}

// KY-04 and KY-06: each key is replaced after 90 days, published first and kept
// after; what is gone is destroyed and in the end forgotten.
func TestRotateDueAndPurgeKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	w.hotel(t, "other")
	if err := w.EnsureKeys(t.Context(), admin(), "hotel", mintage.SealingAlg, "EdDSA"); err != nil {
		t.Fatal(err)
	}
	began := w.now
	step := func(at time.Duration, made, purged int, want string) {
		t.Helper()
		w.now = began.Add(at)
		if n, err := w.RotateDue(t.Context()); n != made || err != nil {
			t.Errorf("after %s %d keys were made, %v; want %d", at, n, err, made)
		}
		if n, err := w.PurgeKeys(t.Context()); n != purged || err != nil {
			t.Errorf("after %s %d keys were purged, %v; want %d", at, n, err, purged)
		}
		w.wantKeys(t, "other", want)
	}
	period := keys.DefaultPeriod
	gone := period + keys.DefaultWait + time.Hour + keys.Skew
	step(0, 0, 0, "ES256 active")
	step(period-time.Second, 0, 0, "ES256 active")
	step(period, 4, 0, "ES256 active, ES256 next")
	step(period+time.Hour/2, 0, 0, "ES256 retiring, ES256 active")
	step(gone, 0, 0, "ES256 gone, ES256 active")
	step(gone+keys.DestroyAfter, 0, 4, "ES256 gone destroyed, ES256 active")
	if e := w.last(t); e.Action != "key.destroy" || e.Via != "server" {
		t.Errorf("audit row %+v", e)
	}
	step(gone+keys.DestroyAfter+time.Hour, 0, 0, "ES256 gone destroyed, ES256 active")
	if got := w.keyStates(t, "hotel"); strings.Count(got, " active") != 3 || strings.Count(got, " gone destroyed") != 3 {
		t.Errorf("keys of hotel: %s", got)
	}
	w.now = began.Add(gone + keys.ForgetAfter)
	if _, err := w.PurgeKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantKeys(t, "other", "ES256 active")
}

func TestKeyPeriod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	w.KeyPeriod = 24 * time.Hour
	w.now = w.now.Add(24 * time.Hour)
	if n, err := w.RotateDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	// A tenant may want another.
	if _, err := w.UpdateTenant(t.Context(), admin(), "hotel", 0, func(tn *mintage.Tenant) error {
		tn.KeyPeriod = 48 * time.Hour
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(keys.DefaultWait + 47*time.Hour)
	if n, err := w.RotateDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	w.now = w.now.Add(time.Hour)
	if n, err := w.RotateDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := w.UpdateTenant(t.Context(), admin(), "hotel", 0, func(tn *mintage.Tenant) error {
		tn.KeyPeriod = 0
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.KeyPeriod = 1000 * keys.DefaultPeriod // KY-06: a year is the most
	w.now = w.now.Add(keys.DefaultWait + keys.LongestPeriod)
	if n, err := w.RotateDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// A key that was not replaced in time is told of in the log and the audit log,
// once a day, for as long as it is so (KY-06).
func TestWarnOfKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	w.Log = slog.New(slog.NewJSONHandler(&log, nil))
	w.hotel(t, "hotel")
	overdue := func() (events int) {
		for _, e := range w.events(t) {
			if e.Action == "key.overdue" {
				events++
			}
		}
		return events
	}
	warn := func(want, events int) {
		t.Helper()
		if n, err := w.WarnOfKeys(t.Context()); n != want || err != nil {
			t.Errorf("%d overdue, %v; want %d", n, err, want)
		}
		lines := strings.Count(log.String(), `"event":"key.overdue","tenant":"hotel","kid":`)
		if got := overdue(); got != events || lines != events {
			t.Errorf("%d events and %d log lines, want %d", got, lines, events)
		}
	}
	warn(0, 0)
	w.now = w.now.Add(keys.DefaultPeriod + keys.Grace)
	warn(1, 1)
	w.now = w.now.Add(time.Hour)
	warn(1, 1)
	w.now = w.now.Add(24 * time.Hour)
	warn(1, 2)
	if n, err := w.RotateDue(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.now = w.now.Add(48 * time.Hour)
	warn(0, 2)
}

// Two nodes find the same key due, and one of them makes the next.
func TestRotateDueOnTwoNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	w.now = w.now.Add(keys.DefaultPeriod)
	stale, err := w.SigningKeys(t.Context(), "hotel")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.RotateDue(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.Store = staleKeys{w.Store, stale}
	if n, err := w.RotateDue(t.Context()); n != 0 || err != nil {
		t.Errorf("the second node made %d, %v", n, err)
	}
}

// A sealing key is made with the settings that ask for it, and rotates as
// others do.
func TestSealingKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	if _, err := w.UpdateTenant(t.Context(), admin(), "hotel", 0, func(tn *mintage.Tenant) error {
		tn.Token.Format = mintage.FormatSealed
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.wantKeys(t, "hotel", "ES256 active, XC20P active")
	w.hotel(t, "other")
	if _, err := w.CreateClient(t.Context(), admin(), &mintage.Client{
		Tenant: "other", Name: "Sealed", Token: mintage.TokenSettings{Format: mintage.FormatSealed, Alg: "PS256"},
		Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"orders/read"}}},
	}, manage.NewSecret{}); err != nil {
		t.Fatal(err)
	}
	if got := w.algs(t, "other"); !slices.Equal(got, []string{"ES256", "PS256", "XC20P"}) {
		t.Errorf("keys of %q", got)
	}
	k, err := w.RotateKey(t.Context(), admin(), "hotel", mintage.SealingAlg, keys.DefaultWait)
	if err != nil || k.State(w.now) != mintage.KeyNext || len(k.JWK) > 0 {
		t.Errorf("%+v, %v", k, err)
	}
	for _, alg := range []string{"ES384", "ES512", "RS512", "HS256", "none", "Ed25519", "xc20p", "sealed"} {
		if _, err := w.RotateKey(t.Context(), admin(), "hotel", alg, 0); len(mintage.FieldErrors(err)) == 0 {
			t.Errorf("%s: %v, want a field error", alg, err)
		}
	}
}

// staleKeys is a store that reads keys as they were, but in a transaction.
type staleKeys struct {
	store.Store
	ks []*mintage.SigningKey
}

func (s staleKeys) SigningKeys(_ context.Context, tenant string) ([]*mintage.SigningKey, error) {
	if tenant != s.ks[0].Tenant {
		return nil, nil
	}
	return s.ks, nil
}
