package consume_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/jose"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// keys are one of each type, and their PEM in one of the usual forms.
func keys(tb testing.TB) map[string]crypto.Signer {
	tb.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]crypto.Signer{
		"ES256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(tb),
		"ES384": must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(tb),
		"EdDSA": ed,
		"RS256": must(rsa.GenerateKey(rand.Reader, 2048))(tb),
	}
}

func pkcs8(tb testing.TB, key crypto.Signer) []byte {
	tb.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))(tb)})
}

// certificate returns a self-signed one.
func certificate(tb testing.TB, key crypto.Signer) *x509.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nightly-export"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(tb)
	return must(x509.ParseCertificate(der))(tb)
}

func parsed(r *http.Request) url.Values {
	if err := r.ParseForm(); err != nil {
		return nil
	}
	return r.PostForm
}

// RFC 7523 §2.2, §3; CL-14: an assertion that another library verifies, for the
// issuer alone, once for each request.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	for alg, key := range keys(t) {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			c := source(tripper(func(r *http.Request) (*http.Response, error) {
				form := parsed(r)
				if form.Get("client_id") != clientID || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" ||
					r.Header.Get("Authorization") != "" || form.Has("client_secret") {
					t.Errorf("got %v", form)
				}
				k := must(jose.NewKey(key.Public(), "2026-11", jose.Alg(alg)))(t)
				jws, claims := verified(t, form.Get("client_assertion"), func(*jose.JWS) *jose.Key { return k })
				if jws.KeyID != "2026-11" || jws.Type != "JWT" {
					t.Errorf("got kid %q and typ %q", jws.KeyID, jws.Type)
				}
				if claims["iss"] != clientID || claims["sub"] != clientID || claims["aud"] != "https://auth.example" ||
					claims["iat"] != float64(noon.Unix()) || claims["exp"] != float64(noon.Unix()+60) || seen[fmt.Sprint(claims["jti"])] {
					t.Errorf("got %v", claims)
				}
				seen[fmt.Sprint(claims["jti"])] = true
				return answer(http.StatusOK, good)(r)
			}))
			path := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(path, pkcs8(t, key), 0o600); err != nil {
				t.Fatal(err)
			}
			c.Auth, c.Secret, c.Issuer, c.Key = consume.PrivateKeyJWT, nil, "https://auth.example", consume.KeyFile(path, "2026-11")
			for range 2 {
				if _, err := c.Token(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if len(seen) != 2 {
				t.Errorf("%d requests, want 2", len(seen))
			}
		})
	}
}

// Entra knows keys by their certificates.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	key := keys(t)["RS256"]
	cert := certificate(t, key)
	file := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), pkcs8(t, key)...)
	k := must(consume.ParseKey(file, ""))(t)
	k.Alg = "PS256"
	sum := sha256.Sum256(cert.Raw)
	c := source(tripper(func(r *http.Request) (*http.Response, error) {
		head, err := base64.RawURLEncoding.DecodeString(strings.Split(parsed(r).Get("client_assertion"), ".")[0])
		want := fmt.Sprintf(`{"typ":"JWT","alg":"PS256","x5t#S256":"%s"}`, base64.RawURLEncoding.EncodeToString(sum[:]))
		if err != nil || string(head) != want {
			t.Errorf("got %s, want %s", head, want)
		}
		return answer(http.StatusOK, good)(r)
	}))
	c.Auth, c.Issuer, c.Key = consume.PrivateKeyJWT, c.TokenURL, consume.KeyValue(k)
	if _, err := c.Token(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	ks := keys(t)
	ec, rsaKey := ks["ES256"].(*ecdsa.PrivateKey), ks["RS256"].(*rsa.PrivateKey)
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(ec))(t)})
	for _, tt := range []struct {
		name string
		pem  []byte
		ok   bool
	}{
		{"PKCS #8", pkcs8(t, ec), true},
		{"SEC 1", sec1, true},
		{"PKCS #1", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}), true},
		{"with EC PARAMETERS before it", append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6}}), sec1...), true},
		{"empty", nil, false},
		{"a certificate alone", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate(t, ec).Raw}), false},
		{"broken", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("the-secret")}), false},
		{"a public key", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(ec.Public()))(t)}), false},
		{"P-224", pkcs8(t, must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))(t)), false},
	} {
		k, err := consume.ParseKey(tt.pem, "kid")
		if (err == nil) != tt.ok || (k != nil) != tt.ok || err != nil && strings.Contains(err.Error(), "the-secret") {
			t.Errorf("%s: got %v, %v, want ok %v", tt.name, k, err, tt.ok)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, k := range keys(f) {
		f.Add(pkcs8(f, k))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := consume.ParseKey(data, "kid")
		if (k == nil) == (err == nil) || k != nil && (k.Signer == nil || k.ID != "kid") {
			t.Errorf("got %v, %v", k, err)
		}
	})
}

