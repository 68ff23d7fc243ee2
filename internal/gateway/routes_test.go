package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/gateway"
)

func route(name, host, path string, methods ...string) *gateway.Route {
	return &gateway.Route{Name: name, Host: host, Paths: []string{path}, Methods: methods, Public: true}
}

// TestRoutes: the most specific wins, and no match is 404, or 405 where the
// path has other methods.
func TestRoutes(t *testing.T) {
	t.Parallel()
	c := &gateway.Config{AccessLog: gateway.LogOff, Routes: []*gateway.Route{
		route("users", "", "/priv/v1/apps/{api_key}/users/{user_id}", "GET"),
		route("me", "", "/priv/v1/apps/{api_key}/users/me", "GET"),
		route("apps", "", "/priv/v1/apps/{rest...}"),
		route("write", "", "/priv/v1/apps/{api_key}/users/{user_id}", "PUT", "DELETE"),
		route("root", "", "/", "GET"),
		route("host", "api.example", "/priv/v1/apps/{api_key}/users/{user_id}"),
		route("dir", "", "/dir/"),
		route("below", "", "/below/{rest...}", "POST"),
	}}
	g := newGateway(t, c, gateway.Deps{})
	for _, tt := range []struct {
		method, host, path, want string
		status                   int
		allowed                  string
	}{
		{"GET", "x", "/priv/v1/apps/k/users/7", "users", 0, ""},
		{"HEAD", "x", "/priv/v1/apps/k/users/7", "users", 0, ""},
		{"PUT", "x", "/priv/v1/apps/k/users/7", "write", 0, ""},
		{"POST", "x", "/priv/v1/apps/k/users/7", "apps", 0, ""},
		{"GET", "x", "/priv/v1/apps/k/users/me", "me", 0, ""},
		{"GET", "x", "/priv/v1/apps/k/users/%6de", "me", 0, ""},
		{"GET", "x", "/priv/v1/apps/k/users/7/orders", "apps", 0, ""},
		{"GET", "x", "/priv/v1/apps/k/users/", "apps", 0, ""},
		{"GET", "x", "/priv/v1/apps/", "apps", 0, ""},
		{"GET", "x", "/priv/v1/apps", "", 404, ""},
		{"GET", "API.Example.:8443", "/priv/v1/apps/k/users/7", "host", 0, ""},
		{"GET", "api.example", "/priv/v1/apps/k/users/me", "host", 0, ""},
		{"GET", "api.example", "/priv/v1/apps/k/x", "apps", 0, ""},
		{"GET", "x", "/", "root", 0, ""},
		{"POST", "x", "/", "", 405, "GET HEAD"},
		{"GET", "x", "/dir/", "dir", 0, ""},
		{"GET", "x", "/dir", "", 404, ""},
		{"GET", "x", "/dir/a", "", 404, ""},
		{"GET", "x", "/below/a/b", "", 405, "POST"},
		{"POST", "x", "/below/a/b", "below", 0, ""},
		{"POST", "x", "/PRIV/v1/apps/k", "", 404, ""},
		{"GET", "", "/", "", 400, ""},
		{"GET", "a b", "/", "", 400, ""},
		{"GET", "a..b", "/", "", 400, ""},
		{"GET", "[::1]:80", "/", "root", 0, ""},
		{"GET", "x:port", "/", "", 400, ""},
		{"TRACE", "x", "/", "", 405, ""},
		{"CONNECT", "x", "/", "", 405, ""},
		{"get", "x", "/", "", 405, ""},
		{"GET", "x", "/a/../", "", 400, ""},
	} {
		d := g.Decide(t.Context(), gateway.Call{Method: tt.method, Host: tt.host, Path: tt.path, Header: http.Header{}})
		got := ""
		if d.Route != nil {
			got = d.Route.Name
		}
		q := g.Decide(t.Context(), gateway.Call{Method: tt.method, Host: tt.host, Path: tt.path, RawQuery: "a=\x01", Header: http.Header{}})
		if q.Status != 400 {
			t.Errorf("%s: a control character in the query: got %+v", tt.path, q)
		}
		if got != tt.want || d.Status != tt.status || strings.Join(d.Allowed, " ") != tt.allowed || d.Allow != (tt.want != "") {
			t.Errorf("%s %s%s: got %q, %d, %q, want %q, %d, %q", tt.method, tt.host, tt.path, got, d.Status, d.Allowed, tt.want, tt.status, tt.allowed)
		}
	}
}

