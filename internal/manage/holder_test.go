package manage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

const api = "https://api.example"

// holders makes clients and an organization that hold scopes of the API in each
// way there is.
func (w *world) holders(t *testing.T) map[string]*mintage.Client {
	t.Helper()
	w.hotel(t, "hotel")
	out := map[string]*mintage.Client{}
	for name, c := range map[string]*mintage.Client{
		"reads":    {Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"orders/read"}}}},
		"all":      {Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"*"}}}},
		"defaults": {Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"*"}}}, DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope("orders/read", "orders/write")}},
		"both":     {Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"orders/read", "orders/write"}}}},
		"none":     {},
	} {
		c.Tenant, c.Name = "hotel", name
		made, err := w.CreateClient(t.Context(), admin(), c, manage.NewSecret{})
		if err != nil {
			t.Fatal(err)
		}
		out[name] = made.Client
	}
	if _, err := w.CreateOrganization(t.Context(), admin(), &mintage.Organization{
		Tenant: "hotel", ID: "acme", Name: "Acme", Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"orders/read"}}},
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// access returns what a client may have, as text.
func (w *world) access(t *testing.T, c *mintage.Client) string {
	t.Helper()
	now, err := w.Client(t.Context(), c.Tenant, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range now.Grants {
		fmt.Fprintf(&b, "%s ", strings.Join(g.Scopes, ","))
	}
	return fmt.Sprintf("%s%s[%v] v%d", b.String(), now.DefaultScope.Mode, now.DefaultScope.Scopes, now.Version)
}

func without(name string) func(*mintage.ResourceServer) error {
	return func(rs *mintage.ResourceServer) error {
		rs.Scopes = slices.DeleteFunc(rs.Scopes, func(d mintage.ScopeDefinition) bool { return d.Name == name })
		return nil
	}
}

// A scope that somebody holds is not removed before it is said that they lose
// it; then it is taken from them in the same transaction, each with an audit row.
func TestRemoveScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Store = twice{w.Store}
	held := w.holders(t)
	rows := len(w.events(t))
	_, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, manage.OnlyUnused, without("orders/read"))
	r, ok := errors.AsType[*manage.Refusal](err)
	if !ok || r.Reason != "object.in_use" || len(r.Members) != 1 || r.Members[0].Pointer != "/scopes/orders~1read" {
		t.Fatalf("got %+v, want object.in_use with the scope", err)
	}
	for _, name := range []string{"reads", "defaults", "both"} {
		if !strings.Contains(r.Members[0].Message, held[name].ID) || !strings.Contains(r.Message, held[name].ID) {
			t.Errorf("the refusal does not name %s: %s", name, r.Members[0].Message)
		}
	}
	if !strings.Contains(r.Message, `the organization "Acme" (acme)`) || strings.Contains(r.Message, held["all"].ID) || strings.Contains(r.Message, held["none"].ID) {
		t.Errorf("the refusal names %s", r.Message)
	}
	if now := len(w.events(t)); now != rows {
		t.Errorf("%d audit rows of a refused change", now-rows)
	}
	few := admin()
	few.Scope = oauth.NewScope("mintage/resource_servers:write", "mintage/clients:write")
	if _, err := w.UpdateResourceServer(t.Context(), few, "hotel", api, 0, manage.Cascade, without("orders/read")); reason(err) != "scope.not_granted" {
		t.Errorf("without the right to change organizations: %v, want scope.not_granted", err)
	}
	if _, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, manage.Cascade, without("orders/read")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"reads": "all[] v2", "all": "* all[] v1", "defaults": "* list[orders/write] v2", "both": "orders/write all[] v2", "none": "[] v1",
	} {
		if got := w.access(t, held[name]); got != want {
			t.Errorf("%s may have %q, want %q", name, got, want)
		}
	}
	o, err := w.Organization(t.Context(), "hotel", "acme")
	if err != nil || len(o.Grants) != 0 {
		t.Errorf("the organization has %+v, %v; want no grant", o.Grants, err)
	}
	var actions []string
	for _, e := range w.events(t)[:len(w.events(t))-rows] {
		actions = append(actions, e.Action)
	}
	slices.Sort(actions)
	if want := []string{"client.update", "client.update", "client.update", "organization.update", "resource_server.update"}; !slices.Equal(actions, want) {
		t.Errorf("audit rows %q, want %q", actions, want)
	}
}

// What nobody holds goes without asking, and what a file declares is no other.
func TestRemoveUnusedScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	w.client(t)
	rs, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, manage.OnlyUnused, without("orders/write"))
	if err != nil || len(rs.Scopes) != 1 {
		t.Errorf("got %+v, %v; want one scope", rs, err)
	}
}

