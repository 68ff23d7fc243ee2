package main

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// apiForms are those about APIs.
func apiForms() []copied {
	identifier := func() string { return "https://" + strings.ToLower(rand.Text()[:8]) + ".example/it's" }
	made := func(t *testing.T, w *consoleWorld) *mintage.ResourceServer {
		t.Helper()
		return must[*mintage.ResourceServer](t)(w.manager.CreateResourceServer(t.Context(), manage.Server(), &mintage.ResourceServer{
			Tenant: "hotel", Identifier: identifier(), Scopes: []mintage.ScopeDefinition{{Name: "a", Description: "It's A"}}, ScopePrefix: "p/",
		}))
	}
	read := func(t *testing.T, w *consoleWorld, id string) *mintage.ResourceServer {
		t.Helper()
		return must[*mintage.ResourceServer](t)(w.manager.ResourceServer(t.Context(), "hotel", id))
	}
	at := func(rs *mintage.ResourceServer) string { return "/t/hotel/apis/" + url.PathEscape(rs.Identifier) }
	return []copied{
		{"POST /t/{tenant}/apis", "cli curl yaml", func(_ *testing.T, w *consoleWorld) shownForm {
			id, name := identifier(), strings.ToLower(rand.Text()[:8])
			return shownForm{"/t/hotel/apis?preview=1", url.Values{"identifier": {id}, "name": {name}, "scopes": {"a It's A\nb"}, "prefix": {"p/"}, "lifetime": {"15m"}}, func(t *testing.T) {
				t.Helper()
				rs := read(t, w, id)
				if rs.Name != name || len(rs.Scopes) != 2 || rs.Scopes[0].Description != "It's A" || rs.ScopePrefix != "p/" || rs.Token.Lifetime != 15*time.Minute {
					t.Errorf("got %+v", rs)
				}
			}}
		}},
		{"POST /t/{tenant}/apis/{api}", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			rs, name := made(t, w), strings.ToLower(rand.Text()[:8])
			return shownForm{at(rs) + "?preview=1", url.Values{"name": {name}, "scopes": {"a It's A"}, "prefix": {"p/"}, "lifetime": {"15m"}}, func(t *testing.T) {
				t.Helper()
				if rs := read(t, w, rs.Identifier); rs.Name != name || rs.Token.Lifetime != 15*time.Minute || len(rs.Scopes) != 1 {
					t.Errorf("got %+v", rs)
				}
			}}
		}},
		{"POST /t/{tenant}/apis/{api}", "curl yaml", func(t *testing.T, w *consoleWorld) shownForm { // other scopes, and another prefix
			t.Helper()
			rs := made(t, w)
			return shownForm{at(rs) + "?preview=1", url.Values{"scopes": {"b It's B"}}, func(t *testing.T) {
				t.Helper()
				if rs := read(t, w, rs.Identifier); rs.ScopePrefix != "" || len(rs.Scopes) != 1 || rs.Scopes[0].Name != "b" {
					t.Errorf("got %+v", rs)
				}
			}}
		}},
		{"POST /t/{tenant}/apis/{api}/delete", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			rs := made(t, w)
			return shownForm{at(rs) + "/delete", nil, func(t *testing.T) {
				t.Helper()
				if _, err := w.manager.ResourceServer(t.Context(), "hotel", rs.Identifier); err == nil {
					t.Error("it is still there")
				}
			}}
		}},
	}
}
