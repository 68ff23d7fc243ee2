package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// fullRequest has a value in every member that is read back.
func fullRequest() *mintage.RequestRecord {
	return &mintage.RequestRecord{
		TraceID: "req_b", Tenant: "acme", Time: at(10), Last: at(12), Count: 3, ClientID: "mc_one", ClientName: "One",
		Endpoint: "token", Dialect: "rfc", AuthMethod: "client_secret_basic", GrantType: "client_credentials",
		Address: "192.0.2.1", Error: "invalid_client", Reason: "secret.mismatch", Status: 401,
		Notes: []string{"param.ignored", "auth.not_urlencoded"}, Second: "client.other_tenant", OwnerTenant: "other", OwnerClient: "mc_two",
		ScopeAsked: "a b", ScopeGranted: "a", Ignored: []string{"scaope"}, DidYouMean: "scope",
	}
}

func traceIDs(list []*mintage.RequestRecord) []string {
	return ids(list, func(r *mintage.RequestRecord) string { return r.TraceID })
}

func requests(t *testing.T, s store.Store) {
	ctx := t.Context()
	last, err := s.LastChange(ctx)
	must(t, err)
	full := fullRequest()
	warned := &mintage.RequestRecord{TraceID: "req_a", Tenant: "acme", Time: at(1), Last: at(1), Count: 1, Reason: "param.ignored", Notes: []string{"param.ignored"}, Status: 200}
	foreign := &mintage.RequestRecord{TraceID: "req_c", Tenant: "other", Time: at(20), Last: at(20), Count: 1, ClientID: "mc_one", Error: "invalid_scope", Reason: "scope.unknown"}
	issued := &mintage.RequestRecord{TraceID: "req_e", Tenant: "third", Time: at(40), Last: at(40), Count: 9, ClientID: "mc_three", Reason: "ok", Status: 200}
	nobody := &mintage.RequestRecord{TraceID: "req_d", Time: at(30), Last: at(30), Count: 1, Error: "not_found", Reason: "request.not_found"}
	must(t, s.WriteRequests(ctx, []*mintage.RequestRecord{full, warned, foreign, nobody, issued}, nil))
	must(t, s.WriteRequests(ctx, nil, nil))
	unmoved(t, s, last)

	got, err := s.Request(ctx, "acme", "req_b")
	must(t, err)
	diff(t, "request", got, full)
	_, err = s.Request(ctx, "other", "req_b")
	wantErr(t, "request of another tenant", err, mintage.ErrNotFound)
	got, err = s.Request(ctx, "", "req_b")
	must(t, err)
	diff(t, "request of any tenant", got, full)
	got, err = s.Request(ctx, "", "req_d")
	must(t, err)
	diff(t, "request without a tenant", got, nobody)

	for _, test := range []struct {
		q    store.RequestQuery
		want []string
	}{
		{store.RequestQuery{}, []string{"req_e", "req_d", "req_c", "req_b", "req_a"}},
		{store.RequestQuery{Limit: 2}, []string{"req_e", "req_d"}},
		{store.RequestQuery{Limit: 2, Before: "req_c"}, []string{"req_b", "req_a"}},
		{store.RequestQuery{Tenant: "acme"}, []string{"req_b", "req_a"}},
		{store.RequestQuery{Tenant: "acme", Refused: true}, []string{"req_b"}},
		{store.RequestQuery{Warned: true}, []string{"req_a"}},
		{store.RequestQuery{Issued: true}, []string{"req_e"}},
		{store.RequestQuery{Since: at(5), Until: at(20)}, []string{"req_b"}},
		{store.RequestQuery{ClientID: "mc_one"}, []string{"req_c", "req_b"}},
		{store.RequestQuery{Dialect: "rfc"}, []string{"req_b"}},
		{store.RequestQuery{Address: "192.0.2.1"}, []string{"req_b"}},
		{store.RequestQuery{Address: "192.0.2.1", Dialect: "cognito"}, nil},
		{store.RequestQuery{Reason: "secret.mismatch"}, []string{"req_b"}},
		{store.RequestQuery{Reason: "client.other_tenant"}, []string{"req_b"}},
		{store.RequestQuery{Reason: "param.ignored"}, []string{"req_b", "req_a"}},
		{store.RequestQuery{Reason: warned.Reason[:5]}, nil},
		{store.RequestQuery{Since: at(12)}, []string{"req_e", "req_d", "req_c", "req_b"}},
	} {
		list, err := s.Requests(ctx, test.q)
		must(t, err)
		diff(t, fmt.Sprintf("requests %+v", test.q), traceIDs(list), test.want)
	}
}

