package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/store"
)

// MD-01, MD-06: the Host chooses a tenant among those configured, and nothing
// else does.
func TestResolve(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t,
		&mintage.Tenant{ID: "root", Issuer: "https://auth.example", Aliases: []string{"mintage.svc:9400", "Auth2.example"}},
		&mintage.Tenant{ID: "prod", Issuer: "https://auth.example/acme"},
		&mintage.Tenant{ID: "deep", Issuer: "https://auth.example/acme/eu/v2", Aliases: []string{"deep.svc:443"}},
		&mintage.Tenant{ID: "off", Issuer: "https://auth.example/off", Disabled: true},
		&mintage.Tenant{ID: "local", Issuer: "http://127.0.0.1:9400"},
		&mintage.Tenant{ID: "six", Issuer: "http://[::1]:80/t"},
		&mintage.Tenant{ID: mintage.BuiltInTenant, Issuer: "https://admin.example"},
	)
	for _, tt := range []struct{ host, path, want, rest string }{
		{"auth.example", "/oauth2/token", "root", "/oauth2/token"},
		{"AUTH.example:443", "/oauth2/token", "root", "/oauth2/token"},
		{"auth.example:80", "/oauth2/token", "root", "/oauth2/token"},
		{"auth.example:8443", "/oauth2/token", "", ""},
		{"mintage.svc:9400", "/oauth2/token", "root", "/oauth2/token"},
		{"mintage.svc", "/oauth2/token", "", ""},
		{"auth2.EXAMPLE", "/", "root", "/"},
		{"auth.example", "", "root", ""},
		{"auth.example", "/acme/oauth2/token", "prod", "/oauth2/token"},
		{"auth.example", "/acme", "prod", ""},
		{"auth.example", "/acme/", "prod", "/"},
		{"auth.example", "/acmecorp/oauth2/token", "root", "/acmecorp/oauth2/token"},
		{"auth.example", "/ACME/oauth2/token", "root", "/ACME/oauth2/token"},
		{"auth.example", "/acme%2Foauth2/token", "root", "/acme%2Foauth2/token"},
		{"auth.example", "/acme/eu/oauth2/token", "prod", "/eu/oauth2/token"},
		{"auth.example", "/acme/eu/v2/oauth2/token", "deep", "/oauth2/token"},
		{"auth.example", "/acme/eu/v22", "prod", "/eu/v22"},
		{"deep.svc", "/acme/eu/v2/jwks", "deep", "/jwks"},
		{"deep.svc", "/jwks", "", ""},
		{"auth.example", "/off/oauth2/token", "", ""},
		{"127.0.0.1:9400", "/oauth2/token", "local", "/oauth2/token"},
		{"127.0.0.1", "/oauth2/token", "", ""},
		{"[::1]", "/t/jwks", "six", "/jwks"},
		{"admin.example", "/oauth2/token", "", ""}, // reached by its listener alone
		{"", "/oauth2/token", "", ""},
		{"auth.example", "*", "", ""},
		{"auth.example", "oauth2/token", "", ""},
		{"auth.example", strings.Repeat("/", 1<<16), "root", strings.Repeat("/", 1<<16)},
		// RFC 8414 §3.1, and appended as OpenID Discovery has it.
		{"auth.example", "/.well-known/oauth-authorization-server", "root", "/.well-known/oauth-authorization-server"},
		{"auth.example", "/.well-known/oauth-authorization-server/acme", "prod", "/.well-known/oauth-authorization-server"},
		{"auth.example", "/.well-known/openid-configuration/acme/eu/v2", "deep", "/.well-known/openid-configuration"},
		{"auth.example", "/acme/.well-known/openid-configuration", "prod", "/.well-known/openid-configuration"},
		{"auth.example", "/.well-known/oauth-authorization-server/off", "", ""},
		{"auth.example", "/.well-known/oauth-authorization-server/acme/", "root", "/.well-known/oauth-authorization-server/acme/"},
		{"auth.example", "/.well-known/jwks.json/acme", "root", "/.well-known/jwks.json/acme"},
	} {
		got, rest, err := r.Resolve(t.Context(), tt.host, tt.path)
		id := ""
		if err == nil {
			id = got.ID
		} else if !errors.Is(err, mintage.ErrNotFound) {
			t.Fatal(err)
		}
		if id != tt.want || rest != tt.rest {
			t.Errorf("%q %.60q: got %q %.60q, want %q %.60q", tt.host, tt.path, id, rest, tt.want, tt.rest)
		}
	}
}

