package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/server"
)

// keyFiles names files that are not there yet.
func keyFiles(t *testing.T) server.KeyFiles {
	t.Helper()
	dir := t.TempDir()
	return server.KeyFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// writePair writes a new certificate for 127.0.0.1 and loads it.
func writePair(t *testing.T, files server.KeyFiles) *server.KeyPair {
	t.Helper()
	writeKeyFiles(t, files, 1)
	pair, err := server.LoadKeyPair(files)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// writeKeyFiles writes a new certificate with a serial number, each file whole.
func writeKeyFiles(t *testing.T, files server.KeyFiles, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
}

// trusting is a pool with the certificate in a file.
func trusting(t *testing.T, files server.KeyFiles) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(files.Cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in the file")
	}
	return pool
}

// served returns the serial number of the certificate that new connections get.
func (r *running) served(addr net.Addr) int64 {
	r.t.Helper()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- looks at the certificate alone
	conn, err := d.DialContext(r.t.Context(), "tcp", addr.String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestCertificateReload reloads the certificate ten times while clients with old
// and new connections ask for tokens: none fails, and each certificate is the
// one that is served from then on (TL-05, TL-06, R17).
func TestCertificateReload(t *testing.T) {
	t.Parallel()
	files := keyFiles(t)
	r := start(t, server.Config{TLS: writePair(t, files)})
	ctx, cancel := context.WithCancel(t.Context())
	var asked, failed atomic.Int64
	var clients sync.WaitGroup
	for i := range 4 {
		transport := &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- the certificate changes all the time
			DisableKeepAlives: i%2 == 0, ForceAttemptHTTP2: i == 1,
		}
		clients.Go(func() {
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				if err := r.askOnce(transport); err != nil {
					failed.Add(1)
					t.Error(err)
				}
				asked.Add(1)
			}
		})
	}
	const reloads = 10
	for n := range int64(reloads) {
		writeKeyFiles(t, files, n+2)
		if err := r.srv.Reload(server.Live{TLS: files}); err != nil {
			t.Fatal(err)
		}
		if got := r.served(r.srv.PublicAddr()); got != n+2 {
			t.Errorf("certificate %d is served after reload %d", got, n+2)
		}
		for since := asked.Load(); asked.Load() < since+20; { // some requests with each
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	clients.Wait()
	t.Logf("%d requests during %d reloads, %d failed", asked.Load(), reloads, failed.Load())
}

// askOnce gets one token.
func (r *running) askOnce(transport http.RoundTripper) error {
	req, err := http.NewRequest(http.MethodPost, r.public+"/oauth2/token", strings.NewReader(grant.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(r.demo.ClientID, r.demo.Secret)
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return &net.AddrError{Err: res.Status, Addr: r.public}
	}
	return nil
}

// TestCertificateFilesAreFollowed holds that a change of the files is enough,
// on either listener, and that files that do not belong together change
// nothing.
func TestCertificateFilesAreFollowed(t *testing.T) {
	t.Parallel()
	public, admin := keyFiles(t), keyFiles(t)
	r := start(t, server.Config{TLS: writePair(t, public), AdminTLS: writePair(t, admin)})
	writeKeyFiles(t, public, 2)
	writeKeyFiles(t, admin, 3)
	waitFor(t, "the new certificates", func() bool {
		return r.served(r.srv.PublicAddr()) == 2 && r.served(r.srv.AdminAddr()) == 3
	})
	if err := os.WriteFile(public.Key, []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a line about the wrong pair", func() bool {
		return strings.Contains(r.log.String(), `"msg":"the new certificate cannot be used and the old one stays","listener":"public listener"`)
	})
	if got := r.served(r.srv.PublicAddr()); got != 2 {
		t.Errorf("certificate %d is served, want the old one", got)
	}
	writeKeyFiles(t, public, 4)
	waitFor(t, "the certificate after the wrong one", func() bool { return r.served(r.srv.PublicAddr()) == 4 })
	// One more is fair: the server may look between the two new files.
	if n := strings.Count(r.log.String(), "cannot be used and the old one stays"); n > 2 {
		t.Errorf("%d lines about one wrong pair", n)
	}
}

// waitFor asks until something holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	patience := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-patience:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestReloadIsWhole holds that a reload with one thing wrong changes nothing,
// and that a right one changes whom the server believes.
func TestReloadIsWhole(t *testing.T) {
	t.Parallel()
	public, admin := keyFiles(t), keyFiles(t)
	r := start(t, server.Config{TLS: writePair(t, public), AdminTLS: writePair(t, admin)})
	fresh := keyFiles(t)
	writeKeyFiles(t, fresh, 2)
	trusts := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if err := r.srv.Reload(server.Live{TLS: fresh, AdminTLS: server.KeyFiles{Cert: "none", Key: admin.Key}, BehindProxy: trusts}); err == nil {
		t.Error("a certificate that is not there is no error")
	}
	if got := r.served(r.srv.PublicAddr()); got != 1 {
		t.Errorf("certificate %d is served after a reload that failed", got)
	}
	r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- whoever it is
	ask := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.public+"/oauth2/token", strings.NewReader(grant.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-For", "203.0.113.7")
		req.Header.Set("X-Forwarded-Proto", "http")
		req.SetBasicAuth(r.demo.ClientID, r.demo.Secret)
		return r.do(req).status
	}
	if got := ask(); got != http.StatusOK {
		t.Errorf("a header of nobody counts: %d", got)
	}
	if err := r.srv.Reload(server.Live{TLS: fresh, AdminTLS: admin, BehindProxy: trusts, DrainTimeout: time.Second}); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != http.StatusBadRequest {
		t.Errorf("the header of a proxy does not count: %d", got)
	}
	if got := r.served(r.srv.PublicAddr()); got != 2 {
		t.Errorf("certificate %d is served", got)
	}
}
