package enforce_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// selfSigned returns a client certificate with its key.
func selfSigned(tb testing.TB, name string) tls.Certificate {
	tb.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(20, 0, 0), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, priv.Public(), priv)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: priv, Leaf: leaf}
}

// boundTo is a token that is bound to a certificate.
func (s *signer) boundTo(c tls.Certificate) string {
	return s.with(map[string]any{"cnf": map[string]string{"x5t#S256": enforce.CertificateThumbprint(c.Leaf)}})
}

const (
	noCertificate    = "401 invalid_token cert.missing"
	otherCertificate = "401 invalid_token cert.mismatch"
)

// MT-06, MT-10, MT-08: a bound token needs the certificate of the connection,
// and what a client writes into a header is none.
func TestCertificate(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	mine, other := selfSigned(t, "agent"), selfSigned(t, "agent") // the same subject
	bound, plain := s.boundTo(mine), s.with(nil)
	p := newProver(t, jose.ES256)
	both := s.with(map[string]any{"cnf": map[string]string{
		"x5t#S256": enforce.CertificateThumbprint(mine.Leaf), "jkt": p.key().Thumbprint(),
	}})
	for _, tt := range []struct {
		name   string
		scheme string
		token  string
		cert   *x509.Certificate
		proof  string
		want   string
	}{
		{"its certificate", "Bearer", bound, mine.Leaf, "", ""},
		{"none", "Bearer", bound, nil, "", noCertificate},
		{"another with the same subject", "Bearer", bound, other.Leaf, "", otherCertificate},
		{"one that nobody asked for", "Bearer", plain, other.Leaf, "", ""},
		{"bound to a certificate and a key", "DPoP", both, mine.Leaf, p.proof(both, nil), ""},
		{"the key alone", "DPoP", both, nil, p.proof(both, nil), noCertificate},
		{"the certificate alone", "Bearer", both, mine.Leaf, "", bearerBound},
	} {
		v := s.verifier()
		v.DPoP = &enforce.DPoP{}
		c := enforce.Call{
			Method: http.MethodGet, Scheme: "https", Host: "api.example", Path: "/orders", Certificate: tt.cert,
			Header: http.Header{"Authorization": {tt.scheme + " " + tt.token}},
		}
		der := ":" + base64.StdEncoding.EncodeToString(mine.Leaf.Raw) + ":"
		for _, name := range []string{"Client-Cert", "X-Ssl-Client-Cert", "X_SSL_Client_Cert", "X-Forwarded-Client-Cert"} { // MT-08
			c.Header.Set(name, der)
		}
		if tt.proof != "" {
			c.Header.Set("DPoP", tt.proof)
		}
		_, err := v.AuthenticateCall(t.Context(), c, "orders.read")
		if got := told(t, err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
		if _, err := v.Verify(t.Context(), bound); told(t, err) != noCertificate {
			t.Errorf("Verify of a bound token: got %v", err)
		}
	}
}

// MT-06, MT-09: over real connections, resumed ones too.
func TestCertificateTLS(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	mine, other := selfSigned(t, "a"), selfSigned(t, "b")
	bound := s.boundTo(mine)
	var resumed bool
	srv := httptest.NewUnstartedServer(s.verifier().Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		resumed = r.TLS.DidResume
	})))
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	defer srv.Close()
	cache := tls.NewLRUClientSessionCache(8)
	get := func(cert *tls.Certificate, sessions tls.ClientSessionCache) int {
		t.Helper()
		base := srv.Client().Transport.(*http.Transport).TLSClientConfig
		conf := &tls.Config{RootCAs: base.RootCAs, MinVersion: tls.VersionTLS12, ClientSessionCache: sessions}
		if cert != nil {
			conf.Certificates = []tls.Certificate{*cert}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+bound)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if got := get(&mine, cache); got != http.StatusOK || resumed {
		t.Errorf("its certificate: got %d, resumed %v", got, resumed)
	}
	if got := get(&mine, cache); got != http.StatusOK || !resumed {
		t.Errorf("a resumed connection: got %d, resumed %v", got, resumed)
	}
	if got := get(&other, nil); got != http.StatusUnauthorized {
		t.Errorf("another certificate: got %d", got)
	}
	if got := get(nil, nil); got != http.StatusUnauthorized {
		t.Errorf("no certificate: got %d", got)
	}
	// The other client resumes its own session, and is not taken for the first.
	others := tls.NewLRUClientSessionCache(8)
	for range 2 {
		if got := get(&other, others); got != http.StatusUnauthorized {
			t.Errorf("another's resumed connection: got %d", got)
		}
	}
}

// MT-08: a certificate in a header counts from the listed proxies alone.
func TestForwardedCertificate(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	mine := selfSigned(t, "agent")
	v := s.verifier()
	v.Certificate = enforce.ForwardedCertificate(netip.MustParsePrefix("10.0.0.0/24"))
	der := base64.StdEncoding.EncodeToString(mine.Leaf.Raw)
	for _, tt := range []struct {
		name, from string
		values     []string
		want       string
	}{
		{"from the proxy", "10.0.0.1:9", []string{":" + der + ":"}, ""},
		{"from the proxy, mapped", "[::ffff:10.0.0.1]:9", []string{":" + der + ":"}, ""},
		{"from elsewhere", "10.0.1.1:9", []string{":" + der + ":"}, noCertificate},
		{"from nowhere", "x", []string{":" + der + ":"}, noCertificate},
		{"none", "10.0.0.1:9", nil, noCertificate},
		{"twice", "10.0.0.1:9", []string{":" + der + ":", ":" + der + ":"}, "400 invalid_request cert.missing"},
		{"bare", "10.0.0.1:9", []string{der}, "400 invalid_request cert.missing"},
		{"garbage", "10.0.0.1:9", []string{":AAAA:"}, "400 invalid_request cert.missing"},
		{"something after it", "10.0.0.1:9", []string{":" + base64.StdEncoding.EncodeToString(append(mine.Leaf.Raw, 0)) + ":"}, "400 invalid_request cert.missing"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.RemoteAddr = tt.from
		r.Header.Set("Authorization", "Bearer "+s.boundTo(mine))
		r.Header["Client-Cert"] = tt.values
		_, err := v.Authenticate(r)
		if got := told(t, err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

// A token that is bound in a way that we cannot check is nobody's.
func TestConfirmation(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	hash := hashOf("x")
	for cnf, want := range map[string]string{
		`{}`:                                    "token.malformed",
		`null`:                                  "token.malformed",
		`"x"`:                                   "token.malformed",
		`[]`:                                    "token.malformed",
		`{"kid":"x"}`:                           "token.malformed",
		`{"jwk":{}}`:                            "token.malformed",
		`{"jkt":1}`:                             "token.malformed",
		`{"jkt":"short"}`:                       "token.malformed",
		`{"jkt":""}`:                            "token.malformed",
		`{"x5t#S256":"` + hash[:42] + `"}`:      "token.malformed",
		`{"x5t#S256":"` + hash + `="}`:          "token.malformed",
		`{"jkt":"` + hash + `"}`:                "",
		`{"x5t#S256":"` + hash + `","kid":"x"}`: "",
	} {
		_, err := s.verifier().Inspect(t.Context(), s.with(map[string]any{"cnf": json.RawMessage(cnf)}))
		if got := reason(t, err); got != want {
			t.Errorf("%s: got %q, want %q", cnf, got, want)
		}
	}
}
