package clientkeys_test

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientkeys"
)

// TestGuard is AD-18 for keys of clients: a registration reaches no address that
// is not public, by whatever name and whatever redirect, unless the operator
// opened its network; and nothing without TLS that we trust.
func TestGuard(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	doc := set(t, "a")
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/jwks", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(doc))
	}))
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	for _, tt := range []struct {
		name     string
		uri      string
		networks []netip.Prefix
		roots    *x509.CertPool
		want     string
		asked    int64
	}{
		{"open", srv.URL + "/jwks", loopback, roots, "a", 1},
		{"not open", srv.URL + "/jwks", nil, roots, "error", 0},
		{"another network is", srv.URL + "/jwks", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, roots, "error", 0},
		{"by name", "https://localhost" + port + "/jwks", nil, roots, "error", 0},
		{"mapped", "https://[::ffff:127.0.0.1]" + port + "/jwks", nil, roots, "error", 0},
		{"redirected", srv.URL + "/moved", loopback, roots, "error", 1},
		{"an authority that nobody knows", srv.URL + "/jwks", loopback, nil, "error", 0},
		{"in the clear", "http" + strings.TrimPrefix(srv.URL, "https") + "/jwks", loopback, roots, "error", 0},
		{"link-local", "https://169.254.169.254/latest/meta-data", nil, roots, "error", 0},
		{"private", "https://10.0.0.1/jwks", nil, roots, "error", 0},
		{"translated", "https://[64:ff9b::7f00:1]/jwks", nil, roots, "error", 0},
		{"unique local", "https://[fd00::1]/jwks", nil, roots, "error", 0},
	} {
		asked.Store(0)
		s := &clientkeys.Source{HTTP: clientkeys.NewHTTPClient(tt.networks, tt.roots), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		got := kids(t, s, &mintage.Client{Tenant: "acme", ID: "far", JWKSURI: tt.uri}, "")
		if got != tt.want || asked.Load() != tt.asked {
			t.Errorf("AD-18: %s: got %q after %d requests in %v, want %q after %d", tt.name, got, asked.Load(), time.Since(began), tt.want, tt.asked)
		}
		s.Close()
	}
}