// Another prefix renames every scope on the wire.
func TestScopePrefixGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := w.holders(t)
	prefixed := func(rs *mintage.ResourceServer) error { rs.ScopePrefix = "api/"; return nil }
	_, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, manage.OnlyUnused, prefixed)
	r, ok := errors.AsType[*manage.Refusal](err)
	if !ok || r.Reason != "object.in_use" || len(r.Members) != 1 || r.Members[0].Pointer != "/scope_prefix" || !strings.Contains(r.Message, held["all"].ID) {
		t.Fatalf("got %v, want object.in_use for the prefix", err)
	}
	if _, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, manage.Cascade, prefixed); err != nil {
		t.Fatal(err)
	}
	if got, want := w.access(t, held["defaults"]), "* list[api/orders/read api/orders/write] v2"; got != want {
		t.Errorf("the default scope is %q, want %q", got, want)
	}
	if got := w.access(t, held["reads"]); !strings.HasSuffix(got, "v1") {
		t.Errorf("a client that only has to ask otherwise was written: %q", got)
	}
}

// An algorithm that a client's other grants contradict would leave it without
// tokens.
func TestResourceServerAlgGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	if _, err := w.CreateResourceServer(t.Context(), admin(), &mintage.ResourceServer{
		Tenant: "hotel", Identifier: "urn:two", Scopes: []mintage.ScopeDefinition{{Name: "a"}}, Token: mintage.TokenSettings{Alg: "RS256"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateClient(t.Context(), admin(), &mintage.Client{Tenant: "hotel", Name: "Two", Grants: []mintage.Grant{
		{ResourceServer: "api", Scopes: []string{"*"}}, {ResourceServer: "urn:two", Scopes: []string{"*"}},
	}}, manage.NewSecret{}); err != nil {
		t.Fatal(err)
	}
	for _, consent := range []manage.Consent{manage.OnlyUnused, manage.Cascade} {
		_, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, consent, func(rs *mintage.ResourceServer) error {
			rs.Token.Alg = "ES256"
			return nil
		})
		if reason(err) != "object.in_use" || !strings.Contains(err.Error(), `"Two"`) {
			t.Errorf("got %v, want object.in_use that names the client", err)
		}
	}
}

func TestDeleteResourceServerCascade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := w.holders(t)
	err := w.DeleteResourceServer(t.Context(), admin(), "hotel", api, 0, manage.OnlyUnused)
	if r, ok := errors.AsType[*manage.Refusal](err); !ok || r.Reason != "object.in_use" || !strings.Contains(r.Message, held["all"].ID) || !strings.Contains(r.Message, "acme") {
		t.Fatalf("got %v, want object.in_use that names who holds", err)
	}
	if err := w.DeleteResourceServer(t.Context(), admin(), "hotel", api, 2, manage.Cascade); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("another version: %v, want ErrConflict", err)
	}
	if err := w.DeleteResourceServer(t.Context(), admin(), "hotel", api, 1, manage.Cascade); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"reads": "all[] v2", "all": "all[] v2", "defaults": "none[] v2", "both": "all[] v2", "none": "[] v1"} {
		if got := w.access(t, held[name]); got != want {
			t.Errorf("%s may have %q, want %q", name, got, want)
		}
	}
	if _, err := w.ResourceServer(t.Context(), "hotel", api); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("it is there still: %v", err)
	}
}

// Of many, ten are named.
func TestManyHolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	for range 12 {
		w.client(t)
	}
	err := w.DeleteResourceServer(t.Context(), admin(), "hotel", api, 0, manage.OnlyUnused)
	if err == nil || strings.Count(err.Error(), "Nightly export") != 10 || !strings.Contains(err.Error(), "and 2 others") {
		t.Errorf("got %v, want ten names and 2 others", err)
	}
}

func TestIntrospectorsAreClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	id := w.client(t).Client.ID
	set := func(ids ...string) error {
		_, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", api, 0, manage.OnlyUnused, func(rs *mintage.ResourceServer) error {
			rs.Introspectors = ids
			return nil
		})
		return err
	}
	if fields := mintage.FieldErrors(set(id, "mc_none")); len(fields) != 1 || fields[0].Pointer != "/introspectors/1" {
		t.Errorf("got %v, want one at /introspectors/1", fields)
	}
	if err := set(id); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteClient(t.Context(), admin(), "hotel", id, 0); err != nil {
		t.Fatal(err)
	}
	if err := set(id); err != nil {
		t.Errorf("one that it has already: %v", err)
	}
}

func TestCountScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.holders(t)
	rs, err := w.ResourceServer(t.Context(), "hotel", api)
	if err != nil {
		t.Fatal(err)
	}
	got, clients, organizations, err := w.CountScopes(t.Context(), rs)
	if err != nil {
		t.Fatal(err)
	}
	want := []manage.ScopeCount{
		{ScopeDefinition: mintage.ScopeDefinition{Name: "orders/read"}, Wire: "orders/read", Clients: 4, Organizations: 1, ByName: 2},
		{ScopeDefinition: mintage.ScopeDefinition{Name: "orders/write"}, Wire: "orders/write", Clients: 3, ByName: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" || clients != 4 || organizations != 1 {
		t.Errorf("%d clients, %d organizations (-want +got):\n%s", clients, organizations, diff)
	}
}

// A tenant that owns something is deleted in seven days with all of it, and not
// if it is enabled before.
func TestDeleteTenantCascade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.holders(t)
	w.hotel(t, "other")
	ctx := t.Context()
	if _, err := w.DeleteTenant(ctx, admin(), "hotel", manage.TenantDeletion{}); reason(err) != "object.in_use" ||
		!strings.Contains(err.Error(), "clients and organizations and resource servers") {
		t.Fatalf("got %v, want object.in_use that says what it owns", err)
	}
	remove := func() *mintage.Tenant {
		left, err := w.DeleteTenant(ctx, admin(), "hotel", manage.TenantDeletion{Consent: manage.Cascade})
		if err != nil || left == nil || !left.Disabled || !left.PurgeAt.Equal(w.now.Add(manage.TenantPurgeDelay)) {
			t.Fatalf("got %+v, %v; want it disabled, and gone in seven days", left, err)
		}
		return left
	}
	remove()
	back, err := w.UpdateTenant(ctx, admin(), "hotel", 0, func(t *mintage.Tenant) error { t.Disabled = false; return nil })
	if err != nil || !back.PurgeAt.IsZero() {
		t.Errorf("enabled: %+v, %v; want the deletion undone", back, err)
	}
	w.now = w.now.Add(2 * manage.TenantPurgeDelay)
	w.purged(t, 0)
	first := remove()
	w.now = w.now.Add(time.Hour)
	again, err := w.DeleteTenant(ctx, admin(), "hotel", manage.TenantDeletion{Consent: manage.Cascade})
	if err != nil || !again.PurgeAt.Equal(first.PurgeAt) {
		t.Errorf("deleted twice: %+v, %v; want the same end", again, err)
	}
	w.purged(t, 0)
	w.now = first.PurgeAt
	if err := w.Store.WriteRequests(ctx, []*mintage.RequestRecord{{TraceID: "req_x", Tenant: "hotel", Time: w.now, Last: w.now, Count: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	w.purged(t, 1)
	w.purged(t, 0)
	if _, err := w.Tenant(ctx, "hotel"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("it is there still: %v", err)
	}
	if rs, err := w.Store.Requests(ctx, store.RequestQuery{Tenant: "hotel"}); err != nil || len(rs) != 0 {
		t.Errorf("its request log has %d records, %v", len(rs), err)
	}
	if e := w.last(t); e.Action != "tenant.delete" || e.Via != "server" || e.Target != "hotel" {
		t.Errorf("the last audit row is %+v", e)
	}
	if _, err := w.Tenant(ctx, "other"); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	w.hotel(t, "hotel") // the name is free again
}

func (w *world) purged(t *testing.T, want int) {
	t.Helper()
	if clients, tenants, err := w.Purge(t.Context()); err != nil || clients != 0 || tenants != want {
		t.Errorf("purged %d clients and %d tenants, %v; want %d tenants", clients, tenants, err, want)
	}
}

// A purge is made of bounded transactions, and goes on where it was interrupted.
func TestPurgeTenantInBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	for range 101 {
		w.client(t)
	}
	if _, err := w.DeleteTenant(t.Context(), admin(), "hotel", manage.TenantDeletion{Consent: manage.Cascade}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(manage.TenantPurgeDelay)
	whole := w.Store
	stop := errors.New("interrupted")
	w.Store = &limited{Store: whole, left: 1, err: stop}
	if _, _, err := w.Purge(t.Context()); !errors.Is(err, stop) {
		t.Fatalf("got %v, want the interruption", err)
	}
	w.Store = whole
	left, err := w.Clients(t.Context(), "hotel", "", 0)
	if err != nil || len(left) != 1 {
		t.Fatalf("after one transaction %d clients are left, %v; want 1", len(left), err)
	}
	w.purged(t, 1)
}

// limited is a store that fails after so many transactions.
type limited struct {
	store.Store
	left int
	err  error
}

func (l *limited) Update(ctx context.Context, fn func(store.Tx) error) error {
	if l.left == 0 {
		return l.err
	}
	l.left--
	return l.Store.Update(ctx, fn)
}
