package server_test

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/server"
)

// TestTLS holds which versions and suites are spoken (TL-01, TL-02), and that
// HTTP/2 is.
func TestTLS(t *testing.T) {
	t.Parallel()
	files := keyFiles(t)
	r := start(t, server.Config{TLS: writePair(t, files)})
	pool := trusting(t, files)
	r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	if tok := r.token("/oauth2/token"); tok == "" {
		t.Error("no token over TLS")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.public+"/.well-known/jwks.json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Errorf("protocol %s, want HTTP/2", res.Proto)
	}
	for _, c := range []struct {
		name   string
		min    uint16
		max    uint16
		suites []uint16
		want   bool
	}{
		{"TLS 1.3", tls.VersionTLS13, tls.VersionTLS13, nil, true},
		{"TLS 1.2 with AEAD", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, true},
		{"TLS 1.2 with CBC", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, false},
		{"TLS 1.2 without forward secrecy", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
		{"TLS 1.1", tls.VersionTLS11, tls.VersionTLS11, nil, false},
		{"TLS 1.0", tls.VersionTLS10, tls.VersionTLS10, nil, false},
	} {
		d := tls.Dialer{Config: &tls.Config{RootCAs: pool, MinVersion: c.min, MaxVersion: c.max, CipherSuites: c.suites}}
		conn, err := d.DialContext(t.Context(), "tcp", r.srv.PublicAddr().String())
		if (err == nil) != c.want {
			t.Errorf("%s: %v, want success %v", c.name, err, c.want)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// TL-07: every answer of every listener that speaks TLS, whatever gives it, has
// browsers come back by TLS alone for a year at least; none does without TLS.
func TestStrictTransport(t *testing.T) {
	t.Parallel()
	files := keyFiles(t)
	pair := writePair(t, files)
	r := start(t, server.Config{TLS: pair, AdminTLS: pair, ConsoleListen: "127.0.0.1:0"})
	r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusting(t, files), MinVersion: tls.VersionTLS12}}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	admin := "https://" + r.srv.AdminAddr().String()
	for _, url := range []string{
		r.public + "/.well-known/jwks.json", r.public + "/docs", r.public + "/oauth2/token", r.public + "/nothing",
		admin + "/healthz", admin + "/metrics", admin + "/v1/tenants", admin + "/nothing",
		r.srv.ConsoleURL() + "/sign-in", r.srv.ConsoleURL(), strings.TrimSuffix(r.srv.ConsoleURL(), "/console") + "/nothing",
	} {
		age, ok := strings.CutPrefix(r.get(url).header.Get("Strict-Transport-Security"), "max-age=")
		if seconds, err := strconv.Atoi(age); !ok || err != nil || seconds < 365*24*3600 {
			t.Errorf("%s: HSTS %q", url, age)
		}
	}
	plain := start(t, server.Config{})
	for _, url := range []string{plain.public + "/.well-known/jwks.json", plain.admin + "/healthz"} {
		if got := plain.get(url).header.Get("Strict-Transport-Security"); got != "" { // RFC 6797 forbids it
			t.Errorf("%s: HSTS %q without TLS", url, got)
		}
	}
}

// TestDocs holds that the pages which errors name are served, and need no
// script and nothing from elsewhere.
func TestDocs(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	for path, want := range map[string]int{
		"/docs": http.StatusOK, "/docs/": http.StatusOK, "/docs/errors/invalid_client": http.StatusOK,
		"/docs/errors/invalid_client.md": http.StatusOK, "/docs/errors/": http.StatusOK,
		"/docs/errors/none": http.StatusNotFound, "/docs/../go.mod": http.StatusNotFound, "/docs/embed.go": http.StatusNotFound,
	} {
		a := r.get(r.public + path)
		if a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
		if want == http.StatusOK && (strings.Contains(a.body, "<script") || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'")) {
			t.Errorf("%s: script in the page, or policy %q", path, a.header.Get("Content-Security-Policy"))
		}
	}
	if a := r.get(r.public + "/docs/errors/invalid_client"); !strings.Contains(a.body, "<h1") {
		t.Errorf("no heading in %s", a.body)
	}
}
