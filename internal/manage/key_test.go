package manage_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
)

// KY-04: publish, wait, sign, keep for the longest life of a token.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	if _, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", "https://api.example", 0, manage.OnlyUnused, func(rs *mintage.ResourceServer) error {
		rs.Token.Lifetime = 36 * time.Hour
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	fresh, err := w.RotateKey(t.Context(), admin(), "hotel", "", keys.DefaultWait)
	if err != nil {
		t.Fatal(err)
	}
	ks, err := w.SigningKeys(t.Context(), "hotel")
	if err != nil || len(ks) != 2 {
		t.Fatalf("%d keys, error %v; want 2", len(ks), err)
	}
	i := slices.IndexFunc(ks, func(k *mintage.SigningKey) bool { return k.ID != fresh.ID })
	old, begins := ks[i], w.now.Add(keys.DefaultWait)
	if fresh.State(w.now) != mintage.KeyNext || !fresh.SignsFrom.Equal(begins) {
		t.Errorf("the new key is %s and signs from %v, want next and %v", fresh.State(w.now), fresh.SignsFrom, begins)
	}
	if old.State(w.now) != mintage.KeyActive || !old.SignsUntil.Equal(begins) || old.VerifiesUntil.Before(begins.Add(36*time.Hour)) {
		t.Errorf("the old key signs until %v and verifies until %v, want %v and 36 h more", old.SignsUntil, old.VerifiesUntil, begins)
	}
	if _, err := w.RotateKey(t.Context(), admin(), "hotel", "HS256", 0); len(mintage.FieldErrors(err)) == 0 {
		t.Errorf("HS256: got %v, want a field error", err)
	}
	if _, err := w.RotateKey(t.Context(), admin(), "none", "", 0); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such tenant: got %v, want ErrNotFound", err)
	}
}

func TestMakeMissingKeySharesTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := w.MakeMissingKey(t.Context(), "hotel", "RS256"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.algs(t, "hotel"); !slices.Equal(got, []string{"ES256", "RS256"}) {
		t.Errorf("keys of %q, want one of each", got)
	}
	if e := w.last(t); e.Action != "key.create" || e.Via != "server" {
		t.Errorf("audit row %+v, want key.create by the server", e)
	}
}

func TestNeededAlgs(t *testing.T) {
	t.Parallel()
	rsa := mintage.TokenSettings{Alg: "RS256"}
	for _, tt := range []struct {
		name   string
		tenant mintage.Tenant
		server mintage.ResourceServer
		client mintage.TokenSettings
		rsaToo bool
	}{
		{name: "by default"},
		{name: "the tenant's", tenant: mintage.Tenant{Token: rsa}, rsaToo: true},
		{name: "a dialect's", tenant: mintage.Tenant{TokenPaths: map[string]string{"/a": "rfc", "/b": "myparcel"}}, rsaToo: true},
		{name: "a stored dialect's", tenant: mintage.Tenant{TokenPaths: map[string]string{"/a": "doorkeeper"}}},
		{name: "a resource server's", server: mintage.ResourceServer{Token: rsa}, rsaToo: true},
		{name: "a client's", client: rsa, rsaToo: true},
	} {
		want := []string{"ES256"}
		if tt.rsaToo {
			want = append(want, "RS256")
		}
		got := manage.NeededAlgs(&tt.tenant, []*mintage.ResourceServer{&tt.server}, []mintage.TokenSettings{tt.client})
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, want)
		}
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	before := len(w.events(t))
	for range 2 { // revoking twice is revoking
		if err := w.RevokeToken(t.Context(), admin(), "hotel", "the-jti", id, w.now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.RevokeToken(t.Context(), admin(), "hotel", "ended", id, w.now); err != nil {
		t.Errorf("a token that has ended: %v", err)
	}
	if err := w.RevokeClientTokens(t.Context(), admin(), "hotel", id, w.now); err != nil {
		t.Fatal(err)
	}
	rs, err := w.Store.Revocations(t.Context(), "hotel", w.now)
	if err != nil || len(rs) != 2 {
		t.Errorf("%d revocations, error %v; want the token's and the client's", len(rs), err)
	}
	if n := len(w.events(t)) - before; n != 2 {
		t.Errorf("%d audit rows, want 2", n)
	}
	for name, err := range map[string]error{
		"tenant": w.RevokeToken(t.Context(), admin(), "none", "jti", "", time.Time{}),
		"client": w.RevokeClientTokens(t.Context(), admin(), "hotel", "none", w.now),
	} {
		if !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("no such %s: got %v, want ErrNotFound", name, err)
		}
	}
}
