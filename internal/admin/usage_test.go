package admin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
)

// used writes usage of the tenant hotel and one foreign count.
func (w *world) used(t *testing.T, client string) {
	t.Helper()
	minute := func(n int) time.Time { return w.now.Add(-time.Duration(n) * time.Minute) }
	of := func(tenant, client, reason string, n int, count int64) *mintage.UsageCount {
		u := &mintage.UsageCount{Tenant: tenant, ClientID: client, Reason: reason, Start: minute(n), Step: time.Minute, Count: count}
		if reason == "" {
			u.Audience, u.Scope, u.Lifetime = api, "orders/read orders/write", 86400
		}
		return u
	}
	if err := w.manager.Store.AddUsage(t.Context(), []*mintage.UsageCount{
		of("hotel", client, "", 1, 90), of("hotel", client, "", 30, 6), of("hotel", client, "secret.mismatch", 2, 4),
		of("hotel", "", "client.unknown", 2, 3), of("other", "mc_theirs", "", 1, 1000), of("hotel", client, "", 2000, 500),
	}); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	printer := w.client(t, "hotel", api, "*").ID
	w.used(t, printer)
	c := adminclientFor(t, w, "hotel", "usage:read")
	all := adminclientFor(t, w, mintage.BuiltInTenant, "usage:read")
	ctx := t.Context()
	hour := func(h int) *adminclient.Time {
		at := time.Date(2026, 11, 21, h, 0, 0, 0, time.UTC)
		return &at
	}
	for _, tt := range []struct {
		name   string
		by     *adminclient.Client
		tenant string
		f      adminclient.UsageFilter
		want   []adminclient.UsageSum
	}{
		{"one sum of the last day", c, "hotel", adminclient.UsageFilter{}, []adminclient.UsageSum{{Issued: 96, Refused: 7}}},
		{"by client", c, "hotel", adminclient.UsageFilter{GroupBy: []string{"client"}}, []adminclient.UsageSum{{Refused: 3}, {ClientID: printer, Issued: 96, Refused: 4}}},
		{"by hour and reason", c, "hotel", adminclient.UsageFilter{Step: "hour", GroupBy: []string{"reason"}}, []adminclient.UsageSum{
			{Start: hour(9), Issued: 96}, {Start: hour(9), Reason: "client.unknown", Refused: 3}, {Start: hour(9), Reason: "secret.mismatch", Refused: 4},
		}},
		{"of one scope, by API", c, "hotel", adminclient.UsageFilter{Scope: "orders/read", GroupBy: []string{"api", "scope"}}, []adminclient.UsageSum{
			{API: api, Scope: "orders/read", Issued: 96},
		}},
		{"refusals", c, "hotel", adminclient.UsageFilter{Outcome: "refused", Reason: "secret.mismatch"}, []adminclient.UsageSum{{Refused: 4}}},
		{"longer ago", c, "hotel", adminclient.UsageFilter{Since: w.now.Add(-48 * time.Hour), Until: w.now.Add(-24 * time.Hour)}, []adminclient.UsageSum{{Issued: 500}}},
		{"all that one may see", c, "", adminclient.UsageFilter{GroupBy: []string{"tenant"}}, []adminclient.UsageSum{{Tenant: "hotel", Issued: 96, Refused: 7}}},
		{"all of all", all, "", adminclient.UsageFilter{GroupBy: []string{"tenant"}}, []adminclient.UsageSum{
			{Tenant: "hotel", Issued: 96, Refused: 7}, {Tenant: "other", Issued: 1000},
		}},
		{"of a client without any", c, "hotel", adminclient.UsageFilter{ClientID: "mc_none"}, []adminclient.UsageSum{}},
	} {
		u, err := tt.by.Usage(ctx, tt.tenant, tt.f)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := cmp.Diff(tt.want, u.Items); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
	p, err := c.CacheAdvice(ctx, "hotel")
	want := []adminclient.CacheAdvice{{
		ClientID: printer, ClientName: "Client of " + api, Tokens: 96, Window: 3600, Lifetime: 86400,
		Text: "asked 96 times in an hour for a token that lives 24 hours: it does not cache",
	}}
	if err != nil || !cmp.Equal(p.Items, want) {
		t.Errorf("advice %+v, %v; want %+v", p, err, want)
	}
}

func TestUsageRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "usage:read")
	for _, query := range []string{
		"group_by=colour", "group_by=client,client", "step=week", "outcome=lost", "reason=none", "since=tomorrow",
		"since=2026-11-21T09:00:00Z&until=2026-11-20T09:00:00Z",
	} {
		problem(t, w.do(t, ask{method: http.MethodGet, path: "/tenants/hotel/usage?" + query, token: token}), http.StatusBadRequest, "param.malformed")
	}
}
