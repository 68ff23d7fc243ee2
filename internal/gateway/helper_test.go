package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/internal/jose"
)

const audience = "https://api.example"

// authServer is an issuer, as far as a gateway needs one.
type authServer struct {
	*httptest.Server
	tb      testing.TB
	signer  atomic.Pointer[jose.Signer]
	next    *jose.Signer // published, and not in use yet
	fetches atomic.Int64
	serve   func(w http.ResponseWriter, r *http.Request) // what else it serves
}

func newIssuer(tb testing.TB) *authServer {
	tb.Helper()
	is := &authServer{tb: tb}
	is.signer.Store(newSigner(tb, "k1"))
	is.next = newSigner(tb, "k2")
	first := is.signer.Load().Key()
	is.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/jwks.json" {
			if is.serve == nil {
				http.NotFound(w, r)
				return
			}
			is.serve(w, r)
			return
		}
		is.fetches.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(jose.AppendKeySet(nil, []*jose.Key{first, is.next.Key()}))
	}))
	tb.Cleanup(is.Close)
	return is
}

// promote goes over to the next key, which was published from the start.
func (is *authServer) promote() { is.signer.Store(is.next) }

func newSigner(tb testing.TB, kid string) *jose.Signer {
	tb.Helper()
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := jose.NewSigner(key, jose.ES256, kid, jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// token returns a good token for scope, changed; nil removes a claim.
func (is *authServer) token(scope string, change map[string]any) string {
	is.tb.Helper()
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": is.URL, "sub": "client-1", "aud": audience, "client_id": "client-1", "scope": scope,
		"iat": now, "exp": now + 600, "jti": "jti-1",
	}
	maps.Copy(claims, change)
	for name, v := range claims {
		if v == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		is.tb.Fatal(err)
	}
	tok, err := is.signer.Load().AppendSign(nil, payload)
	if err != nil {
		is.tb.Fatal(err)
	}
	return string(tok)
}

// config returns a Config of this issuer with routes.
func (is *authServer) config(routes ...*gateway.Route) *gateway.Config {
	return &gateway.Config{
		Audience: audience, Issuers: []gateway.Issuer{{Name: is.URL, JWKS: is.URL + "/.well-known/jwks.json"}}, Routes: routes,
		Identity: gateway.Identity{Headers: gateway.DefaultIdentityHeaders()}, AccessLog: gateway.LogOff,
	}
}

// newGateway returns a Gateway that ends with the test.
func newGateway(tb testing.TB, c *gateway.Config, deps gateway.Deps) *gateway.Gateway {
	tb.Helper()
	if deps.Client == nil {
		transport := &http.Transport{}
		tb.Cleanup(transport.CloseIdleConnections)
		deps.Client = &http.Client{Transport: transport, Timeout: 5 * time.Second}
	}
	g, err := gateway.New(c, deps)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	return g
}

func mustPrefix(tb testing.TB, s string) netip.Prefix {
	tb.Helper()
	p, err := gateway.ParsePrefix(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// verifyInternal returns the claims of an internal token.
func verifyInternal(tb testing.TB, jwks []byte, token string) map[string]any {
	tb.Helper()
	keys, err := jose.ParseKeySet(jwks)
	if err != nil || len(keys) != 1 {
		tb.Fatalf("%s: %v", jwks, err)
	}
	j, err := jose.Parse(token)
	if err != nil {
		tb.Fatalf("%s: %v", token, err)
	}
	if err := j.Verify(keys[0]); err != nil {
		tb.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(j.Payload, &claims); err != nil {
		tb.Fatal(err)
	}
	return claims
}

// newH2C serves HTTP/2 without TLS.
func newH2C(tb testing.TB, serve http.HandlerFunc) *httptest.Server {
	tb.Helper()
	srv := httptest.NewUnstartedServer(serve)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	tb.Cleanup(srv.Close)
	return srv
}
