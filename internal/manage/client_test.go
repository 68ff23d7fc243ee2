package manage_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

func TestCreateClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	made := w.client(t)
	got, err := w.Client(t.Context(), "hotel", made.Client.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.ID, "mc_") || !secret.WellFormed(made.Secret) || !strings.HasPrefix(made.Secret, "mint_test_") {
		t.Errorf("client %q with the secret %q: want mc_… and mint_test_…", got.ID, made.Secret)
	}
	if diff := cmp.Diff(made.Client, got); diff != "" {
		t.Errorf("what was returned is not what was stored (-returned +stored):\n%s", diff)
	}
	want := []mintage.Grant{{ResourceServer: "https://api.example", Scopes: []string{"orders/read"}}}
	if diff := cmp.Diff(want, got.Grants); diff != "" {
		t.Errorf("grants by name are not stored by identifier (-want +got):\n%s", diff)
	}
	if got.DefaultScope.Mode != mintage.DefaultScopeAll || !slices.Equal(got.GrantTypes, grants) {
		t.Errorf("default scope %q, grant types %q; want all and client_credentials", got.DefaultScope.Mode, got.GrantTypes)
	}
	s := got.Secrets[0]
	if s.Name != "2026-11-21" || s.Hint != secret.Hint(made.Secret) || s.CreatedBy != "mc_admin" || !s.Expires.IsZero() {
		t.Errorf("secret: got %+v, want today's label, the hint, its maker and no end", &s)
	}
	if err := w.verify(t, "hotel", got.ID, made.Secret); err != nil {
		t.Errorf("the secret that was returned is refused: %v", err)
	}
}

