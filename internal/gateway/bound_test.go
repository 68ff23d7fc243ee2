package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// authority is a CA for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert, a.key = a.sign(c, nil, nil)
	a.file = a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

// sign makes a certificate, self-signed without a parent.
func (a *authority) sign(c, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if parent == nil {
		parent, by = c, key
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// pair writes a certificate for 127.0.0.1, and for whoever has it as a client.
func (a *authority) pair(name string) (cert, key string, pair tls.Certificate) {
	a.t.Helper()
	c, k := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, a.key)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", c.Raw), a.write(name+".key", "PRIVATE KEY", der),
		tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: k, Leaf: c}
}

// pool trusts the CA and nothing else.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// caller is an HTTP client with a certificate, or none.
func (a *authority) caller(certs ...tls.Certificate) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.pool(), Certificates: certs}, ForceAttemptHTTP2: true}
	a.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// fetch sends a GET and returns the status, 0 where there is no answer.
func fetch(t *testing.T, c *http.Client, url string, header http.Header) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := c.Do(req)
	if err != nil {
		return 0, http.Header{"Error": {err.Error()}}
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode, res.Header
}

// TestBoundTokens is RFC 8705 §3 and RFC 9449 §7 over real TLS, MT-06 and DP-12:
// a token that is bound to a certificate or to a DPoP key passes with its proof
// and not without it, with another's, or twice with one proof. Over HTTP/2, which
// TLS agrees on.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	is, b, ca := newIssuer(t), newBackend(t, nil), newAuthority(t)
	cert, key, _ := ca.pair("server")
	_, _, mine := ca.pair("mine")
	_, _, other := ca.pair("other")
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL})
	c.TLS = &gateway.TLS{Cert: cert, Key: key, ClientCertificates: gateway.CertificateRequest}
	_, s := open(t, c, gateway.Deps{})
	url := "https://" + s.Addr().String() + "/a"
	sum := sha256.Sum256(mine.Certificate[0])
	bound := is.token("", map[string]any{"cnf": map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}})
	p := newProver(t, is, "")
	dpop := func(token string, proofs ...string) http.Header {
		return http.Header{"Authorization": {"DPoP " + token}, "Dpop": proofs}
	}
	used := p.proof("GET", url)
	for _, tt := range []struct {
		name   string
		certs  []tls.Certificate
		header http.Header
		status int
		says   string
	}{
		{"its certificate", []tls.Certificate{mine}, bearer(bound), 200, ""},
		{"no certificate", nil, bearer(bound), 401, `Bearer realm="` + audience + `", error="invalid_token", error_description="the access token is bound to a certificate that the client did not present"`},
		{"another certificate", []tls.Certificate{other}, bearer(bound), 401, `Bearer realm="` + audience + `", error="invalid_token", error_description="the access token is bound to another certificate"`},
		{"the certificate in a header", nil, http.Header{"Authorization": {"Bearer " + bound}, "Client-Cert": {":" + base64.StdEncoding.EncodeToString(mine.Certificate[0]) + ":"}}, 401, ""},
		{"not bound, with a certificate", []tls.Certificate{other}, bearer(is.token("", nil)), 200, ""},
		{"its proof", nil, dpop(p.token, used), 200, ""},
		{"the same proof again", nil, dpop(p.token, used), 401, ""},
		{"a new proof", nil, dpop(p.token, p.proof("GET", url)), 200, ""},
		{"no proof", nil, dpop(p.token), 401, ""},
		{"two proofs", nil, dpop(p.token, p.proof("GET", url), p.proof("GET", url)), 401, ""},
		{"as a bearer token", nil, bearer(p.token), 401, ""},
		{"a proof for another method", nil, dpop(p.token, p.proof("POST", url)), 401, ""},
		{"a proof for plain HTTP", nil, dpop(p.token, p.proof("GET", "http"+url[5:])), 401, ""},
		{"another's proof", nil, dpop(p.token, newProver(t, is, "").proof("GET", url)), 401, ""},
	} {
		status, h := fetch(t, ca.caller(tt.certs...), url, tt.header)
		if challenge := h.Get("Www-Authenticate"); status != tt.status || tt.says != "" && len(challenge) < len(tt.says) || tt.says != "" && challenge[:len(tt.says)] != tt.says {
			t.Errorf("%s: %d %s, want %d", tt.name, status, h, tt.status)
		}
	}
	if got, _ := b.last(); got.Header.Get("Dpop") != "" || got.Header.Get("Authorization") != "" {
		t.Errorf("the backend got %v", got.Header)
	}
}