// A key is shown as little as a token.
func TestKeyIsHidden(t *testing.T) {
	t.Parallel()
	key := keys(t)["ES256"].(*ecdsa.PrivateKey)
	k := &consume.SigningKey{Signer: key, ID: "2026-11"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("key", k))
	bytesOf := must(key.Bytes())(t)
	out := log.String() + fmt.Sprintf("%v %+v %#v %s", k, k, k, k)
	for _, secret := range []string{new(big.Int).SetBytes(bytesOf).String(), fmt.Sprintf("%x", bytesOf)} {
		if strings.Contains(out, secret) {
			t.Errorf("shown in %s", out)
		}
	}
	if !strings.Contains(out, "2026-11") {
		t.Errorf("not named in %s", out)
	}
}

// A key file that changes clears what a refused key latched.
func TestKeyChange(t *testing.T) {
	t.Parallel()
	ks := keys(t)
	now := ks["ES256"]
	c := source(answer(http.StatusBadRequest, `{"error":"invalid_client"}`))
	c.Auth, c.Issuer = consume.PrivateKeyJWT, "https://auth.example"
	c.Key = func(context.Context) (*consume.SigningKey, error) { return &consume.SigningKey{Signer: now}, nil }
	clock := noon
	src := &consume.Source{Fetcher: c, Now: func() time.Time { return clock }}
	defer src.Close()
	if _, err := src.Token(t.Context()); err == nil {
		t.Fatal("there is a token")
	}
	c.HTTPClient = &http.Client{Transport: answer(http.StatusOK, good)}
	clock = clock.Add(2 * time.Second)
	if _, err := src.Token(t.Context()); err == nil {
		t.Error("the same key is sent again")
	}
	now, clock = ks["EdDSA"], clock.Add(2*time.Second)
	if _, err := src.Token(t.Context()); err != nil {
		t.Errorf("with another key: %v", err)
	}
}

// RFC 8705 §2: the certificate of the connection, read again when it changes.
func TestTLSClientAuth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func() *x509.Certificate {
		k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
		c := certificate(t, k)
		for path, content := range map[string][]byte{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), key: pkcs8(t, k)} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	var got *x509.Certificate
	var form url.Values
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form = parsed(r)
		if len(r.TLS.PeerCertificates) > 0 {
			got = r.TLS.PeerCertificates[0]
		}
		fmt.Fprint(w, good)
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	srv.StartTLS()
	defer srv.Close()
	transport := srv.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.GetClientCertificate = consume.CertificateFiles(cert, key)
	transport.DisableKeepAlives = true
	c := source(transport)
	c.TokenURL, c.Auth, c.Secret, c.Now = srv.URL, consume.TLS, nil, nil
	for range 2 {
		want := write()
		if _, err := c.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !got.Equal(want) || form.Get("client_id") != clientID || form.Has("client_secret") {
			t.Errorf("got %v with the certificate of %v", form, got.Subject)
		}
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Token(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the key: got %v", err)
	}
}

// What is missing is said before anything is sent.
func TestLacks(t *testing.T) {
	t.Parallel()
	k := consume.KeyValue(&consume.SigningKey{Signer: keys(t)["ES256"]})
	for _, tt := range []struct {
		say    string
		change func(*consume.ClientCredentials)
	}{
		{"no key", func(c *consume.ClientCredentials) { c.Auth, c.Issuer = consume.PrivateKeyJWT, "https://auth.example" }},
		{"no issuer", func(c *consume.ClientCredentials) { c.Auth, c.Key = consume.PrivateKeyJWT, k }},
		{"scope has a field", func(c *consume.ClientCredentials) { c.Params = url.Values{"scope": {"x"}} }},
		{"client_secret has a field", func(c *consume.ClientCredentials) { c.Params = url.Values{"client_secret": {"x"}} }},
	} {
		c := source(tripper(func(*http.Request) (*http.Response, error) {
			t.Errorf("%s: a request was sent", tt.say)
			return nil, io.EOF
		}))
		tt.change(c)
		_, err := c.Token(t.Context())
		if e, ok := errors.AsType[*consume.Error](err); !ok || e.Temporary() || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: got %v", tt.say, err)
		}
	}
}

