package admin_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// listWorld has clients that differ in what a list can be narrowed and sorted
// by.
func listWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.organization(t, "hotel", "acme")
	for _, c := range []struct {
		mintage.Client
		life time.Duration
	}{
		{mintage.Client{Name: "beta", Labels: map[string]string{"team": "desk"}}, 30 * time.Hour},
		{mintage.Client{Name: "Alpha", Organization: "acme", Grants: []mintage.Grant{{ResourceServer: api, Scopes: []string{"*"}}}}, 0},
		{mintage.Client{Name: "Gamma", Labels: map[string]string{"team": "billing"}}, 20 * time.Hour},
	} {
		c.Tenant = "hotel"
		if _, err := w.manager.CreateClient(t.Context(), manage.Server(), &c.Client, manage.NewSecret{Lifetime: c.life, Forever: c.life == 0}); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Hour)
	}
	return w
}

func TestFindClients(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	c := adminclientFor(t, w, "hotel", "clients:read")
	own := func(c *adminclient.RegisteredClient) bool {
		return slices.Contains([]string{"beta", "Alpha", "Gamma"}, c.Name)
	}
	for _, tt := range []struct {
		name string
		f    adminclient.ClientFilter
		want string
	}{
		{"by name", adminclient.ClientFilter{Sort: "name"}, "Alpha beta Gamma"},
		{"by name backwards", adminclient.ClientFilter{Sort: "-name"}, "Gamma beta Alpha"},
		{"newest", adminclient.ClientFilter{Sort: "-created"}, "Gamma Alpha beta"},
		{"ending first", adminclient.ClientFilter{Sort: "expires"}, "Gamma beta Alpha"},
		{"search", adminclient.ClientFilter{Search: "ALPH"}, "Alpha"},
		{"organization", adminclient.ClientFilter{Organization: "acme"}, "Alpha"},
		{"API", adminclient.ClientFilter{API: api, Sort: "name"}, "Alpha"},
		{"label", adminclient.ClientFilter{Label: "team", Sort: "name"}, "beta Gamma"},
		{"label with its value", adminclient.ClientFilter{Label: "team=desk"}, "beta"},
		{"disabled", adminclient.ClientFilter{Status: "disabled"}, ""},
		{"ending soon", adminclient.ClientFilter{ExpiresWithin: 24 * time.Hour, Sort: "name"}, "Gamma"},
		{"unused", adminclient.ClientFilter{UnusedFor: 2 * time.Hour, Sort: "name"}, "Alpha beta"},
	} {
		for _, limit := range []int{0, 1} {
			var names []string
			for found, err := range c.FindClients(t.Context(), "hotel", tt.f, adminclient.List{Limit: limit}) {
				if err != nil {
					t.Fatal(err)
				}
				if own(found) { // the caller itself is a client too
					names = append(names, found.Name)
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("%s, %d at a time: got %q, want %q", tt.name, limit, got, tt.want)
			}
		}
	}
}

// A filter that there is not is refused with those that there are, and changes
// of the filter end a cursor.
func TestFindClientsRefusals(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	token := w.token(t, "hotel", "clients:read")
	for query, names := range map[string]string{
		"sort=secret":        "name, -name, created",
		"status=burnt":       "active, disabled, rotating, no_secret",
		"colour=red":         "api, cursor, expires_within, label, limit, name, organization, q, sort, status, unused_for",
		"expires_within=30d": "",
		"unused_for=0":       "",
		"label=%3Dx":         "",
		"sort=name&sort=x":   "",
	} {
		resp := w.do(t, ask{method: http.MethodGet, path: "/tenants/hotel/clients?" + query, token: token})
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(strings.ReplaceAll(resp.Body, `\"`, ""), names) {
			t.Errorf("%s: %s %s, want 400 that names %s", query, resp.Status(), resp.Body, names)
		}
	}
	first := decode[adminclient.Page[adminclient.RegisteredClient]](t, w.do(t, ask{method: http.MethodGet, path: "/tenants/hotel/clients?sort=name&limit=1", token: token}))
	if first.Next == "" {
		t.Fatal("one page has all clients")
	}
	next := "&limit=1&cursor=" + url.QueryEscape(first.Next)
	if resp := w.do(t, ask{method: http.MethodGet, path: "/tenants/hotel/clients?sort=name" + next, token: token}); resp.StatusCode != http.StatusOK {
		t.Errorf("the cursor of the list: %s %s", resp.Status(), resp.Body)
	}
	for _, other := range []string{"sort=-name", "sort=name&status=active", "sort=name&q=a", "sort=name&expires_within=9"} {
		problem(t, w.do(t, ask{method: http.MethodGet, path: "/tenants/hotel/clients?" + other + next, token: token}), http.StatusBadRequest, "param.malformed")
	}
}
