package manage_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
)

func (w *world) wantDrift(t *testing.T, when string, want map[string]int) {
	t.Helper()
	got, err := w.Drift(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: drift %v, want %v", when, got, want)
	}
}

// What is edited by hand drifts until the file is applied again, or says the
// same; secrets never do.
func TestDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	text := strings.Replace(declared, "GENERATED", secret.Generate(false), 1)
	apply := func(text, source string) {
		t.Helper()
		if _, err := w.Apply(ctx, admin(), manage.Declared{State: state(t, text), Source: source}); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(name string) {
		t.Helper()
		if _, err := w.UpdateClient(ctx, admin(), "sandbox", "desk", 0, func(c *mintage.Client) error { c.Name = name; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	w.wantDrift(t, "before any file", map[string]int{})
	apply(text, source)
	none := map[string]int{"sandbox": 0}
	w.wantDrift(t, "as applied", none)
	if _, err := w.RotateSecret(ctx, admin(), "sandbox", "printer", manage.Rotation{}); err != nil {
		t.Fatal(err)
	}
	w.wantDrift(t, "after a rotation", none)
	rename("By hand")
	w.wantDrift(t, "a client renamed by hand", map[string]int{"sandbox": 1})
	if _, err := w.UpdateTenant(ctx, admin(), "sandbox", 0, func(tn *mintage.Tenant) error { tn.Issuer = "https://moved.example"; return nil }); err != nil {
		t.Fatal(err)
	}
	w.wantDrift(t, "and the issuer", map[string]int{"sandbox": 2})
	apply(text, source)
	w.wantDrift(t, "applied again", none)
	rename("By hand")
	changed := strings.Replace(text, `"name": "Desk"`, `"name": "By hand"`, 1)
	apply(changed, source)
	w.wantDrift(t, "the file says what the hand did, so that nothing changes", none)
	// A client that the file does not speak of any more, and one of its own.
	w.hotel(t, "hotel")
	w.wantDrift(t, "what no file declares", none)
	apply(changed, "apply other.yaml")
	rename("By hand again")
	w.wantDrift(t, "another file took over", map[string]int{"sandbox": 1})
	// The database has none of it to read.
	rows, err := w.Store.DataKeys(ctx, "applied/")
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d states are kept, %v", len(rows), err)
	}
	for _, row := range rows {
		if strings.Contains(string(row.Sealed), "sandbox") {
			t.Error("a state is kept in the clear")
		}
		plain, err := w.Vault.Open(row.Name, row.Sealed)
		if err != nil || strings.Contains(string(plain), "correct horse") || strings.Contains(string(plain), "sha256:") {
			t.Errorf("a state is kept with its secrets: %v", err)
		}
	}
}

// A file that could not be applied again is no drift of nothing.
func TestDriftBroken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	const tenants = `{"apiVersion": "mintage/v1", "tenants": [{"id": "a", "issuer": "https://a.example"}]}`
	if _, err := w.Apply(ctx, admin(), manage.Declared{State: state(t, tenants), Source: source}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UpdateTenant(ctx, admin(), "a", 0, func(tn *mintage.Tenant) error { tn.Issuer = "https://moved.example"; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateTenant(ctx, admin(), &mintage.Tenant{ID: "b", Issuer: "https://a.example"}); err != nil {
		t.Fatal(err)
	}
	w.wantDrift(t, "another tenant has the place", map[string]int{"a": 1})
}