// Later requests that are equal move a record on; what the first was stays.
func requestsGrow(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := fullRequest()
	first.Second, first.OwnerTenant, first.OwnerClient, first.Traces = "", "", "", []string{"req_b1"}
	must(t, s.WriteRequests(ctx, []*mintage.RequestRecord{first}, nil))
	later := fullRequest()
	later.Last, later.Count, later.Traces, later.Address = at(15), 7, []string{"req_b1", "req_b2"}, "192.0.2.99"
	must(t, s.WriteRequests(ctx, []*mintage.RequestRecord{later, later}, nil))
	want := fullRequest()
	want.Last, want.Count = at(15), 7
	for _, trace := range []string{"req_b", "req_b1", "req_b2"} {
		got, err := s.Request(ctx, "acme", trace)
		must(t, err)
		diff(t, "request by "+trace, got, want)
	}
	_, err := s.Request(ctx, "other", "req_b2")
	wantErr(t, "another trace in another tenant", err, mintage.ErrNotFound)
}

func requestSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	var list []*mintage.RequestRecord
	for i := range 5 {
		list = append(list, &mintage.RequestRecord{
			TraceID: "req_" + "abcde"[i:i+1], Tenant: "acme", Time: at(0), Last: at(i), Count: 1, Traces: []string{fmt.Sprint("req_x", i)},
		})
	}
	must(t, s.WriteRequests(ctx, list, nil))
	for _, want := range []int{2, 1, 0} { // three are before at(3)
		if n, err := s.SweepRequests(ctx, at(3), 2); err != nil || n != want {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	left, err := s.Requests(ctx, store.RequestQuery{})
	must(t, err)
	diff(t, "requests left", traceIDs(left), []string{"req_e", "req_d"})
	_, err = s.Request(ctx, "", "req_x0")
	wantErr(t, "trace of a request that was swept", err, mintage.ErrNotFound)
}

func ladderUses(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	must(t, change(ctx, s, clientNoun().create, otherClient("acme", "x")))
	must(t, change(ctx, s, clientNoun().create, otherClient("other", "x")))
	last, err := s.LastChange(ctx)
	must(t, err)
	use := func(client string, rung mintage.Rung, count int64, from, to int) *mintage.LadderUse {
		return &mintage.LadderUse{Tenant: "acme", ClientID: client, Rung: rung, Count: count, First: at(from), Last: at(to), Address: fmt.Sprint("192.0.2.", to)}
	}
	must(t, s.WriteRequests(ctx, nil, []*mintage.LadderUse{
		use("x", mintage.RungTwoMethods, 1, 5, 5), use("gone", mintage.RungTwoMethods, 1, 5, 5), use("x", mintage.RungQueryCredentials, 2, 1, 3),
	}))
	must(t, s.WriteRequests(ctx, nil, []*mintage.LadderUse{use("x", mintage.RungQueryCredentials, 4, 7, 9)}))
	got, err := s.LadderUses(ctx, "acme")
	must(t, err)
	diff(t, "uses of the ladder", got, []*mintage.LadderUse{
		use("x", mintage.RungQueryCredentials, 6, 1, 9), use("x", mintage.RungTwoMethods, 1, 5, 5),
	})
	got, err = s.LadderUses(ctx, "other")
	must(t, err)
	diff(t, "uses in another tenant", got, []*mintage.LadderUse{})
	unmoved(t, s, last)
	must(t, s.Update(ctx, func(tx store.Tx) error { return tx.DeleteClient(ctx, "acme", "x") }))
	got, err = s.LadderUses(ctx, "acme")
	must(t, err)
	diff(t, "uses by a client that is gone", got, []*mintage.LadderUse{})
}

func owners(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	create := func(tenant, id, hash string) {
		t.Helper()
		must(t, s.Update(ctx, func(tx store.Tx) error {
			return tx.CreateClient(ctx, &mintage.Client{
				Tenant: tenant, ID: id, Name: id,
				Secrets: []mintage.Secret{{ID: "s-" + id, Name: "main", Hash: hash, Created: at(1), Revoked: time.Time{}}},
			})
		}))
	}
	create("acme", "one", "hmac-sha256$one")
	create("other", "one", "hmac-sha256$other")
	got, err := s.SecretOwner(ctx, "hmac-sha256$other")
	must(t, err)
	diff(t, "owner", got, &mintage.SecretOwner{Tenant: "other", ClientID: "one", SecretID: "s-one"})
	_, err = s.SecretOwner(ctx, "hmac-sha256$")
	wantErr(t, "owner of nothing", err, mintage.ErrNotFound)
	for _, test := range []struct {
		id    string
		limit int
		want  []string
	}{{"one", 5, []string{"acme", "other"}}, {"one", 1, []string{"acme"}}, {"two", 5, nil}} {
		list, err := s.ClientTenants(ctx, test.id, test.limit)
		must(t, err)
		diff(t, "tenants of "+test.id, list, test.want)
	}
}
