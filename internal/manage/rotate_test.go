package manage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// wantReason fails the test unless err is a refusal for the reason.
func wantReason(t *testing.T, what string, err error, reason string) {
	t.Helper()
	var rule *manage.Refusal
	if !errors.As(err, &rule) || rule.Reason != reason {
		t.Errorf("%s: got %v, want %s", what, err, reason)
	}
}

// works fails the test unless a secret is good, or refused for the reason.
func (w *world) works(t *testing.T, id, plain, reason string) {
	t.Helper()
	err := w.verify(t, "hotel", id, plain)
	got := ""
	if e, ok := errors.AsType[*secret.Error](err); ok {
		got = e.Reason()
	} else if err != nil {
		got = err.Error()
	}
	if got != reason {
		t.Errorf("the secret is refused for %q, want %q", got, reason)
	}
}

func rotated(t *testing.T, r manage.Rotation) (*world, *manage.Credentials, *manage.Credentials) {
	t.Helper()
	w := newWorld(t)
	w.hotel(t, "hotel")
	first := w.client(t)
	second, err := w.RotateSecret(t.Context(), admin(), "hotel", first.Client.ID, r)
	if err != nil {
		t.Fatal(err)
	}
	return w, first, second
}

func hours(n int) *time.Duration {
	d := time.Duration(n) * time.Hour
	return &d
}

// KY-08: both secrets are good during the overlap, and the old one ends by
// itself.
func TestRotateSecret(t *testing.T) {
	t.Parallel()
	w, first, second := rotated(t, manage.Rotation{NewSecret: manage.NewSecret{Name: "next"}, Overlap: hours(24)})
	id := first.Client.ID
	if e := w.last(t); e.Action != "secret.rotate" || e.Target != id {
		t.Errorf("audit row %+v", e)
	}
	old := second.Client.Secrets[0]
	if !old.Retires(w.now) || !old.Expires.Equal(w.now.Add(24*time.Hour)) || old.Successor != second.Label.ID {
		t.Errorf("the old secret %+v: want it to retire in a day", &old)
	}
	w.works(t, id, first.Secret, "")
	w.works(t, id, second.Secret, "")
	_, err := w.RotateSecret(t.Context(), admin(), "hotel", id, manage.Rotation{})
	wantReason(t, "a rotation in a rotation", err, "secret.rotating")
	w.now = w.now.Add(24 * time.Hour)
	w.works(t, id, first.Secret, "secret.retired")
	w.works(t, id, second.Secret, "")
	_, err = w.CompleteRotation(t.Context(), admin(), "hotel", id)
	wantReason(t, "completing what is over", err, "secret.not_rotating")
	_, err = w.CancelRotation(t.Context(), admin(), "hotel", id)
	wantReason(t, "cancelling what is over", err, "secret.not_rotating")
	if _, err := w.RotateSecret(t.Context(), admin(), "hotel", id, manage.Rotation{}); err != nil {
		t.Errorf("the next rotation: %v", err)
	}
}

func TestRotateSecretOverlap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		lifetime time.Duration // of the old secret
		overlap  *time.Duration
		want     time.Duration
	}{
		{"the tenant's", 0, nil, 24 * time.Hour},
		{"none", 0, hours(0), 0},
		{"its own end comes sooner", time.Hour, hours(2), time.Hour},
		{"its own end comes later", 3 * time.Hour, hours(2), 2 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.hotel(t, "hotel")
			id := w.client(t).Client.ID
			if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Name: "other", Lifetime: tt.lifetime}); err != nil {
				t.Fatal(err)
			}
			made, err := w.RotateSecret(t.Context(), admin(), "hotel", id, manage.Rotation{Overlap: tt.overlap})
			if err != nil {
				t.Fatal(err)
			}
			if got := made.Client.Secrets[1].Expires.Sub(w.now); got != tt.want {
				t.Errorf("the old secret ends in %s, want %s", got, tt.want)
			}
		})
	}
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	for _, n := range []int{-1, 91 * 24} {
		if _, err := w.RotateSecret(t.Context(), admin(), "hotel", id, manage.Rotation{Overlap: hours(n)}); len(mintage.FieldErrors(err)) != 1 {
			t.Errorf("an overlap of %d hours: got %v", n, err)
		}
	}
	if _, err := w.RotateSecret(t.Context(), admin(), "hotel", "nobody", manage.Rotation{}); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such client: %v", err)
	}
	if _, err := w.RotateSecret(t.Context(), manage.By{}, "hotel", w.adminClient(t), manage.Rotation{}); err == nil {
		t.Error("nobody rotates the secret of an administrator")
	}
}