// TestUpstreamTLS: the gateway shows its certificate to a backend that demands
// one, and passes nothing to a backend whose own it cannot check.
func TestUpstreamTLS(t *testing.T) {
	t.Parallel()
	is, ca, stranger := newIssuer(t), newAuthority(t), newAuthority(t)
	_, _, server := ca.pair("backend")
	cert, key, _ := ca.pair("gateway")
	wrongCert, wrongKey, _ := stranger.pair("gateway")
	b := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.TLS.PeerCertificates[0].Subject.CommonName+" "+r.Proto)
	}))
	b.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{server}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	b.EnableHTTP2 = true
	b.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	b.StartTLS()
	t.Cleanup(b.Close)
	c := is.config()
	addr := b.Listener.Addr().String()
	for _, u := range []*gateway.Upstream{
		{Name: "good", URL: "https://" + addr, CA: ca.file, Cert: cert, Key: key},
		{Name: "h2", URL: "h2://" + addr, CA: ca.file, Cert: cert, Key: key},
		{Name: "nothing-shown", URL: "https://" + addr, CA: ca.file},
		{Name: "stranger", URL: "https://" + addr, CA: ca.file, Cert: wrongCert, Key: wrongKey},
		{Name: "untrusted", URL: "https://" + addr, CA: stranger.file, Cert: cert, Key: key},
		{Name: "misnamed", URL: "https://" + addr, CA: ca.file, Cert: cert, Key: key, ServerName: "other.example"},
	} {
		c.Upstreams = append(c.Upstreams, u)
		c.Routes = append(c.Routes, &gateway.Route{Name: u.Name, Paths: []string{"/" + u.Name}, Upstream: u.Name})
	}
	srv := front(t, newGateway(t, c, gateway.Deps{}))
	for name, want := range map[string]string{
		"good": "gateway HTTP/1.1", "h2": "gateway HTTP/2.0", "nothing-shown": "", "stranger": "", "untrusted": "", "misnamed": "",
	} {
		res, body := call(t, "GET", srv.URL+"/"+name, is.token("", nil), "", nil)
		if got := res.Header.Get("X-Seen"); got != want || want == "" && res.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %d %s, the backend saw %q, want %q", name, res.StatusCode, body, got, want)
		}
	}
}

// TestReloadTLS: a reload takes other certificates and another CA of clients
// without a restart, one that cannot be read changes nothing, and a connection
// that is open goes on.
func TestReloadTLS(t *testing.T) {
	t.Parallel()
	is, b, ca, second := newIssuer(t), newBackend(t, nil), newAuthority(t), newAuthority(t)
	config := func(ca, of *authority, name string) *gateway.Config {
		cert, key, _ := ca.pair(name)
		c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL})
		c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
		c.TLS = &gateway.TLS{Cert: cert, Key: key, ClientCertificates: gateway.CertificateRequire, ClientCA: of.file}
		return c
	}
	_, _, one := ca.pair("client-one")
	_, _, two := second.pair("client-two")
	_, s := open(t, config(ca, ca, "first"), gateway.Deps{})
	url, token := "https://"+s.Addr().String()+"/a", bearer(is.token("", nil))
	kept := ca.caller(one)
	if status, h := fetch(t, kept, url, token); status != 200 {
		t.Fatal(status, h)
	}
	if status, _ := fetch(t, ca.caller(two), url, token); status != 0 {
		t.Errorf("a certificate of another CA: %d", status)
	}
	broken := config(ca, ca, "broken")
	if err := os.WriteFile(broken.TLS.Key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(func() (*gateway.Config, error) { return broken, nil }); err == nil {
		t.Error("a key that is none is taken")
	}
	if status, _ := fetch(t, ca.caller(one), url, token); status != 200 {
		t.Errorf("after a reload that failed: %d", status)
	}
	restart, err := s.Reload(func() (*gateway.Config, error) { return config(second, second, "second"), nil })
	if err != nil || len(restart) > 0 {
		t.Fatalf("got %v, %v", restart, err)
	}
	if status, h := fetch(t, second.caller(two), url, token); status != 200 {
		t.Errorf("after the reload: %d %v", status, h)
	}
	for what, c := range map[string]*http.Client{"the server of before": ca.caller(one), "the clients of before": second.caller(one)} {
		if status, _ := fetch(t, c, url, token); status != 0 {
			t.Errorf("%s: %d", what, status)
		}
	}
	if status, _ := fetch(t, kept, url, token); status != 200 {
		t.Errorf("a connection that was open: %d", status)
	}
	plain := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL})
	if restart, err := s.Reload(func() (*gateway.Config, error) { return plain, nil }); err != nil || len(restart) == 0 {
		t.Errorf("from TLS to none: %v, %v", restart, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, RootCAs: second.pool()}}).DialContext(ctx, "tcp", s.Addr().String())
	if err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}
