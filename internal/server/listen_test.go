package server_test

import (
	"crypto/tls"
	"net/http"
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
