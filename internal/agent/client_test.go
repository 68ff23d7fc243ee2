package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// writePEM writes a key and a certificate of it that ends tomorrow.
func writePEM(t *testing.T, dir string) (keyFile, certFile string, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, certFile = filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	for file, block := range map[string]*pem.Block{keyFile: {Type: "PRIVATE KEY", Bytes: der}, certFile: {Type: "CERTIFICATE", Bytes: cert}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return keyFile, certFile, key
}

// TestWithoutSecret: clients that sign, or show a certificate, to the token
// endpoint and to the upstream.
func TestWithoutSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile, certFile, key := writePEM(t, dir)
	public, err := jose.NewKey(key.Public(), "k1", "ES256")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := len(r.TLS.PeerCertificates) == 1 && key.PublicKey.Equal(r.TLS.PeerCertificates[0].PublicKey)
		signed := false
		if parsed, err := jose.Parse(r.PostFormValue("client_assertion")); err == nil {
			signed = parsed.Verify(public) == nil
		}
		switch {
		case r.URL.Path == "/base/x" && shown:
			fmt.Fprint(w, r.Header.Get("Authorization"))
		case r.URL.Path == "/token" && r.PostFormValue("client_id") == "app" && shown,
			r.URL.Path == "/token" && signed:
			fmt.Fprintf(w, `{"access_token":"token-%t","token_type":"Bearer","expires_in":60}`, signed)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cert := fmt.Sprintf("cert_file: %s, cert_key_file: %s", certFile, keyFile)
	for auth, want := range map[string]string{
		"auth: private_key_jwt, key_id: k1, issuer: " + s.URL + ", key_file: " + keyFile: "Bearer token-true",
		"auth: tls_client_auth, " + cert:                                                 "Bearer token-false",
	} {
		config := fmt.Sprintf("upstreams:\n  orders: { url: %s/base, ca_file: %s, %s, token: { token_url: %[1]s/token, ca_file: %[2]s, client_id: app, %[4]s } }\n",
			s.URL, ca, cert, auth)
		for _, protocol := range []string{"", "protocol: http1, "} {
			a := start(t, strings.Replace(config, "{ url", "{ "+protocol+"url", 1), nil)
			if got := a.do(t, "GET", "/orders/x", nil); got.status != http.StatusOK || got.body != want {
				t.Errorf("%s: %d %s, want %s\n%s", auth, got.status, got.body, want, a.log)
			}
		}
	}
}
