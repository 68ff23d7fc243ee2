package storetest

import (
	"context"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// tenantsAt: of the tenants that share a host, those with the path.
func tenantsAt(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, tenant := range []*mintage.Tenant{
			{ID: "root", Issuer: "https://auth.acme.example:443", Aliases: []string{"inside"}},
			{ID: "path", Issuer: "https://auth.acme.example/path", Aliases: []string{"inside:80", "else"}},
			{ID: "deep", Issuer: "https://auth.acme.example/path/deep"},
			{ID: "port", Issuer: "https://auth.acme.example:8443"},
			{ID: "loop", Issuer: "http://localhost:80/path"},
		} {
			if err := tx.CreateTenant(ctx, tenant); err != nil {
				return err
			}
		}
		return nil
	})
	place := func(host, path string) mintage.Place { return mintage.Place{Host: host, Path: path} }
	for _, c := range []struct {
		places []mintage.Place
		want   []string
	}{
		{nil, nil},
		{[]mintage.Place{place("auth.acme.example", "")}, []string{"root"}},
		{[]mintage.Place{place("inside", "")}, []string{"root"}},
		{[]mintage.Place{place("inside", "/path")}, []string{"path"}},
		{[]mintage.Place{place("else", "")}, nil},
		{[]mintage.Place{place("auth.acme.example:8443", ""), place("auth.acme.example", "/path"), place("inside", "/path")}, []string{"path", "port"}},
		{[]mintage.Place{place("localhost", "/path")}, []string{"loop"}},
		{[]mintage.Place{place("auth.acme.example", "/pat%")}, nil},
	} {
		check := func(ctx context.Context, r store.Reader) {
			list, err := r.TenantsAt(ctx, c.places)
			must(t, err)
			var got []string
			for _, tenant := range list {
				got = append(got, tenant.ID)
			}
			diff(t, "tenants there", got, c.want)
		}
		check(t.Context(), s)
		update(t, s, func(ctx context.Context, tx store.Tx) error { check(ctx, tx); return nil })
	}
	list, err := s.TenantsAt(t.Context(), []mintage.Place{place("else", "/path")})
	must(t, err)
	whole, err := s.Tenant(t.Context(), "path")
	must(t, err)
	diff(t, "a tenant found by its place", list, []*mintage.Tenant{whole})
}

// managedTenants: by what they are and by what they own.
func managedTenants(t *testing.T, s store.Store) {
	const mine = "apply mine.yaml"
	meta := func(by string) mintage.Meta { return mintage.Meta{ManagedBy: by} }
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, id := range []string{"e", "d", "c", "b", "a"} {
			tenant := &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example"}
			if id == "a" {
				tenant.Meta = meta(mine)
			}
			if err := tx.CreateTenant(ctx, tenant); err != nil {
				return err
			}
		}
		for _, err := range []error{
			tx.CreateOrganization(ctx, &mintage.Organization{Tenant: "b", ID: "o", Meta: meta(mine)}),
			tx.CreateResourceServer(ctx, &mintage.ResourceServer{Tenant: "c", Identifier: "https://rs.example", Meta: meta(mine)}),
			tx.CreateClient(ctx, &mintage.Client{Tenant: "d", ID: "x", Meta: meta(mine)}),
			tx.CreateClient(ctx, &mintage.Client{Tenant: "d", ID: "y", Meta: meta(mine)}),
			tx.CreateClient(ctx, &mintage.Client{Tenant: "e", ID: "x", Meta: meta("apply other.yaml")}),
		} {
			if err != nil {
				return err
			}
		}
		got, err := tx.ManagedTenants(ctx, mine)
		diff(t, "in the transaction", got, []string{"a", "b", "c", "d"})
		return err
	})
	for source, want := range map[string][]string{mine: {"a", "b", "c", "d"}, "apply other.yaml": {"e"}, "apply": nil} {
		got, err := s.ManagedTenants(t.Context(), source)
		must(t, err)
		diff(t, source, got, want)
	}
}
