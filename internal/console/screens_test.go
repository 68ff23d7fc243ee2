package console_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/usage"
)

// counted gives the console counts of usage, and a server whose state is known.
func (w *world) counted(t *testing.T, state console.ServerState) {
	t.Helper()
	w.configure(t, func(cfg *console.Config) {
		cfg.Usage = &usage.Reports{Store: w.manager.Store, Now: func() time.Time { return w.now }}
		cfg.State = func(context.Context) console.ServerState { return state }
	})
}

func (w *world) counts(t *testing.T, counts ...*mintage.UsageCount) {
	t.Helper()
	for _, u := range counts {
		u.Tenant, u.Step = "hotel", time.Minute
	}
	if err := w.manager.Store.AddUsage(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
}

// TestOverview holds what an overview has: what needs somebody, first, then the
// chart of a day, rates, clients that are refused, what ends soon, keys, backup.
func TestOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Refused much")
	if _, err := w.manager.AddSecret(t.Context(), manage.Server(), "hotel", made.Client.ID, manage.NewSecret{Name: "soon", Lifetime: 10 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	w.counted(t, console.ServerState{Backups: true, LastBackup: w.now.Add(-27 * time.Hour), Ready: true})
	w.counts(t,
		&mintage.UsageCount{Start: w.now.Add(-2 * time.Minute), ClientID: made.Client.ID, Audience: api, Scope: "orders/read", Lifetime: 3600, Count: 600},
		&mintage.UsageCount{Start: w.now.Add(-9 * time.Hour), ClientID: made.Client.ID, Audience: api, Scope: "orders/read", Lifetime: 3600, Count: 8},
		&mintage.UsageCount{Start: w.now.Add(-3 * time.Hour), ClientID: made.Client.ID, Reason: "secret.mismatch", Count: 41},
		&mintage.UsageCount{Start: w.now.Add(-3 * time.Hour), Reason: "client.unknown", Count: 1000},
		&mintage.UsageCount{Start: w.now.Add(-30 * time.Hour), ClientID: made.Client.ID, Reason: "scope.unknown", Count: 5},
	)
	r := w.get(t, owner, "/console/t/hotel/overview")
	r.want(t, 200, "<strong>2.00</strong> tokens a second now", "1,041 refused", "secret.mismatch", "client.unknown", "Refused much</a> 41", `class="c1"`,
		"The last backup was made 27 h ago", "Secrets that end in 30 days", "in 10 days", "Replaced in 30 days", "1 secrets end within 30 days", "0.6.0")
	r.lacks(t, "scope.unknown", "The server is not ready")
	if needs, chart := strings.Index(r.Body, "What needs you"), strings.Index(r.Body, "<svg class=\"chart\""); needs < 0 || chart < needs {
		t.Error("what needs somebody does not come first")
	}
	w.counted(t, console.ServerState{Backups: true, Checks: []console.Check{{Name: "store", Said: "the database does not answer"}}})
	w.now = w.now.Add(75 * 24 * time.Hour) // of the 90 that a key signs
	w.get(t, owner, "/console/t/hotel/overview").want(t, 200, "No backup is known", "store: the database does not answer", "by itself", "in 15 days")
	w.counted(t, console.ServerState{Ready: true})
	w.now = w.now.Add(20 * 24 * time.Hour)
	late := w.get(t, owner, "/console/t/hotel/overview")
	late.want(t, 200, "should have been replaced")
	late.lacks(t, "backup")
}

// TestClientCharts holds what the first tab of a client says of its use.
func TestClientCharts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "acme", "Charted")
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", made.Client.ID, 0, func(c *mintage.Client) error {
		c.Grants[0].Scopes = []string{"orders/read", "orders/write"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.counted(t, console.ServerState{Ready: true})
	w.counts(t,
		&mintage.UsageCount{Start: w.now.Add(-10 * 24 * time.Hour), ClientID: made.Client.ID, Audience: api, Scope: "orders/read", Lifetime: 3600, Count: 3},
		&mintage.UsageCount{Start: w.now.Add(-time.Hour), ClientID: made.Client.ID, Reason: "secret.mismatch", Count: 2},
		&mintage.UsageCount{Start: w.now.Add(-time.Hour), ClientID: "another", Reason: "scope.unknown", Count: 9},
	)
	for _, who := range []string{owner, ada} {
		r := w.get(t, who, "/console/t/hotel/clients/"+made.Client.ID)
		r.want(t, 200, "Its requests in 24 hours", "secret.mismatch 2", "last asked for", "10 days ago", "not asked for in 90 days")
		r.lacks(t, "scope.unknown")
	}
}

// TestDriftPage holds that the page says what is declared, by whom, and what is
// not as the file says that was applied last.
func TestDriftPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "As declared"
	state := &apply.State{APIVersion: apply.APIVersion, Clients: []apply.Client{{ID: "declared", Name: &name, Tenants: []string{"hotel"}}}}
	if _, err := w.manager.Apply(t.Context(), manage.Server(), manage.Declared{State: state, Source: "tenants.yaml"}); err != nil {
		t.Fatal(err)
	}
	w.client(t, "hotel", "", "Handmade")
	w.get(t, owner, "/console/t/hotel/config").want(t, 200, "All is as the files say", "Handmade", "by hand", "in <code>tenants.yaml</code>")
	only := w.get(t, owner, "/console/t/hotel/config?from=tenants.yaml&kind=client")
	only.want(t, 200, ">As declared</a>")
	only.lacks(t, "Handmade")
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", "declared", 0, func(c *mintage.Client) error {
		c.Name = "As edited"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/config").want(t, 200, "1 object is not as the file says", "<del>As declared</del>", "<ins>As edited</ins>", "client declared")
	w.get(t, owner, "/console/t/hotel/overview").want(t, 200, "1 objects are not as the file says")
	w.get(t, owner, "/console/t/other/config").lacks(t, "As edited")
	if err := w.manager.DeleteClient(t.Context(), manage.Server(), "hotel", "declared", 0); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/config").lacks(t, "As edited")
}

