package admin_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// refused keeps a record, as the server does of a request; what it does not
// say has a value.
func (w *world) refused(t *testing.T, r *mintage.RequestRecord) {
	t.Helper()
	if r.Time.IsZero() {
		r.Time, r.Last = w.now, w.now
	}
	if r.Reason == "" {
		r.Error, r.Reason = "invalid_client", "secret.mismatch"
	}
	r.Count, r.Endpoint = 1, "token"
	if err := w.manager.Store.WriteRequests(t.Context(), []*mintage.RequestRecord{r}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range []*mintage.RequestRecord{
		{TraceID: "req_a", Tenant: "hotel", ClientID: "x", Second: "auth.whitespace", Traces: []string{"req_a2"}},
		{TraceID: "req_b", Tenant: "hotel", Reason: "param.ignored", Notes: []string{"param.ignored"}, Ignored: []string{"scaope"}, DidYouMean: "scope"},
		{TraceID: "req_c", Tenant: "hotel", Second: "client.other_tenant", OwnerTenant: "other", OwnerClient: "secret-name"},
		{TraceID: "req_d", Tenant: "other"},
		{TraceID: "req_e"},
	} {
		w.refused(t, r)
	}
	token, all := w.token(t, "hotel", "requests:read"), w.token(t, mintage.BuiltInTenant, "requests:read")
	list := func(token, path string) string {
		t.Helper()
		var ids []string
		for cursor := "cursor="; cursor != ""; {
			page := decode[adminclient.Page[adminclient.Request]](t, w.do(t, ask{method: "GET", path: path + "&limit=1&" + cursor, token: token}))
			for _, r := range page.Items {
				ids = append(ids, r.TraceID[len("req_"):])
			}
			if cursor = ""; page.Next != "" {
				cursor = "cursor=" + url.QueryEscape(page.Next)
			}
		}
		return strings.Join(ids, "")
	}
	for _, tt := range []struct{ token, path, want string }{
		{token, "/requests?", "cba"},
		{all, "/requests?", "edcba"},
		{token, "/tenants/hotel/requests?", "cba"},
		{all, "/tenants/other/requests?", "d"},
		{token, "/tenants/hotel/requests?outcome=refused", "ca"},
		{token, "/tenants/hotel/requests?outcome=warned", "b"},
		{token, "/tenants/hotel/requests?client=x", "a"},
		{token, "/tenants/hotel/requests?reason=auth.whitespace", "a"},
		{token, "/tenants/hotel/requests?reason=client.other_tenant", ""}, // or an identifier could be tried out
		{all, "/tenants/hotel/requests?reason=client.other_tenant", "c"},
		{token, "/tenants/hotel/requests?since=2026-11-21T09:30:01Z", ""},
		{token, "/tenants/hotel/requests?since=2026-11-21T09:30:00Z", "cba"},
	} {
		if got := list(tt.token, tt.path); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.path, got, tt.want)
		}
	}
	problem(t, w.do(t, ask{method: "GET", path: "/requests?reason=no.such", token: token}), 400, "param.malformed")
	problem(t, w.do(t, ask{method: "GET", path: "/requests?outcome=served", token: token}), 400, "param.malformed")
	problem(t, w.do(t, ask{method: "GET", path: "/requests/req_d", token: token}), 404, "object.not_found")
	problem(t, w.do(t, ask{method: "GET", path: "/requests/req_e", token: token}), 404, "object.not_found")
	problem(t, w.do(t, ask{method: "GET", path: "/requests/req_none", token: all}), 404, "object.not_found")

	got := decode[adminclient.Request](t, w.do(t, ask{method: "GET", path: "/requests/req_a2", token: token}))
	want := adminclient.Request{
		TraceID: "req_a", Tenant: "hotel", Outcome: "refused", Time: w.now, LastTime: w.now, Count: 1, ClientID: "x", Endpoint: "token",
		Error: "invalid_client", Reason: "secret.mismatch", Found: "auth.whitespace", Docs: "https://auth.example/docs/errors/reasons/auth.whitespace",
		Why: "The secret would be right without the line break, blank or quotes around it.", Fix: "Trim it where it is stored: write the file with printf %s and not with echo.",
	}
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// Whose credentials they are is for who administers that tenant too.
func TestRequestOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refused(t, &mintage.RequestRecord{TraceID: "req_c", Tenant: "hotel", Second: "client.other_tenant", OwnerTenant: "other", OwnerClient: "hidden"})
	resp := w.do(t, ask{method: "GET", path: "/tenants/hotel/requests/req_c", token: w.token(t, "hotel", "requests:read")})
	if r := decode[adminclient.Request](t, resp); r.Found != "" || strings.Contains(resp.Body, "other") || strings.Contains(resp.Body, "hidden") {
		t.Errorf("another tenant is named: %s", resp.Body)
	}
	resp = w.do(t, ask{method: "GET", path: "/requests/req_c", token: w.token(t, mintage.BuiltInTenant, "requests:read")})
	if r := decode[adminclient.Request](t, resp); r.Found != "client.other_tenant" || r.OwnerTenant != "other" || r.OwnerClient != "hidden" {
		t.Errorf("got %s", resp.Body)
	}
}

func TestLadderUses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, "hotel", api, "orders/read")
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", c.ID, 0, func(c *mintage.Client) error {
		c.Ladder = map[mintage.Rung]mintage.LadderState{mintage.RungQueryCredentials: "warn until 2027-01-31"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	use := &mintage.LadderUse{Tenant: "hotel", ClientID: c.ID, Rung: mintage.RungQueryCredentials, Count: 3, First: w.now.Add(-time.Hour), Last: w.now, Address: "192.0.2.1"}
	if err := w.manager.Store.WriteRequests(t.Context(), nil, []*mintage.LadderUse{use}); err != nil {
		t.Fatal(err)
	}
	page, err := adminclientFor(t, w, "hotel", "clients:read").LadderUses(t.Context(), "hotel")
	want := []adminclient.LadderUse{{
		ClientID: c.ID, ClientName: c.Name, Rung: "query_credentials", State: "warn until 2027-01-31", Count: 3,
		FirstTime: w.now.Add(-time.Hour), LastTime: w.now, Address: "192.0.2.1",
	}}
	if err != nil || !slices.Equal(page.Items, want) {
		t.Errorf("got %+v, %v, want %+v", page, err, want)
	}
}
