package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/bench/turns"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// What the tokens say.
const (
	audience = "https://api.example"
	scope    = "orders/read"
)

// Paths of the backend's server, which is the issuer too.
const (
	keysPath  = "/.well-known/jwks.json"
	readyPath = "/orders/7"
)

// serve runs one of the servers that are Go. Other is the file with the keys for
// the backend, and its address for the others.
func serve(what, addr, other string) error {
	var h http.Handler
	var err error
	switch what {
	case "backend":
		h, err = backendHandler(other)
	case "auth":
		h = authHandler(other)
	case "fixed":
		h = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	case "proxy":
		h = bareProxy(other)
	default:
		err = errors.New("backend, auth, fixed or proxy")
	}
	if err != nil {
		return err
	}
	srv := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	return srv.ListenAndServe()
}

// backendHandler answers the same each time, and serves the keys.
func backendHandler(keysFile string) (http.Handler, error) {
	keys, err := os.ReadFile(keysFile) //nolint:gosec // the file of this run
	if err != nil {
		return nil, err
	}
	body := []byte(`{"pad":"` + strings.Repeat("x", turns.AnswerSize-10) + `"}`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		if r.URL.Path == keysPath {
			_, _ = w.Write(keys) //nolint:gosec // G705: public keys, as JSON
			return
		}
		_, _ = w.Write(body)
	}), nil
}

// authHandler is the endpoint that nginx asks: what a good engineer writes with
// a verifier that remembers verified tokens, and no more than that.
func authHandler(backend string) http.Handler {
	issuer := "http://" + backend
	v := &enforce.Verifier{
		Issuers:  &enforce.Issuer{Name: issuer, Keys: &enforce.RemoteKeySet{URL: issuer + keysPath, Client: &http.Client{Timeout: 5 * time.Second}}},
		Audience: audience, Cache: &enforce.TokenCache{},
	}
	need := oauth.NewScope(scope)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		tok, err := v.Verify(context.WithoutCancel(r.Context()), value)
		switch {
		case err != nil:
			w.WriteHeader(http.StatusUnauthorized)
		case len(need.Without(tok.Scope)) > 0:
			w.WriteHeader(http.StatusForbidden)
		default:
			w.Header()["X-Client-Id"] = []string{tok.ClientID}
		}
	})
}

// bareProxy passes everything on.
func bareProxy(backend string) http.Handler {
	u := &url.URL{Scheme: "http", Host: backend}
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute},
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u) },
	}
}

// newToken returns the keys of an issuer as a JWK Set and a token of it.
func newToken(issuer string) (keys []byte, token string, err error) {
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		return nil, "", err
	}
	s, err := jose.NewSigner(key, jose.ES256, "bench", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}})
	if err != nil {
		return nil, "", err
	}
	payload, err := claims(issuer)
	if err != nil {
		return nil, "", err
	}
	raw, err := s.AppendSign(nil, payload)
	return jose.AppendKeySet(nil, []*jose.Key{s.Key()}), string(raw), err
}