// TestAuditChain holds that the page says how far the log is what was written,
// from what was found before where that is not old.
func TestAuditChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client(t, "hotel", "", "First")
	last, err := w.manager.Store.LastEvent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verified := func(n int64) string { b, _ := json.Marshal(n); return "verified to row " + string(b) + "<" }
	w.get(t, owner, "/console/t/hotel/audit").want(t, 200, verified(last), "just now")
	w.client(t, "hotel", "", "Second")
	w.now = w.now.Add(5 * time.Minute)
	w.get(t, owner, "/console/t/hotel/audit").want(t, 200, verified(last), "5 min ago") // what was found before
	w.now = w.now.Add(6 * time.Minute)
	after, err := w.manager.Store.LastEvent(t.Context())
	if err != nil || after <= last {
		t.Fatalf("%d rows, %v", after, err)
	}
	w.get(t, owner, "/console/t/hotel/audit").want(t, 200, verified(after), "just now")
	w.post(t, owner, "/console/t/hotel/audit/verify", nil).want(t, 303)
	w.get(t, owner, "/console/t/hotel/audit").want(t, 200, verified(after))
	w.get(t, owner, "/console/t/hotel/audit?actor=nobody@example.com").want(t, 200, "No change is in the log")
	w.get(t, owner, "/console/t/hotel/audit?since=2030-01-01T00:00").want(t, 200, "No change is in the log", `value="2030-01-01T00:00"`)
	exported := w.get(t, owner, "/console/t/hotel/audit.ndjson?noun=client")
	exported.want(t, 200, `"action":"client.create"`, `"hash":"`)
	exported.lacks(t, "organization.create")
	w.get(t, ada, "/console/t/hotel/audit").want(t, 404)
}

// TestSettingsKnow holds what the page of settings says beside the form.
func TestSettingsKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.counted(t, console.ServerState{
		Database: "PostgreSQL", KeepRequests: 14 * 24 * time.Hour, RefusedOnly: true, RequestsPerMinute: 1200, Ready: true,
	})
	w.get(t, owner, "/console/t/hotel/settings").want(t, 200, "<dt>cognito</dt><dd><span class=\"dim\">off</span>", "https://hotel.example/oauth2/token",
		"https://live.example", "production", "PostgreSQL", "14 days, without what was issued as asked", "1,200 a minute", "90 days", "Apache 2.0", "0.6.0")
	w.get(t, owner, "/console/t/hotel/keys").want(t, 200, "not counted", "in 90 days", "when it is replaced")
}

// TestRequestFilters holds that the log is narrowed by what the address says,
// and that the next page keeps to it.
func TestRequestFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	record := func(trace, dialect, address string, ago time.Duration) *mintage.RequestRecord {
		at := w.now.Add(-ago)
		return &mintage.RequestRecord{
			TraceID: trace, Tenant: "hotel", Time: at, Last: at, Count: 1, ClientID: "ghost", Endpoint: "token", Dialect: dialect, Address: address,
			Error: "invalid_client", Reason: "client.unknown", Status: 401,
		}
	}
	if err := w.manager.Store.WriteRequests(t.Context(), []*mintage.RequestRecord{
		record("req_0000000000000001", "rfc", "192.0.2.1", 3*time.Hour), record("req_0000000000000002", "cognito", "192.0.2.1", 2*time.Hour),
		record("req_0000000000000003", "rfc", "192.0.2.2", time.Minute),
	}, nil); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"": "321", "dialect=rfc": "31", "address=192.0.2.1": "21", "address=192.0.2.1&dialect=rfc": "1", "span=1h": "3", "span=15m&dialect=cognito": "",
		"since=2026-11-21T07:00&until=2026-11-21T08:00": "2", "since=nonsense": "321", "until=2026-11-21T07:00": "1",
	} {
		var seen strings.Builder
		for _, part := range strings.Split(w.get(t, owner, "/console/t/hotel/requests?"+query).Body, `<tr id="req_`)[1:] {
			seen.WriteByte(part[15])
		}
		if got := seen.String(); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	w.get(t, owner, "/console/t/hotel/requests?dialect=rfc&address=192.0.2.1").want(t, 200, `<option value="rfc" selected>`, `value="192.0.2.1"`,
		"requests/tail?address=192.0.2.1&amp;dialect=rfc")
}
