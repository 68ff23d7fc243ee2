package manage_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// reads counts what is read, by tenant, and how often all tenants are.
type reads struct {
	mu      sync.Mutex
	tenants map[string]bool
	lists   int
}

func (r *reads) note(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tenant == "" {
		r.lists++
		return
	}
	r.tenants[tenant] = true
}

func (r *reads) take() (tenants []string, lists int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tenants, lists = slices.Sorted(maps.Keys(r.tenants)), r.lists
	r.tenants, r.lists = map[string]bool{}, 0
	return tenants, lists
}

// readStore and readTx tell what is read through them.
type readStore struct {
	store.Store
	*reads
}

func (s readStore) Tenants(ctx context.Context, p store.Page) ([]*mintage.Tenant, error) {
	s.note("")
	return s.Store.Tenants(ctx, p)
}

func (s readStore) Clients(ctx context.Context, tenant string, p store.Page) ([]*mintage.Client, error) {
	s.note(tenant)
	return s.Store.Clients(ctx, tenant, p)
}

func (s readStore) ResourceServers(ctx context.Context, tenant string, p store.Page) ([]*mintage.ResourceServer, error) {
	s.note(tenant)
	return s.Store.ResourceServers(ctx, tenant, p)
}

func (s readStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return fn(readTx{tx, s.reads}) })
}

type readTx struct {
	store.Tx
	*reads
}

func (t readTx) Tenants(ctx context.Context, p store.Page) ([]*mintage.Tenant, error) {
	t.note("")
	return t.Tx.Tenants(ctx, p)
}

func (t readTx) Clients(ctx context.Context, tenant string, p store.Page) ([]*mintage.Client, error) {
	t.note(tenant)
	return t.Tx.Clients(ctx, tenant, p)
}

func (t readTx) ResourceServers(ctx context.Context, tenant string, p store.Page) ([]*mintage.ResourceServer, error) {
	t.note(tenant)
	return t.Tx.ResourceServers(ctx, tenant, p)
}

// Plans, applies and new tenants read nothing of the tenants that they are not
// about: what they cost does not grow with the number of tenants.
func TestReadsOnlyWhatItIsAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 30 {
		w.hotel(t, fmt.Sprintf("other-%02d", i))
	}
	w.hotel(t, "hotel")
	r := &reads{tenants: map[string]bool{}}
	w.Store = readStore{w.Store, r}
	about := func(what string, want ...string) {
		t.Helper()
		tenants, lists := r.take()
		if lists > 0 {
			t.Errorf("%s: all tenants were read %d times", what, lists)
		}
		if diff := cmp.Diff(want, tenants); diff != "" {
			t.Errorf("%s: nouns read of (-want +got)\n%s", what, diff)
		}
	}
	one := `{"apiVersion": "mintage/v1", "clients": [{"id": "printer", "name": "NAME", "tenants": ["TENANT"], "grants": []}]}`
	of := func(tenant, name string) *apply.State {
		return state(t, strings.NewReplacer("TENANT", tenant, "NAME", name).Replace(one))
	}
	d := manage.Declared{State: of("hotel", "Printer"), Source: source}
	if p, err := w.Plan(t.Context(), admin(), d); err != nil || p.Empty() {
		t.Fatal(p, err)
	}
	about("plan", "hotel")
	if _, err := w.Apply(t.Context(), admin(), d); err != nil {
		t.Fatal(err)
	}
	about("apply", "hotel")
	if _, err := w.Apply(t.Context(), admin(), manage.Declared{State: of("other-07", "Moved"), Source: source}); err != nil {
		t.Fatal(err)
	}
	about("apply of a file that manages something elsewhere", "hotel", "other-07")
	if _, err := w.CreateTenant(t.Context(), admin(), &mintage.Tenant{ID: "new", Issuer: "https://new.example"}); err != nil {
		t.Fatal(err)
	}
	about("a new tenant", "new")
	// What is not read is guarded all the same.
	for what, tenant := range map[string]string{
		"issuer": `{"id": "taken", "issuer": "https://other-03.example:443"}`,
		"alias":  `{"id": "taken", "issuer": "https://taken.example", "aliases": ["other-03.example"]}`,
	} {
		s := state(t, `{"apiVersion": "mintage/v1", "tenants": [`+tenant+`]}`)
		_, err := w.Plan(t.Context(), admin(), manage.Declared{State: s, Source: source})
		if err == nil || !strings.Contains(err.Error(), "other-03") {
			t.Errorf("the %s of another tenant: %v", what, err)
		}
	}
}
