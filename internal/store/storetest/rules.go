package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func tenantNames(t *testing.T, s store.Store) {
	ctx := t.Context()
	create := func(tenant *mintage.Tenant) error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.CreateTenant(ctx, tenant) })
	}
	must(t, create(&mintage.Tenant{ID: "a", Issuer: "https://a.example", Aliases: []string{"a.internal", "a:9400"}}))
	wantErr(t, "another tenant's issuer", create(&mintage.Tenant{ID: "b", Issuer: "https://a.example"}), mintage.ErrExists)
	wantErr(t, "an alias twice",
		create(&mintage.Tenant{ID: "b", Issuer: "https://b.example", Aliases: []string{"b:9400", "b:9400"}}), mintage.ErrExists)
	// Paths may tell tenants with one alias apart, which is not the store's to know.
	must(t, create(&mintage.Tenant{ID: "b", Issuer: "https://b.example", Aliases: []string{"b.internal", "a:9400"}}))
	for name, b := range map[string]*mintage.Tenant{
		"issuer": {ID: "b", Issuer: "https://a.example"},
		"alias":  {ID: "b", Issuer: "https://b.example", Aliases: []string{"twice", "twice"}},
	} {
		err := s.Update(ctx, func(tx store.Tx) error { return tx.UpdateTenant(ctx, b) })
		wantErr(t, "update to a taken "+name, err, mintage.ErrExists)
	}
	got, err := s.Tenant(ctx, "b")
	must(t, err)
	diff(t, "tenant after refused updates", got,
		&mintage.Tenant{ID: "b", Issuer: "https://b.example", Aliases: []string{"b.internal", "a:9400"}, Meta: mintage.Meta{Version: 1}})
	// What a tenant gave up is free.
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateTenant(ctx, &mintage.Tenant{ID: "a", Issuer: "https://new.example"})
	})
	must(t, create(&mintage.Tenant{ID: "c", Issuer: "https://a.example", Aliases: []string{"a:9400"}}))
}

func tenantDeletion(t *testing.T, s store.Store) {
	ctx := t.Context()
	remove := func() error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.DeleteTenant(ctx, "acme") })
	}
	owned := []noun{organizationNoun(), resourceServerNoun(), clientNoun()}
	// The full ones name others, which would own the tenant too.
	alone := map[mintage.ChangeKind]any{
		mintage.ChangeClient: &mintage.Client{Tenant: "acme", ID: "x"}, mintage.ChangeOrganization: &mintage.Organization{Tenant: "acme", ID: "x"},
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateTenant(ctx, &mintage.Tenant{ID: "acme", Issuer: "https://acme.example"})
	})
	for _, n := range owned {
		v := n.a("acme", "x")
		if alone := alone[n.kind]; alone != nil {
			v = alone
		}
		must(t, change(ctx, s, n.create, v))
		wantErr(t, "tenant that owns a "+n.name, remove(), mintage.ErrConflict)
		must(t, s.Update(ctx, func(tx store.Tx) error { return n.remove(ctx, tx, "acme", "x") }))
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateSigningKey(ctx, &mintage.SigningKey{Tenant: "acme", ID: "k", Alg: "ES256"}); err != nil {
			return err
		}
		return tx.CreateRevocation(ctx, &mintage.Revocation{Tenant: "acme", ID: "r", KeyID: "k", Expires: at(9)})
	})
	must(t, remove())
	wantErr(t, "tenant deleted twice", remove(), mintage.ErrNotFound)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateTenant(ctx, &mintage.Tenant{ID: "acme", Issuer: "https://acme.example"})
	})
	if keys, err := s.SigningKeys(ctx, "acme"); err != nil || len(keys) > 0 {
		t.Errorf("a later tenant of the same name has %d keys (%v)", len(keys), err)
	}
	if list, err := s.Revocations(ctx, "acme", at(0)); err != nil || len(list) > 0 {
		t.Errorf("a later tenant of the same name has %d revocations (%v)", len(list), err)
	}
}