// Further parameters are sent in every dialect, and the renewal sends exactly
// what the first request did (requests-oauthlib#260, authlib#783).
func TestParams(t *testing.T) {
	t.Parallel()
	for _, auth := range []consume.Auth{consume.Basic, consume.Post, consume.JSON, consume.Query} {
		var sent []string
		c := source(tripper(func(r *http.Request) (*http.Response, error) {
			b := ""
			if r.Body != nil {
				b = string(must(io.ReadAll(r.Body))(t))
			}
			sent = append(sent, r.URL.RawQuery+" "+b)
			return answer(http.StatusOK, good)(r)
		}))
		c.Auth, c.Params, c.Audience, c.Scope = auth, url.Values{"organization": {"acme"}}, []string{"api"}, []string{"b", "a"}
		src := &consume.Source{Fetcher: c}
		for range 2 {
			if _, err := src.Force(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(sent) != 2 || sent[0] != sent[1] || !strings.Contains(sent[0], "acme") || !strings.Contains(sent[0], "organization") {
			t.Errorf("%s: sent %q", auth, sent)
		}
		src.Close()
	}
}

// Everything that makes a token another one is in the key of a cache.
func TestCacheKey(t *testing.T) {
	t.Parallel()
	base := func() *consume.ClientCredentials {
		c := source(nil)
		c.Scope, c.Audience, c.Resource = []string{"b", "a"}, []string{"x", "y"}, []string{"https://x.example"}
		return c
	}
	key := func(change func(c *consume.ClientCredentials)) string {
		c := base()
		change(c)
		return must(c.CacheKey())(t)
	}
	first := must(base().CacheKey())(t)
	for i, same := range []func(c *consume.ClientCredentials){
		func(c *consume.ClientCredentials) { c.Scope = []string{"a", "b", "b"} },
		func(c *consume.ClientCredentials) { c.Audience = []string{"y", "x"} },
		func(c *consume.ClientCredentials) { c.Auth = consume.Basic },
		func(c *consume.ClientCredentials) { c.Timeout = time.Hour },
		func(c *consume.ClientCredentials) { c.Secret = consume.SecretValue("another") },
	} {
		if key(same) != first {
			t.Errorf("%d: another key", i)
		}
	}
	seen := map[string]int{first: -1}
	for i, other := range []func(c *consume.ClientCredentials){
		func(c *consume.ClientCredentials) { c.TokenURL = "https://auth.example/other" },
		func(c *consume.ClientCredentials) { c.ClientID = "other" },
		func(c *consume.ClientCredentials) { c.Auth = consume.JSON },
		func(c *consume.ClientCredentials) { c.Scope = []string{"a"} },
		func(c *consume.ClientCredentials) { c.Scope = nil },
		func(c *consume.ClientCredentials) { c.Audience = []string{"x"} },
		func(c *consume.ClientCredentials) { c.Audience, c.Resource = c.Resource, c.Audience },
		func(c *consume.ClientCredentials) { c.Params = url.Values{"organization": {"acme"}} },
		func(c *consume.ClientCredentials) { c.DPoP = &consume.DPoP{} },
		func(c *consume.ClientCredentials) { c.DPoP = &consume.DPoP{} }, // another key
	} {
		k := key(other)
		if j, ok := seen[k]; ok {
			t.Errorf("%d and %d have the same key", i, j)
		}
		seen[k] = i
	}
}

// fetcherFunc is a Fetcher.
type fetcherFunc func() (*consume.Token, error)

func (f fetcherFunc) Token(context.Context) (*consume.Token, error) { return f() }

// verified reads a JWT that key signed.
func verified(t *testing.T, jwt string, key func(*jose.JWS) *jose.Key) (*jose.JWS, map[string]any) {
	t.Helper()
	jws, err := jose.Parse(jwt)
	if err != nil {
		t.Fatal(err)
	}
	if err := jws.Verify(key(jws)); err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(jws.Payload, &claims); err != nil {
		t.Fatal(err)
	}
	return jws, claims
}