func TestTenantByIdentifierAndIssuer(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t,
		&mintage.Tenant{ID: "off", Issuer: "https://auth.example/off", Disabled: true},
		&mintage.Tenant{ID: mintage.BuiltInTenant, Issuer: "https://admin.example"},
	)
	if got, err := r.Tenant(t.Context(), "off"); err != nil || got.ID != "off" {
		t.Errorf("a disabled tenant by its identifier: got %v, %v", got, err)
	}
	if got, err := r.TenantByIssuer(t.Context(), "https://admin.example"); err != nil || got.ID != mintage.BuiltInTenant {
		t.Errorf("the built-in tenant by its issuer: got %v, %v", got, err)
	}
	// RS-11: exactly equal.
	for _, issuer := range []string{"https://auth.example/off", "https://admin.example/", "https://ADMIN.example", ""} {
		if got, err := r.TenantByIssuer(t.Context(), issuer); !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("issuer %q: got %v, %v, want ErrNotFound", issuer, got, err)
		}
	}
	if _, err := r.Tenant(t.Context(), "nobody"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestRest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		issuer, path, rest string
		ok                 bool
	}{
		{"https://admin.example", "/oauth2/token", "/oauth2/token", true},
		{"https://admin.example/m", "/m/oauth2/token", "/oauth2/token", true},
		{"https://admin.example/m", "/oauth2/token", "", false},
		{"https://admin.example/m", "/mm/oauth2/token", "", false},
		{"https://admin.example/m", "/.well-known/oauth-authorization-server/m", "/.well-known/oauth-authorization-server", true},
	} {
		rest, ok := directory.Rest(&mintage.Tenant{Issuer: tt.issuer}, tt.path)
		if rest != tt.rest || ok != tt.ok {
			t.Errorf("%s %s: got %q, %v, want %q, %v", tt.issuer, tt.path, rest, ok, tt.rest, tt.ok)
		}
	}
}

// TestTenantChanges reads only the tenants that changed.
func TestTenantChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	if _, _, err := r.Resolve(t.Context(), "auth.example", "/"); err != nil {
		t.Fatal(err)
	}
	moved := acme()
	moved.Issuer, moved.Created, moved.Updated = "https://new.example", noon, noon
	r.write(t, func(tx store.Tx) error { return tx.UpdateTenant(t.Context(), moved) })
	r.sync(t)
	if _, _, err := r.Resolve(t.Context(), "auth.example", "/"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("old issuer: got %v, want ErrNotFound", err)
	}
	if got, _, err := r.Resolve(t.Context(), "new.example", "/"); err != nil || got.ID != "acme" {
		t.Errorf("new issuer: got %v, %v", got, err)
	}
	r.write(t, func(tx store.Tx) error { return tx.DeleteTenant(t.Context(), "acme") })
	r.sync(t)
	if _, _, err := r.Resolve(t.Context(), "new.example", "/"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("deleted: got %v, want ErrNotFound", err)
	}
	if n := r.src.tenantsReads.Load(); n != 1 {
		t.Errorf("all tenants were read %d times, want 1", n)
	}
}

// crowd is a source of tenants that the engine would take long to write.
type crowd struct {
	directory.Source
	tenants []*mintage.Tenant
}

func (crowd) LastChange(context.Context) (int64, error) { return 0, nil }

func (c crowd) Tenants(context.Context, store.Page) ([]*mintage.Tenant, error) { return c.tenants, nil }

func TestManyTenants(t *testing.T) {
	t.Parallel()
	const many = 10_000
	c := crowd{tenants: make([]*mintage.Tenant, many)}
	for i := range c.tenants {
		c.tenants[i] = &mintage.Tenant{ID: fmt.Sprint("t", i), Issuer: fmt.Sprintf("https://h%d.example/t%d", i%10, i)}
	}
	d := directory.New(directory.Config{Store: c})
	for i, want := range c.tenants {
		got, rest, err := d.Resolve(t.Context(), fmt.Sprintf("h%d.example", i%10), fmt.Sprintf("/t%d/jwks", i))
		if err != nil || got != want || rest != "/jwks" {
			t.Fatalf("%s: got %v %q, %v", want.Issuer, got, rest, err)
		}
	}
}