// parents: a row names nothing that is missing.
func parents(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, n := range nouns() {
		wantErr(t, n.name+" of no tenant", change(ctx, s, n.create, n.a("acme", "x")), mintage.ErrNotFound)
	}
	err := s.Update(ctx, func(tx store.Tx) error {
		return tx.CreateRevocation(ctx, &mintage.Revocation{Tenant: "acme", ID: "r", JTI: "j", Expires: at(1)})
	})
	wantErr(t, "Revocation of no tenant", err, mintage.ErrNotFound)

	prepare(t, s)
	for name, c := range map[string]*mintage.Client{
		"organization":                       {Tenant: "acme", ID: "x", Organization: "none"},
		"resource server":                    {Tenant: "acme", ID: "x", Grants: []mintage.Grant{{ResourceServer: "none"}}},
		"resource server of another tenant":  {Tenant: "other", ID: "x", Grants: []mintage.Grant{{ResourceServer: "acme-only"}}},
		"organization beside a known server": {Tenant: "acme", ID: "x", Organization: "none", Grants: []mintage.Grant{{ResourceServer: "orders"}}},
	} {
		wantErr(t, "client with a missing "+name, change(ctx, s, clientNoun().create, c), mintage.ErrNotFound)
	}
	o := &mintage.Organization{Tenant: "other", ID: "x", Grants: []mintage.Grant{{ResourceServer: "acme-only"}}}
	wantErr(t, "organization with a grant elsewhere", change(ctx, s, organizationNoun().create, o), mintage.ErrNotFound)
	must(t, change(ctx, s, clientNoun().create, simpleClient("x")))
	c := simpleClient("x")
	c.Organization = "none"
	wantErr(t, "update to a missing organization", change(ctx, s, clientNoun().update, c), mintage.ErrNotFound)
}

func inUse(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	must(t, change(ctx, s, clientNoun().create, fullClient("acme", "x")))
	removeOrg := func(tx store.Tx) error { return tx.DeleteOrganization(ctx, "acme", "org-1") }
	removeRS := func(tx store.Tx) error { return tx.DeleteResourceServer(ctx, "acme", "orders") }
	wantErr(t, "organization that owns a client", s.Update(ctx, removeOrg), mintage.ErrConflict)
	wantErr(t, "resource server with a grant", s.Update(ctx, removeRS), mintage.ErrConflict)
	// Those of the other tenant have the same names and are free.
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DeleteOrganization(ctx, "other", "org-1"); err != nil {
			return err
		}
		return tx.DeleteResourceServer(ctx, "other", "orders")
	})
	must(t, change(ctx, s, clientNoun().update, otherClient("acme", "x")))
	must(t, s.Update(ctx, removeOrg))
	granted := &mintage.Organization{Tenant: "acme", ID: "org-2", Grants: []mintage.Grant{{ResourceServer: "orders"}}}
	must(t, change(ctx, s, organizationNoun().update, granted))
	wantErr(t, "resource server that an organization was granted", s.Update(ctx, removeRS), mintage.ErrConflict)
	granted.Grants = nil
	must(t, change(ctx, s, organizationNoun().update, granted))
	must(t, s.Update(ctx, removeRS))
}

func resourceServerNames(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, n := t.Context(), resourceServerNoun()
	value := func(tenant, id, name string) any {
		return &mintage.ResourceServer{Tenant: tenant, Identifier: id, Name: name}
	}
	must(t, change(ctx, s, n.create, value("acme", "a", "api")))
	must(t, change(ctx, s, n.create, value("acme", "b", "")))
	must(t, change(ctx, s, n.create, value("acme", "c", ""))) // no name is no name
	must(t, change(ctx, s, n.create, value("other", "a", "api")))
	wantErr(t, "name taken", change(ctx, s, n.create, value("acme", "d", "api")), mintage.ErrExists)
	wantErr(t, "update to a taken name", change(ctx, s, n.update, value("acme", "b", "api")), mintage.ErrExists)
}

func clientZero(t *testing.T, s store.Store) {
	prepare(t, s)
	c := &mintage.Client{Tenant: "acme", ID: "x", Grants: []mintage.Grant{{ResourceServer: "orders"}}}
	must(t, change(t.Context(), s, clientNoun().create, c))
	got, err := s.Client(t.Context(), "acme", "x")
	must(t, err)
	diff(t, "client with zero members", got, c)
}