// KY-03, AD-14: the secret is nowhere but in the answer.
func TestSecretIsNowhereReadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.hotel(t, "hotel")
	made := w.client(t)
	more, err := w.AddSecret(t.Context(), admin(), "hotel", made.Client.ID, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, plain := range []string{made.Secret, more.Secret} {
			// The hint has its last four characters: look for what comes before.
			body := strings.TrimPrefix(plain, "mint_test_")
			if bytes.Contains(data, []byte(body[:len(body)-6])) {
				t.Errorf("%s holds a secret in the clear", path)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("looked through %d files, error %v", files, err)
	}
	if s := made.String(); strings.Contains(s, made.Secret) {
		t.Errorf("Credentials print the secret: %s", s)
	}
}

// TE-33: an identifier that somebody chose could look like another's.
func TestCreateClientRefusals(t *testing.T) { //nolint:tparallel // each counts the audit rows
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	grant := func(rs string, scopes ...string) []mintage.Grant {
		return []mintage.Grant{{ResourceServer: rs, Scopes: scopes}}
	}
	for _, tt := range []struct {
		name, pointer string
		client        mintage.Client
		secret        manage.NewSecret
	}{
		{"TE-33 an identifier of its own", "/client_id", mintage.Client{ID: "chosen", Name: "x"}, manage.NewSecret{}},
		{"no name", "/name", mintage.Client{}, manage.NewSecret{}},
		{"unknown resource server", "/grants/0/resource_server", mintage.Client{Name: "x", Grants: grant("other", "a")}, manage.NewSecret{}},
		{"unknown scope", "/grants/0/scopes/0", mintage.Client{Name: "x", Grants: grant("api", "orders/eat")}, manage.NewSecret{}},
		{"unknown organization", "/organization", mintage.Client{Name: "x", Organization: "acme"}, manage.NewSecret{}},
		{"an end before the beginning", "/secret/expires_in", mintage.Client{Name: "x"}, manage.NewSecret{Lifetime: -time.Second}},
		{"an end and none", "/secret/no_expiry", mintage.Client{Name: "x"}, manage.NewSecret{Lifetime: time.Hour, Forever: true}},
		{"a label of two lines", "/secret/name", mintage.Client{Name: "x"}, manage.NewSecret{Name: "a\nb"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.client
			c.Tenant = "hotel"
			before := len(w.events(t))
			made, err := w.CreateClient(t.Context(), admin(), &c, tt.secret)
			fields := mintage.FieldErrors(err)
			if made != nil || len(fields) == 0 || fields[0].Pointer != tt.pointer {
				t.Errorf("got %v and %v, want an error at %s", made, err, tt.pointer)
			}
			if n := len(w.events(t)); n != before {
				t.Errorf("a refused client left %d audit rows", n-before)
			}
		})
	}
}

// Nobody gives a client a right at the admin API that it has not itself, and
// nobody opens, takes or ends one that has more.
func TestAdminScopesAreHandedOnOnlyByWhoHasThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	small := admin()
	small.Actor.Tenant = "hotel"
	small.Scope = oauth.NewScope("mintage/clients:write", "mintage/clients:read")
	with := func(scopes ...string) *mintage.Client {
		return &mintage.Client{
			Tenant: "hotel", Name: "x", Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: scopes}},
		}
	}
	big, err := w.CreateClient(t.Context(), admin(), with("*"), manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.CreateClient(t.Context(), small, with("clients:read"), manage.NewSecret{})
	if err != nil {
		t.Fatalf("a right that the actor has: %v", err)
	}
	grant := func(c *mintage.Client) error {
		c.Grants[0].Scopes = []string{"keys:write"}
		return nil
	}
	for name, do := range map[string]func() error{
		"create with all": func() error {
			_, err := w.CreateClient(t.Context(), small, with("*"), manage.NewSecret{})
			return err
		},
		"create with another": func() error {
			_, err := w.CreateClient(t.Context(), small, with("clients:read", "keys:write"), manage.NewSecret{})
			return err
		},
		"create by nobody": func() error {
			_, err := w.CreateClient(t.Context(), manage.By{}, with("clients:read"), manage.NewSecret{})
			return err
		},
		"grant": func() error {
			_, err := w.UpdateClient(t.Context(), small, "hotel", own.Client.ID, 0, grant)
			return err
		},
		"take": func() error {
			_, err := w.UpdateClient(t.Context(), small, "hotel", big.Client.ID, 0, func(c *mintage.Client) error { c.Grants = nil; return nil })
			return err
		},
		"open": func() error {
			_, err := w.AddSecret(t.Context(), small, "hotel", big.Client.ID, manage.NewSecret{})
			return err
		},
		"lock out": func() error {
			return w.RevokeSecret(t.Context(), small, "hotel", big.Client.ID, "2026-11-21", true)
		},
		"delete": func() error { return w.DeleteClient(t.Context(), small, "hotel", big.Client.ID, 0) },
	} {
		var rule *manage.Refusal
		if err := do(); !errors.As(err, &rule) || rule.Reason != "scope.not_granted" || !rule.Denied {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

func TestUpdateClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	made := w.client(t)
	id := made.Client.ID
	w.now = w.now.Add(time.Minute)
	got, err := w.UpdateClient(t.Context(), admin(), "hotel", id, 1, func(c *mintage.Client) error {
		c.ID, c.Secrets = "other", nil // neither is the function's to change
		c.Disabled, c.DisabledReason = true, "left the programme"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.Version != 2 || len(got.Secrets) != 1 || !got.Updated.Equal(w.now) {
		t.Errorf("got %+v, want the same client with version 2, its secret and a new time", got)
	}
	es := w.events(t)
	if es[0].Action != "token.revoke" || es[1].Action != "client.update" {
		t.Errorf("audit: %s and %s, want client.update and then token.revoke (AD-11)", es[1].Action, es[0].Action)
	}
	if want := `{"disabled":true,"disabled_reason":"left the programme"}`; string(es[1].After) != want || es[1].Before != nil {
		t.Errorf("audit row: before %s, after %s; want nothing and %s", es[1].Before, es[1].After, want)
	}
	revocations, err := w.Store.Revocations(t.Context(), "hotel", w.now)
	if err != nil || len(revocations) != 1 || revocations[0].ClientID != id {
		t.Errorf("revocations %v, error %v; want the client's (AD-11)", revocations, err)
	}
	if _, err := w.UpdateClient(t.Context(), admin(), "hotel", id, 1, func(*mintage.Client) error { return nil }); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("a stale version: got %v, want ErrConflict", err)
	}
	got, err = w.UpdateClient(t.Context(), admin(), "hotel", id, 2, func(c *mintage.Client) error {
		c.Disabled, c.PurgeAt = false, w.now
		return nil
	})
	if err != nil || got.DisabledReason != "" || !got.PurgeAt.IsZero() {
		t.Errorf("enabled: %+v, %v; want no reason and no purge", got, err)
	}
	if _, err := w.UpdateClient(t.Context(), admin(), "hotel", "mc_none", 0, nil); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such client: got %v, want ErrNotFound", err)
	}
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	if err := w.DeleteClient(t.Context(), admin(), "hotel", id, 7); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("a stale version: got %v, want ErrConflict", err)
	}
	if err := w.DeleteClient(t.Context(), admin(), "hotel", id, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Client(t.Context(), "hotel", id); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("after deletion: %v, want ErrNotFound", err)
	}
	if err := w.DeleteClient(t.Context(), admin(), "hotel", id, 0); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("deleted twice: %v, want ErrNotFound", err)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	due, later := w.client(t).Client.ID, w.client(t).Client.ID
	for id, wait := range map[string]time.Duration{due: time.Hour, later: 2 * time.Hour} {
		if _, err := w.UpdateClient(t.Context(), admin(), "hotel", id, 0, func(c *mintage.Client) error {
			c.Disabled, c.PurgeAt = true, w.now.Add(wait)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(time.Hour)
	if n, _, err := w.Purge(t.Context()); n != 1 || err != nil {
		t.Errorf("purged %d clients, error %v; want 1", n, err)
	}
	if _, err := w.Client(t.Context(), "hotel", due); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("the client that was due: %v, want ErrNotFound", err)
	}
	if _, err := w.Client(t.Context(), "hotel", later); err != nil {
		t.Errorf("the client that was not due: %v", err)
	}
}
