package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/issue"
)

// open returns a server that listens and does not serve: its handlers are
// called directly.
func open(t *testing.T) *Server {
	t.Helper()
	s, err := Open(t.Context(), Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: filepath.Join(t.TempDir(), "data"),
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Demo(t.Context(), DemoOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// paths are the requests that stand for the routes with a parameter.
var paths = map[string]string{
	tokenRoute:                    "/oauth2/token",
	"/.well-known/keys/{kid}.pem": "/.well-known/keys/nokey.pem",
	"/docs/":                      "/docs/errors/invalid_client",
	"/admin/v1/":                  "/admin/v1/tenants",
	"/console/":                   "/console/t/demo/clients",
}

// TestRouteTable walks the table: each route is where it says and asks of its
// caller what it says, and no listener has a route of the other (AD-12).
func TestRouteTable(t *testing.T) {
	t.Parallel()
	s := open(t)
	listeners := map[string]http.Handler{s.public.String(): s.publicHandler(), s.admin.String(): s.adminHandler()}
	for _, rt := range routes() {
		path, ok := paths[rt.path]
		if !ok {
			path = rt.path
		}
		for host, h := range listeners {
			has := rt.public && host == s.public.String() || (rt.admin || rt.pages) && host == s.admin.String()
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := httptest.NewRequestWithContext(t.Context(), method, "http://"+host+path, http.NoBody)
				r.RemoteAddr = "127.0.0.1:4711"
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				checkAccess(t, rt, has, method+" "+host+path, w)
			}
		}
	}
}

func checkAccess(t *testing.T, rt route, has bool, request string, w *httptest.ResponseRecorder) {
	t.Helper()
	switch {
	case !has:
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404: it is on the other listener", request, w.Code)
		}
	case rt.access == accessOpen:
		if w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden || rt.pages && w.Code >= 400 && w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d on an open route", request, w.Code)
		}
		if w.Code == http.StatusNotFound && !strings.Contains(rt.path, "{kid}") {
			t.Errorf("%s: not found", request)
		}
	case rt.access == accessPerson:
		if to := w.Header().Get("Location"); w.Code != http.StatusNotFound && (w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/console/sign-in")) {
			t.Errorf("%s: %d to %q without a session", request, w.Code, to)
		}
	case rt.access == accessToken && w.Code == http.StatusMethodNotAllowed:
		if strings.HasPrefix(request, http.MethodGet) {
			t.Errorf("%s: not allowed", request)
		}
	case rt.access == accessToken:
		if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") || w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %q without a token", request, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	case strings.HasPrefix(request, http.MethodGet):
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST, OPTIONS" {
			t.Errorf("%s: %d, Allow %q", request, w.Code, w.Header().Get("Allow"))
		}
	case w.Code != http.StatusBadRequest && w.Code != http.StatusUnauthorized:
		t.Errorf("%s: %d without client authentication", request, w.Code)
	}
}

// TestEndpointsAskForClients holds that no endpoint for clients answers one
// that does not say who it is (TE-07, IN-01, RV-01).
func TestEndpointsAskForClients(t *testing.T) {
	t.Parallel()
	s := open(t)
	h := s.publicHandler()
	for path, body := range map[string]string{
		"/oauth2/token":      "grant_type=client_credentials",
		"/oauth2/introspect": "token=x",
		"/oauth2/revoke":     "token=x",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.public.String()+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "127.0.0.1:4711"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: %d %q", path, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// TestReady holds that /readyz says why a server cannot do its work, and that
// /healthz says only that the process lives.
func TestReady(t *testing.T) {
	t.Parallel()
	s := open(t)
	probe := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.adminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, http.NoBody))
		return w
	}
	if w := probe("/readyz"); w.Code != http.StatusOK {
		t.Errorf("before: %d %s", w.Code, w.Body)
	}
	s.draining.Store(true)
	if w := probe("/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "stopping") {
		t.Errorf("draining: %d %s", w.Code, w.Body)
	}
	if w := probe("/healthz"); w.Code != http.StatusOK {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
	st := s.store
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if w := probe("/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "database") {
		t.Errorf("without a database: %d %s", w.Code, w.Body)
	}
	s.store = nil // closed already
}

func TestPeers(t *testing.T) {
	t.Parallel()
	proxies := peers{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, c := range []struct {
		name, remote, xff, proto string
		want                     issue.Peer
	}{
		{"direct", "203.0.113.7:1", "", "", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7")}},
		{"a caller pretends", "203.0.113.7:1", "10.1.1.1", "https", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7")}},
		{"behind a proxy", "10.0.0.1:1", "203.0.113.7", "https", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7"), Secure: true}},
		{"what a caller put in front", "10.0.0.1:1", "127.0.0.1, 203.0.113.7", "https", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7"), Secure: true}},
		{"two proxies", "10.0.0.1:1", "203.0.113.7, 10.0.0.2", "http", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7")}},
		{"two spellings of the scheme", "10.0.0.1:1", "203.0.113.7", "https, http", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7")}},
		{"no scheme said", "10.0.0.1:1", "203.0.113.7", "", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7")}},
		{"no address said", "10.0.0.1:1", "", "https", issue.Peer{Addr: netip.MustParseAddr("10.0.0.1"), Secure: true}},
		{"nonsense said", "10.0.0.1:1", "203.0.113.7, junk", "https", issue.Peer{Addr: netip.MustParseAddr("10.0.0.1"), Secure: true}},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", "203.0.113.7", "https", issue.Peer{Addr: netip.MustParseAddr("203.0.113.7"), Secure: true}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		r.RemoteAddr = c.remote
		if c.xff != "" {
			r.Header.Set("X-Forwarded-For", c.xff)
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		if got := proxies.of(r); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