func clientTombstones(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, n := t.Context(), clientNoun()
	must(t, change(ctx, s, n.create, fullClient("acme", "x")))
	must(t, s.Update(ctx, func(tx store.Tx) error { return tx.DeleteClient(ctx, "acme", "x") }))
	wantErr(t, "identifier of a deleted client", change(ctx, s, n.create, fullClient("acme", "x")), mintage.ErrExists)
	must(t, change(ctx, s, n.create, fullClient("other", "x"))) // another tenant's is free

	// Deleted and created in one transaction.
	must(t, change(ctx, s, n.create, simpleClient("y")))
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.DeleteClient(ctx, "acme", "y"); err != nil {
			return err
		}
		return tx.CreateClient(ctx, simpleClient("y"))
	})
	wantErr(t, "deleted and created at once", err, mintage.ErrExists)
	if _, err := s.Client(ctx, "acme", "y"); err != nil {
		t.Errorf("the client is gone after a transaction that failed: %v", err)
	}
}

func clientsToPurge(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, n := t.Context(), clientNoun()
	early, late, never := fullClient("acme", "a"), fullClient("other", "b"), fullClient("acme", "c")
	early.PurgeAt, late.PurgeAt, never.PurgeAt = at(10), at(20), time.Time{}
	for _, c := range []*mintage.Client{early, late, never} {
		must(t, change(ctx, s, n.create, c))
	}
	for _, step := range []struct {
		now  int
		want []*mintage.Client
	}{{9, nil}, {10, []*mintage.Client{early}}, {20, []*mintage.Client{early, late}}} {
		got, err := s.ClientsToPurge(ctx, at(step.now))
		must(t, err)
		diff(t, "clients to purge", got, step.want)
	}
}

func countClients(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, n := t.Context(), clientNoun()
	got, err := s.CountClients(ctx)
	must(t, err)
	diff(t, "no clients", got, []store.ClientCount(nil))
	one, two, three := fullClient("acme", "a"), fullClient("acme", "b"), fullClient("other", "a")
	one.Disabled, two.Disabled, three.Disabled = false, true, false
	for _, c := range []*mintage.Client{three, one, two} {
		must(t, change(ctx, s, n.create, c))
	}
	got, err = s.CountClients(ctx)
	must(t, err)
	diff(t, "clients", got, []store.ClientCount{{Tenant: "acme", Clients: 2, Disabled: 1}, {Tenant: "other", Clients: 1}})
}

func signingKeyOrder(t *testing.T, s store.Store) {
	prepare(t, s)
	for i, id := range []string{"b", "c", "a"} {
		k := &mintage.SigningKey{Tenant: "acme", ID: id, Alg: "ES256", Created: at(i), VerifiesUntil: at(i + 1)}
		must(t, change(t.Context(), s, keyNoun().create, k))
	}
	got, err := keyNoun().list(t.Context(), s, "acme", store.Page{})
	must(t, err)
	diff(t, "keys, oldest first", got, []string{"b", "c", "a"})
}

func markExposed(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	c := otherClient("acme", "x")
	must(t, change(ctx, s, clientNoun().create, c))
	must(t, change(ctx, s, clientNoun().create, otherClient("other", "x")))
	last, err := s.LastChange(ctx)
	must(t, err)
	for _, step := range []struct{ mark, want int }{{10, 10}, {5, 10}, {11, 11}} {
		must(t, s.MarkExposed(ctx, "acme", "x", "s3", at(step.mark)))
		c.Secrets[0].Exposed = at(step.want)
		got, err := s.Client(ctx, "acme", "x")
		must(t, err)
		diff(t, "client with an exposed secret", got, c) // the version is as it was
	}
	if now, err := s.LastChange(ctx); err != nil || now != last {
		t.Errorf("the feed moved from %d to %d (%v)", last, now, err)
	}
	got, err := s.Client(ctx, "other", "x")
	must(t, err)
	if !got.Secrets[0].Exposed.IsZero() {
		t.Error("another tenant's secret is exposed too")
	}
	for _, missing := range [][3]string{{"none", "x", "s3"}, {"acme", "none", "s3"}, {"acme", "x", "none"}} {
		err := s.MarkExposed(ctx, missing[0], missing[1], missing[2], at(1))
		wantErr(t, "a secret that is not there", err, mintage.ErrNotFound)
	}
}
