package manage_test

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// KY-08: a second secret lives beside the first, and one can be ended.
func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	made := w.client(t)
	id := made.Client.ID
	second, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if second.Label.Name != "2026-11-21-2" || !second.Label.Expires.Equal(w.now.Add(time.Hour)) {
		t.Errorf("second secret %+v: want a label that is free and an hour to live", &second.Label)
	}
	for _, plain := range []string{made.Secret, second.Secret} {
		if err := w.verify(t, "hotel", id, plain); err != nil {
			t.Errorf("a live secret is refused: %v", err)
		}
	}
	if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Name: "2026-11-21"}); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("a label twice: got %v, want ErrExists", err)
	}
	if err := w.RevokeSecret(t.Context(), admin(), "hotel", id, "2026-11-21", false); err != nil {
		t.Fatal(err)
	}
	if err := w.verify(t, "hotel", id, made.Secret); err == nil {
		t.Error("a revoked secret still works")
	}
	before := len(w.events(t))
	if err := w.RevokeSecret(t.Context(), admin(), "hotel", id, made.Label.ID, false); err != nil || len(w.events(t)) != before {
		t.Errorf("revoking again: error %v, %d new audit rows; want neither", err, len(w.events(t))-before)
	}
	var rule *manage.Refusal
	if err := w.RevokeSecret(t.Context(), admin(), "hotel", id, second.Label.ID, false); !errors.As(err, &rule) || rule.Reason != "secret.last" {
		t.Errorf("the last one: got %v, want secret.last", err)
	}
	if err := w.RevokeSecret(t.Context(), admin(), "hotel", id, second.Label.ID, true); err != nil {
		t.Errorf("the last one on purpose: %v", err)
	}
	if err := w.RevokeSecret(t.Context(), admin(), "hotel", id, "2020", true); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such secret: got %v, want ErrNotFound", err)
	}
	if e := w.last(t); e.Action != "secret.revoke" || e.Via != "cli" || e.Actor != admin().Actor || e.TraceID == "" {
		t.Errorf("audit row: %+v", e)
	}
}

func TestSecretLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	for i := range 19 {
		if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Lifetime: time.Hour}); err != nil {
			t.Fatalf("secret %d: %v", i+2, err)
		}
	}
	var rule *manage.Refusal
	if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{}); !errors.As(err, &rule) || rule.Reason != "secret.limit" {
		t.Errorf("secret 21: got %v, want secret.limit", err)
	}
	w.now = w.now.Add(2 * time.Hour)
	if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{}); err != nil {
		t.Errorf("when the others have expired: %v", err)
	}
	w.now = w.now.Add(91 * 24 * time.Hour)
	if _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{}); err != nil {
		t.Fatal(err)
	}
	c, err := w.Client(t.Context(), "hotel", id)
	if err != nil || len(c.Secrets) != 3 {
		t.Errorf("%d secrets are kept, error %v; want the 3 that live", len(c.Secrets), err)
	}
}

// AD-17: changes at the same time neither lose one another nor pass a limit.
func TestChangesAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	var wg sync.WaitGroup
	var made, refused atomic.Int32
	for i := range 30 {
		wg.Go(func() {
			switch _, err := w.AddSecret(t.Context(), admin(), "hotel", id, manage.NewSecret{Name: strconv.Itoa(i)}); {
			case err == nil:
				made.Add(1)
			case errors.As(err, new(*manage.Refusal)):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := w.Client(t.Context(), "hotel", id)
	if err != nil || made.Load() != 19 || refused.Load() != 11 || len(c.Secrets) != 20 || c.Version != 20 {
		t.Errorf("%d made, %d refused, %d there, version %d, error %v; want 19, 11, 20 and 20",
			made.Load(), refused.Load(), len(c.Secrets), c.Version, err)
	}
	for range 20 {
		wg.Go(func() {
			_, err := w.UpdateClient(t.Context(), admin(), "hotel", id, 20, func(c *mintage.Client) error { c.Name += "x"; return nil })
			if err != nil && !errors.Is(err, mintage.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c, err := w.Client(t.Context(), "hotel", id); err != nil || c.Version != 21 || c.Name != "Nightly exportx" {
		t.Errorf("20 changes of one version: %+v, %v; want one to succeed", c, err)
	}
}

func TestSecretLifetimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	if _, err := w.UpdateTenant(t.Context(), admin(), "hotel", 0, func(t *mintage.Tenant) error {
		t.SecretLifetime, t.Protected = 90*24*time.Hour, true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	id := w.client(t).Client.ID
	for _, tt := range []struct {
		name string
		ask  manage.NewSecret
		want time.Time
	}{
		{"the tenant's", manage.NewSecret{}, w.now.Add(90 * 24 * time.Hour)},
		{"its own", manage.NewSecret{Lifetime: time.Hour}, w.now.Add(time.Hour)},
		{"for ever", manage.NewSecret{Forever: true}, time.Time{}},
	} {
		made, err := w.AddSecret(t.Context(), admin(), "hotel", id, tt.ask)
		if err != nil || !made.Label.Expires.Equal(tt.want) || made.Secret[:10] != "mint_live_" {
			t.Errorf("%s: expires %v, error %v; want %v and a secret that says live", tt.name, made.Label.Expires, err, tt.want)
		}
	}
}
