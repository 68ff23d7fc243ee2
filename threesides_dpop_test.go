package mintage_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
)

// TestThreeSidesDPoP sends calls through all of them with tokens that are bound
// to a key (RFC 9449): consume proves its key to our token endpoint, which wants
// a nonce, and to an API behind enforce and behind the gateway, for JWTs and for
// tokens that the API has to ask about. To whoever has the token without the key
// it is nothing.
func TestThreeSidesDPoP(t *testing.T) {
	t.Parallel()
	srv, demo := startServer(t)
	hc := &http.Client{Timeout: 20 * time.Second}
	apiID, apiSecret := introspector(t, srv)

	keys := &enforce.RemoteKeySet{URL: demo.Issuer + "/.well-known/jwks.json", Client: hc}
	t.Cleanup(keys.Close)
	v := &enforce.Verifier{
		Issuers: &enforce.Issuer{
			Name: demo.Issuer, Keys: keys, Introspector: &enforce.Introspector{
				URL: demo.Issuer + "/oauth2/introspect", ClientID: apiID, Client: hc,
				Secret: func(context.Context) (string, error) { return apiSecret, nil },
			},
		},
		Audience: "https://api.demo.example", DPoP: &enforce.DPoP{Nonces: true},
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello from "+r.URL.Path)
	})
	api := httptest.NewServer(v.Require(answer, "orders/read"))
	t.Cleanup(api.Close)
	behind := httptest.NewServer(answer)
	t.Cleanup(behind.Close)
	front := startGateway(t, demo.Issuer, behind.URL)

	for _, format := range []mintage.TokenFormat{mintage.FormatJWT, mintage.FormatStored, mintage.FormatSealed} {
		setDemo(t, srv, format)
		proof := &consume.DPoP{}
		src := &consume.Source{Fetcher: &consume.ClientCredentials{
			TokenURL: demo.Issuer + "/oauth2/token", ClientID: demo.ClientID, Secret: consume.SecretValue(demo.Secret),
			Scope: []string{"orders/read"}, HTTPClient: hc, DPoP: proof,
		}}
		t.Cleanup(src.Close)
		targets := []string{api.URL}
		if format == mintage.FormatJWT {
			targets = append(targets, front)
		}
		client := &http.Client{Timeout: 20 * time.Second, Transport: &consume.Transport{Source: src, Origins: targets, DPoP: proof}}
		tok, err := src.Token(t.Context())
		if err != nil || tok.Type != "DPoP" {
			t.Fatalf("%s: got %+v, %v", format, tok, err)
		}
		for _, target := range targets {
			for range 3 {
				res, err := client.Get(target + "/orders")
				if err != nil {
					t.Fatalf("%s at %s: %v", format, target, err)
				}
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK || string(body) != "hello from /orders" {
					t.Errorf("%s at %s: got %d %s", format, target, res.StatusCode, body)
				}
			}
			for _, stolen := range []string{"Bearer " + tok.Value, "DPoP " + tok.Value} {
				if status, body := send(t, hc, http.MethodGet, target+"/orders", stolen); status != http.StatusUnauthorized {
					t.Errorf("%s at %s, sent by somebody else: got %d %s", format, target, status, body)
				}
			}
		}
	}
	// The client gets no other token.
	bare := &consume.ClientCredentials{
		TokenURL: demo.Issuer + "/oauth2/token", ClientID: demo.ClientID, Secret: consume.SecretValue(demo.Secret), HTTPClient: hc,
	}
	if tok, err := bare.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_dpop_proof") {
		t.Errorf("without a proof: got %v, %v", tok, err)
	}
}

// introspector registers a client that may introspect the tokens of the demo's
// API.
func introspector(t *testing.T, srv *server.Server) (id, secret string) {
	t.Helper()
	made, err := srv.Manager().CreateClient(t.Context(), manage.Server(), &mintage.Client{Tenant: "demo", Name: "The API"}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = srv.Manager().UpdateResourceServer(t.Context(), manage.Server(), "demo", "https://api.demo.example", 0, manage.OnlyUnused,
		func(rs *mintage.ResourceServer) error {
			rs.Introspectors = append(slices.Clone(rs.Introspectors), made.Client.ID)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return made.Client.ID, made.Secret
}

// setDemo has the demo's client get tokens of a format, with proofs alone, which
// need a nonce.
func setDemo(t *testing.T, srv *server.Server, format mintage.TokenFormat) {
	t.Helper()
	_, err := srv.Manager().UpdateClient(t.Context(), manage.Server(), "demo", "demo", 0, func(c *mintage.Client) error {
		c.Token.Format, c.DPoPBoundAccessTokens = format, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = srv.Manager().UpdateTenant(t.Context(), manage.Server(), "demo", 0, func(tenant *mintage.Tenant) error {
		tenant.DPoPNonces = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// startGateway runs a gateway in front of an upstream, for callers with the scope
// orders/read.
func startGateway(t *testing.T, issuer, upstream string) (url string) {
	t.Helper()
	c, err := gateway.ParseConfig("gateway.yaml", []byte(strings.NewReplacer("ISSUER", issuer, "UPSTREAM", upstream).Replace(`
listen: 127.0.0.1:0
admin_listen: 127.0.0.1:0
audience: https://api.demo.example
issuers: [{ issuer: "ISSUER" }]
upstreams: [{ name: api, url: "UPSTREAM" }]
routes: [{ name: orders, path: /orders, scopes: [orders/read], upstream: api }]
`)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(c, gateway.Deps{Client: &http.Client{Timeout: 20 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	s, err := gateway.Open(t.Context(), g, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- s.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the gateway stopped with %v", err)
		}
	})
	return "http://" + s.Addr().String()
}