// adminClient makes a client with all admin scopes.
func (w *world) adminClient(t *testing.T) string {
	t.Helper()
	made, err := w.CreateClient(t.Context(), admin(), &mintage.Client{
		Tenant: "hotel", Name: "boss", Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"*"}}},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Client.ID
}

func TestCompleteRotation(t *testing.T) {
	t.Parallel()
	w, first, second := rotated(t, manage.Rotation{})
	id := first.Client.ID
	if _, err := w.CompleteRotation(t.Context(), admin(), "hotel", id); err != nil {
		t.Fatal(err)
	}
	w.works(t, id, first.Secret, "secret.retired")
	w.works(t, id, second.Secret, "")
	if e := w.last(t); e.Action != "secret.complete" {
		t.Errorf("audit row %+v", e)
	}
	_, err := w.CancelRotation(t.Context(), admin(), "hotel", id)
	wantReason(t, "cancelling what is complete", err, "secret.not_rotating")
	if _, err := w.CompleteRotation(t.Context(), admin(), "hotel", "nobody"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such client: %v", err)
	}
	// A new secret that is gone cannot take over.
	w, first, _ = rotated(t, manage.Rotation{NewSecret: manage.NewSecret{Lifetime: time.Hour}})
	w.now = w.now.Add(2 * time.Hour)
	_, err = w.CompleteRotation(t.Context(), admin(), "hotel", first.Client.ID)
	wantReason(t, "completing without a successor", err, "secret.last")
}

func TestCancelRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	first := w.client(t)
	id := first.Client.ID
	third, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Name: "third", Lifetime: 100 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.RotateSecret(t.Context(), admin(), "hotel", id, manage.Rotation{Overlap: hours(1)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.CancelRotation(t.Context(), admin(), "hotel", id)
	if err != nil {
		t.Fatal(err)
	}
	if e := w.last(t); e.Action != "secret.cancel" {
		t.Errorf("audit row %+v", e)
	}
	for i, want := range []mintage.Secret{first.Label, third.Label} {
		if got := c.Secrets[i]; !got.Expires.Equal(want.Expires) || !got.Retiring.IsZero() || got.Successor != "" || !got.PreviousExpires.IsZero() {
			t.Errorf("secret %d is %+v after the cancellation, want it as before: %+v", i, got, want)
		}
	}
	w.now = w.now.Add(2 * time.Hour)
	w.works(t, id, first.Secret, "")
	w.works(t, id, third.Secret, "")
	w.works(t, id, made.Secret, "secret.revoked")
	_, err = w.CancelRotation(t.Context(), admin(), "hotel", id)
	wantReason(t, "cancelling twice", err, "secret.not_rotating")
}

func TestBrownOut(t *testing.T) {
	t.Parallel()
	w, first, second := rotated(t, manage.Rotation{Overlap: hours(48)})
	id := first.Client.ID
	if _, err := w.BrownOut(t.Context(), admin(), "hotel", id, first.Label.Name, 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	w.works(t, id, first.Secret, "secret.paused")
	w.works(t, id, second.Secret, "")
	_, err := w.BrownOut(t.Context(), admin(), "hotel", id, second.Label.ID, time.Minute)
	wantReason(t, "pausing all secrets", err, "secret.last")
	w.now = w.now.Add(5 * time.Minute)
	w.works(t, id, first.Secret, "")
	if _, err := w.BrownOut(t.Context(), admin(), "hotel", id, first.Label.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := w.BrownOut(t.Context(), admin(), "hotel", id, first.Label.ID, 0); err != nil {
		t.Fatal(err)
	}
	w.works(t, id, first.Secret, "")
	if e := w.last(t); e.Action != "secret.resume" {
		t.Errorf("audit row %+v", e)
	}
	for _, d := range []time.Duration{-time.Second, 25 * time.Hour} {
		if _, err := w.BrownOut(t.Context(), admin(), "hotel", id, first.Label.ID, d); len(mintage.FieldErrors(err)) != 1 {
			t.Errorf("a pause of %s: got %v", d, err)
		}
	}
	if _, err := w.BrownOut(t.Context(), admin(), "hotel", id, "gone", time.Hour); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such secret: %v", err)
	}
	w.now = w.now.Add(49 * time.Hour)
	_, err = w.BrownOut(t.Context(), admin(), "hotel", id, first.Label.ID, time.Hour)
	wantReason(t, "pausing what has ended", err, "secret.expired")
}

// Each warning is given once, by whichever node sees it first; after a pause
// the nearest to the end.
func TestWarnOfExpiry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	const day = 24 * time.Hour
	for name, life := range map[string]time.Duration{"long": 100 * day, "short": 5 * day} {
		if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Name: name, Lifetime: life}); err != nil {
			t.Fatal(err)
		}
	}
	begin := w.now
	other := open(t, dir) // another node, or the same after a restart
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, ""},
		{4*day - time.Second, ""},
		{4 * day, "short 1"}, // made with less than 7 days to live, it is not 7 days from its end
		{6 * day, ""},
		{70*day - time.Second, ""},
		{70 * day, "long 30"},
		{71 * day, ""},
		{94 * day, "long 7"}, // 14 was missed
		{99 * day, "long 1"},
		{101 * day, ""},
	} {
		before := len(w.events(t))
		for _, node := range []*world{w, other} {
			node.now = begin.Add(step.after)
			if _, err := node.WarnOfExpiry(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		events := w.events(t)
		var told []string
		for _, e := range events[:len(events)-before] {
			var m struct {
				Name string
				Days int
			}
			if err := json.Unmarshal(e.After, &m); err != nil {
				t.Fatal(err)
			}
			told = append(told, fmt.Sprint(m.Name, " ", m.Days))
			if e.Action != "secret.expiring" || e.Target != id || e.Via != "server" {
				t.Errorf("event %+v", e)
			}
		}
		if got := strings.Join(told, ", "); got != step.want {
			t.Errorf("after %s: warned of %q, want %q", step.after, got, step.want)
		}
	}
	w.now = begin.Add(90 * day)
	n, err := w.WarnOfExpiry(t.Context())
	if got, want := fmt.Sprint(n), "map[hotel:map[336h0m0s:1 720h0m0s:1]]"; err != nil || got != want {
		t.Errorf("expiring %s (%v), want %s", got, err, want)
	}
}

func TestUpgradeHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	const plain, old = "correct horse", "sha256:0b2ccf9d4a3f2d8a4e1a39ee4d9a33d3b7a5eb0dbd1a3bbce3ef1f6e1cf8de5b"
	set := func(hash string) *mintage.Secret {
		c, err := w.Client(t.Context(), "hotel", id)
		if err != nil {
			t.Fatal(err)
		}
		c.Secrets[0].Hash = hash
		if err := w.Store.Update(t.Context(), func(tx store.Tx) error { return tx.UpdateClient(t.Context(), c) }); err != nil {
			t.Fatal(err)
		}
		return &c.Secrets[0]
	}
	s := set(old)
	if done, err := w.UpgradeHash(t.Context(), "hotel", id, s, plain); err != nil || !done {
		t.Fatalf("upgrade: %t, %v", done, err)
	}
	w.works(t, id, plain, "")
	if e := w.last(t); e.Action != "secret.upgrade" || e.Target != id {
		t.Errorf("audit row %+v", e)
	}
	// Not when the hash is another by now.
	if done, err := w.UpgradeHash(t.Context(), "hotel", id, s, "other"); err != nil || done {
		t.Errorf("upgrade of a hash that is gone: %t, %v", done, err)
	}
	w.works(t, id, plain, "")
	if _, err := w.UpgradeHash(t.Context(), "hotel", "gone", s, plain); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such client: %v", err)
	}
}
