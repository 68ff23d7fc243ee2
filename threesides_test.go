package mintage_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/server"
)

// TestThreeSides sends calls through all of them, over real connections: an
// agent asks the token endpoint, calls an API with what it got, and the API
// checks it with the keys that the server publishes. What they have in common
// is the wire.
func TestThreeSides(t *testing.T) {
	t.Parallel()
	demo := runServer(t)
	hc := &http.Client{Timeout: 20 * time.Second}

	keys := &enforce.RemoteKeySet{URL: demo.Issuer + "/.well-known/jwks.json", Client: hc}
	t.Cleanup(keys.Close)
	v := &enforce.Verifier{
		Issuers:  &enforce.Issuer{Name: demo.Issuer, Keys: keys},
		Audience: "https://api.demo.example",
	}
	other := *v
	other.Audience = "https://other.example"
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok := enforce.FromContext(r.Context())
		_, _ = io.WriteString(w, tok.ClientID+" "+tok.Scope.String())
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require(answer, "orders/read"))
	mux.Handle("POST /orders", v.Require(answer, "orders/write"))
	mux.Handle("GET /other", other.Require(answer))
	api := httptest.NewServer(mux)
	t.Cleanup(api.Close)

	agent := &consume.ClientCredentials{
		TokenURL: demo.Issuer + "/oauth2/token",
		ClientID: demo.ClientID, Secret: consume.SecretValue(demo.Secret),
		Scope: []string{"orders/read"}, HTTPClient: hc,
	}
	for _, auth := range []consume.Auth{consume.Basic, consume.BasicRaw, consume.Post, consume.JSON} {
		agent.Auth = auth
		tok, err := agent.Token(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", auth, err)
		}
		if left := time.Until(tok.Expires); left < 59*time.Minute || left > time.Hour {
			t.Errorf("%s: the token lives %v, want an hour", auth, left)
		}
		for _, call := range []struct {
			method, path string
			status       int
			body         string // or the error code
		}{
			{http.MethodGet, "/orders", http.StatusOK, demo.ClientID + " orders/read"},
			{http.MethodPost, "/orders", http.StatusForbidden, "insufficient_scope"},
			{http.MethodGet, "/other", http.StatusUnauthorized, "invalid_token"},
		} {
			status, body := send(t, hc, call.method, api.URL+call.path, tok.Header())
			if status != call.status || !strings.Contains(body, call.body) {
				t.Errorf("%s: %s %s: got %d %s, want %d %s", auth, call.method, call.path, status, body, call.status, call.body)
			}
		}
	}

	agent.Secret = consume.SecretValue(demo.Secret + "x")
	_, err := agent.Token(t.Context())
	if e, ok := errors.AsType[*consume.Error](err); !ok || e.Code != "invalid_client" || e.TraceID == "" || e.Temporary() {
		t.Errorf("a wrong secret: got %v, want invalid_client with a trace id", err)
	}
}

// runServer runs the server with its demo tenants until the test ends.
func runServer(t *testing.T) *server.Demo {
	t.Helper()
	_, demo := startServer(t)
	return demo
}

// startServer is runServer for who changes what the server has.
func startServer(t *testing.T) (*server.Server, *server.Demo) {
	t.Helper()
	srv, err := server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Data: filepath.Join(t.TempDir(), "data"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	demo, err := srv.Demo(t.Context(), server.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx, nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server stopped with %v", err)
		}
	})
	return srv, demo
}

func send(t *testing.T, hc *http.Client, method, url, authorization string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	res, err := hc.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
