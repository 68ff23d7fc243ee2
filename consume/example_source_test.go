package consume_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

func ExampleSource() {
	server := tokenEndpoint()
	defer server.Close()

	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL:   server.URL,
		ClientID:   "nightly-export",
		Secret:     consume.SecretValue("correct-horse"),
		Scope:      []string{"orders.read"},
		HTTPClient: &http.Client{},
	}}
	defer src.Close()
	for range 1000 {
		if _, err := src.Token(context.Background()); err != nil {
			fmt.Println(err)
			return
		}
	}
	st := src.Status()
	fmt.Println(st.State, st.Served, st.Fetches)
	// Output:
	// fresh 1000 1
}

func ExampleSource_Renew() {
	server := tokenEndpoint()
	defer server.Close()
	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL: server.URL, ClientID: "nightly-export", Secret: consume.SecretValue("correct-horse"), HTTPClient: &http.Client{},
	}}
	defer src.Close()

	ctx := context.Background()
	tok, err := src.Token(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	// An API has refused tok. However many callers come with it, one new token is
	// fetched. Transport does this by itself.
	_, err = src.Renew(ctx, tok)
	fmt.Println(src.Status().Fetches, err)
	// Output:
	// 2 <nil>
}

func ExampleSource_Force() {
	fixed := false
	src := &consume.Source{Fetcher: fetcherFunc(func() (*consume.Token, error) {
		if !fixed {
			return nil, &consume.Error{Status: http.StatusUnauthorized, Code: "invalid_client"}
		}
		return &consume.Token{Value: "2YotnFZFEjr1zCsicMWpAA", Expires: time.Now().Add(time.Hour)}, nil
	})}
	defer src.Close()

	ctx := context.Background()
	_, err := src.Token(ctx)
	fmt.Println(err)
	_, err = src.Token(ctx) // does not ask again for half a minute
	backoff, ok := errors.AsType[*consume.BackoffError](err)
	fmt.Println(ok && time.Until(backoff.RetryAt) > 29*time.Second)
	fixed = true // by somebody who does not want to wait
	_, err = src.Force(ctx)
	fmt.Println(err)
	// Output:
	// token request: 401: invalid_client
	// true
	// <nil>
}

func ExampleTransport() {
	server := tokenEndpoint()
	defer server.Close()
	refused := false
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "an order" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if !refused { // the first token
			refused = true
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()

	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL: server.URL, ClientID: "nightly-export", Secret: consume.SecretValue("correct-horse"), HTTPClient: &http.Client{},
	}}
	defer src.Close()
	client := &http.Client{Transport: &consume.Transport{Source: src, Origins: []string{api.URL}}}

	res, err := client.Post(api.URL, "text/plain", strings.NewReader("an order"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	fmt.Println(res.StatusCode, src.Status().Fetches)

	_, err = client.Get("https://elsewhere.example/") //nolint:bodyclose // there is none
	fmt.Println(err)
	// Output:
	// 200 2
	// Get "https://elsewhere.example/": the token is not meant for https://elsewhere.example:443: add it to the Transport's Origins if it is
}

func ExampleDiscover() {
	s, stop := server()
	defer stop()

	m, err := consume.Discover(context.Background(), s.Client(), s.Issuer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.TokenEndpoint == s.TokenURL)
	// Output:
	// true
}

func ExampleKeyFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "client-key.pem")
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.FormValue("client_assertion_type"), r.Header.Get("Authorization") == "")
		fmt.Fprint(w, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600}`)
	}))
	defer server.Close()

	src := &consume.ClientCredentials{
		TokenURL:   server.URL,
		ClientID:   "nightly-export",
		Auth:       consume.PrivateKeyJWT,
		Key:        consume.KeyFile(file, "2026-11"), // read again for each token
		Issuer:     "https://auth.example",
		HTTPClient: &http.Client{},
	}
	_, err = src.Token(context.Background())
	fmt.Println(err)
	// Output:
	// urn:ietf:params:oauth:client-assertion-type:jwt-bearer true
	// <nil>
}

func ExampleCertificateFiles() {
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetClientCertificate: consume.CertificateFiles("/run/secrets/client.pem", "/run/secrets/client-key.pem"),
	}}
	src := &consume.ClientCredentials{
		TokenURL:   "https://mtls.auth.example/oauth2/token",
		ClientID:   "nightly-export",
		Auth:       consume.TLS,
		HTTPClient: &http.Client{Transport: transport},
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the server does not exist
	_, err := src.Token(ctx)
	fmt.Println(err)
	// Output:
	// token request: context canceled
}

func ExampleDPoP() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("the token endpoint gets a proof:", r.Header.Get("DPoP") != "")
		fmt.Fprint(w, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"DPoP","expires_in":3600}`)
	}))
	defer server.Close()
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println("the API gets another:", r.Header.Get("DPoP") != "", r.Header.Get("Authorization")[:5])
	}))
	defer api.Close()

	key := &consume.DPoP{} // made at first use, in memory alone
	src := &consume.Source{Fetcher: &consume.ClientCredentials{
		TokenURL: server.URL, ClientID: "nightly-export", Secret: consume.SecretValue("correct-horse"),
		DPoP: key, HTTPClient: &http.Client{},
	}}
	defer src.Close()
	client := &http.Client{Transport: &consume.Transport{Source: src, DPoP: key, Origins: []string{api.URL}}}
	res, err := client.Get(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	// Output:
	// the token endpoint gets a proof: true
	// the API gets another: true DPoP
}