// TestAmbiguousRoutes: two routes of which neither is more specific are refused
// at load.
func TestAmbiguousRoutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b     *gateway.Route
		conflict bool
	}{
		{route("a", "", "/{x}/b"), route("b", "", "/a/{y}"), true},
		{route("a", "", "/{x}"), route("b", "", "/{y}"), true},
		{route("a", "", "/{x}", "GET"), route("b", "", "/{y}", "POST"), false},
		{route("a", "", "/{x}", "GET"), route("b", "", "/a"), true},
		{route("a", "", "/{x}", "GET"), route("b", "", "/a", "GET"), false},
		{route("a", "", "/{x}", "GET", "PUT"), route("b", "", "/{x}", "PUT", "DELETE"), true},
		{route("a", "", "/{x}/{rest...}"), route("b", "", "/a/b"), false},
		{route("a", "", "/a/{rest...}"), route("b", "", "/{x}/b"), true},
		{route("a", "h", "/{x}/b"), route("b", "", "/a/{y}"), false},
		{route("a", "", "/a/"), route("b", "", "/a/{y}"), false},
		{route("a", "", "/a/"), route("b", "", "/a/{y...}"), false},
	} {
		c := &gateway.Config{Routes: []*gateway.Route{tt.a, tt.b}, AccessLog: gateway.LogOff}
		if err := c.Validate(); (err != nil) != tt.conflict {
			t.Errorf("%v %v and %v %v: got %v, want a conflict: %t", tt.a.Methods, tt.a.Paths, tt.b.Methods, tt.b.Paths, err, tt.conflict)
		}
	}
}

// TestPatterns: what is no pattern.
func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"", "a", "/{a", "/a}", "/{}", "/{a}b", "/{a...}/b", "/{a}/{a}", "/{a-b}", "/a//b", "/../a", "/%41", "/a;b", "/a%2fb", "/{a.b}",
	} {
		c := &gateway.Config{Routes: []*gateway.Route{route("a", "", p)}, AccessLog: gateway.LogOff}
		if err := c.Validate(); err == nil {
			t.Errorf("%s: no error", p)
		}
	}
}

// FuzzRoutes: a request goes to the same route however its path is spelt.
func FuzzRoutes(f *testing.F) {
	f.Add("/v1/%61dmin", "GET")
	f.Add("/v1/admin/", "POST")
	g := newGateway(f, &gateway.Config{AccessLog: gateway.LogOff, Routes: []*gateway.Route{
		route("admin", "", "/v1/admin"), route("adminbelow", "", "/v1/admin/{rest...}"), route("open", "", "/v1/{rest...}"),
	}}, gateway.Deps{})
	f.Fuzz(func(t *testing.T, path, method string) {
		d := g.Decide(t.Context(), gateway.Call{Method: method, Host: "x", Path: path, Header: http.Header{}})
		if !d.Allow {
			return
		}
		again := g.Decide(t.Context(), gateway.Call{Method: method, Host: "x", Path: d.Path, Header: http.Header{}})
		if again.Route != d.Route || again.Path != d.Path {
			t.Fatalf("%q goes to %s as %q, which goes to %v", path, d.Route.Name, d.Path, again.Route)
		}
		if strings.HasPrefix(strings.ToLower(d.Path), "/v1/admin/") && d.Route.Name == "open" && strings.HasPrefix(d.Path, "/v1/admin/") {
			t.Fatalf("%q goes to open", path)
		}
	})
}
