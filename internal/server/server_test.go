package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// running is a server under test with what it logged.
type running struct {
	t      *testing.T
	data   string
	public string // URL
	admin  string // URL
	client *http.Client
	log    *syncBuffer
	srv    *server.Server
	demo   *server.Demo
	stop   func()
}

// syncBuffer is a buffer for several writers.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start opens and runs a server with the demo tenants on the data of cfg.
func start(t *testing.T, cfg server.Config) *running {
	t.Helper()
	return launch(t, cfg, func(s *server.Server, ctx context.Context) (*server.Demo, error) {
		return s.Demo(ctx, server.DemoOptions{})
	})
}

// launch opens and runs a server on the data of cfg, prepared by demo.
func launch(t *testing.T, cfg server.Config, demo func(*server.Server, context.Context) (*server.Demo, error)) *running {
	t.Helper()
	r := &running{t: t, data: cfg.Data, log: &syncBuffer{}, client: &http.Client{Timeout: 20 * time.Second}}
	if r.data == "" {
		r.data = filepath.Join(t.TempDir(), "data")
	}
	cfg.Data = r.data
	if cfg.Database.URL == "" {
		cfg.Database.URL = sqltest.URL(t, r.data)
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.AdminListen == "" {
		cfg.AdminListen = "127.0.0.1:0"
	}
	cfg.Log = slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.srv, err = server.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if r.demo, err = demo(r.srv, t.Context()); err != nil {
		t.Fatal(err)
	}
	r.public, r.admin = "http://"+r.srv.PublicAddr().String(), "http://"+r.srv.AdminAddr().String()
	if cfg.TLS != nil {
		r.public = "https://" + r.srv.PublicAddr().String()
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.srv.Run(ctx, func() { close(ready) }) }()
	<-ready
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return m
}

// do sends one request; a form makes it a POST.
func (r *running) do(req *http.Request) answer {
	r.t.Helper()
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (r *running) get(target string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(req)
}

// post sends a form with the demo client's Basic credentials.
func (r *running) post(target string, form url.Values) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(r.demo.ClientID, r.demo.Secret)
	return r.do(req)
}

var grant = url.Values{"grant_type": {"client_credentials"}}

// token gets a token from path and fails without one.
func (r *running) token(path string) string {
	r.t.Helper()
	a := r.post(r.public+path, grant)
	for began := time.Now(); a.status == http.StatusServiceUnavailable && time.Since(began) < 20*time.Second; {
		time.Sleep(50 * time.Millisecond) // an RSA key of the demo is still being made
		a = r.post(r.public+path, grant)
	}
	tok, _ := a.json(r.t)["access_token"].(string)
	if a.status != http.StatusOK || tok == "" {
		r.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return tok
}

// active asks the server whether a token is.
func (r *running) active(token string) bool {
	r.t.Helper()
	a := r.post(r.public+"/oauth2/introspect", url.Values{"token": {token}})
	yes, _ := a.json(r.t)["active"].(bool)
	return yes
}

// TestRestart holds that clients, secrets, keys, stored tokens and revocations
// outlive the process.
func TestRestart(t *testing.T) {
	t.Parallel()
	first := start(t, server.Config{})
	jwt, revoked, stored := first.token("/oauth2/token"), first.token("/oauth2/token"), first.token("/oauth/token")
	if a := first.post(first.public+"/oauth2/revoke", url.Values{"token": {revoked}}); a.status != http.StatusOK {
		t.Fatalf("revoke: %d %s", a.status, a.body)
	}
	var keys string
	until(t, "the RSA key, which is made in the background", func() bool {
		keys = first.get(first.public + "/.well-known/jwks.json").body
		return strings.Contains(keys, `"RS256"`)
	})
	addr, adminAddr := first.srv.PublicAddr().String(), first.srv.AdminAddr().String()
	first.stop()

	second := start(t, server.Config{Data: first.data, Listen: addr, AdminListen: adminAddr})
	if second.demo.Secret != first.demo.Secret {
		t.Error("the demo client has another secret")
	}
	second.token("/oauth2/token")
	if got := second.get(second.public + "/.well-known/jwks.json").body; got != keys {
		t.Errorf("keys: got %s, want %s", got, keys)
	}
	for _, c := range []struct {
		name, token string
		want        bool
	}{{"a JWT", jwt, true}, {"a stored token", stored, true}, {"a revoked token", revoked, false}} {
		if got := second.active(c.token); got != c.want {
			t.Errorf("%s: active %v after the restart, want %v", c.name, got, c.want)
		}
	}
}

// TestRevocationIsSeenAtOnce holds that the answer to a revocation comes when
// introspection knows of it, for both kinds of token.
func TestRevocationIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	for _, path := range []string{"/oauth2/token", "/oauth/token", "/access-token"} {
		tok := r.token(path)
		if !r.active(tok) {
			t.Errorf("%s: not active before", path)
		}
		r.post(r.public+"/oauth2/revoke", url.Values{"token": {tok}})
		if r.active(tok) {
			t.Errorf("%s: active after it was revoked", path)
		}
	}
}

// TestDrain holds that a request under way when the server is told to stop gets
// its answer (R16).
func TestDrain(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.public+"/oauth2/token", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(r.demo.ClientID, r.demo.Secret)
	// The client sends the body when the server asks for it, so that the request
	// is surely under way when the first write returns.
	req.Header.Set("Expect", "100-continue")
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	t.Cleanup(transport.CloseIdleConnections)
	r.client.Transport = transport
	got := make(chan answer, 1)
	go func() {
		defer close(got) // whatever ends do
		got <- r.do(req)
	}()
	if _, err := io.WriteString(feed, "grant_type=client_"); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); r.stop() }()
	for r.refuses() == nil { // until the listener is closed
	}
	if _, err := io.WriteString(feed, "credentials"); err != nil {
		t.Fatal(err)
	}
	_ = feed.Close()
	if a := <-got; a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	<-stopped
}

// refuses returns the error of a new connection.
func (r *running) refuses() error {
	conn, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", r.srv.PublicAddr().String())
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// TestTenantByPlace holds that issuer and path choose the tenant and nothing
// else does, and that no answer follows a Host or forwarding header (MD-01,
// MD-06).
func TestTenantByPlace(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	want := map[string]string{
		"/.well-known/oauth-authorization-server":         r.public,
		"/.well-known/openid-configuration":               r.public,
		"/.well-known/oauth-authorization-server/cognito": r.public + "/cognito",
		"/cognito/.well-known/openid-configuration":       r.public + "/cognito",
		"/cognito/.well-known/oauth-authorization-server": r.public + "/cognito",
	}
	for path, issuer := range want {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.public+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		plain := r.do(req.Clone(t.Context()))
		for _, h := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-URL"} {
			req.Header.Set(h, "evil.example")
		}
		poisoned := r.do(req)
		if got := plain.json(t)["issuer"]; got != issuer {
			t.Errorf("%s: issuer %v, want %s", path, got, issuer)
		}
		if plain.body != poisoned.body && plain.body != r.do(req.Clone(t.Context())).body { // a key may have come in between
			t.Errorf("%s: headers change the document", path)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.public+"/.well-known/jwks.json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	if a := r.do(req); a.status != http.StatusNotFound || a.json(t)["error"] != "not_found" {
		t.Errorf("another host: %d %s", a.status, a.body)
	}
	if a := r.get(r.admin + "/.well-known/openid-configuration"); a.json(t)["issuer"] != r.admin {
		t.Errorf("the admin listener says %s", a.body)
	}
}

// TestBigHeader holds the bound of 16 KiB on a header, in our own words until
// it is twice that (TE-28).
func TestBigHeader(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	for size, want := range map[int]int{
		8 << 10: http.StatusOK, 17 << 10: http.StatusRequestHeaderFieldsTooLarge, 64 << 10: http.StatusRequestHeaderFieldsTooLarge,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.public+"/.well-known/jwks.json", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Padding", strings.Repeat("x", size))
		a := r.do(req)
		if a.status != want {
			t.Errorf("%d bytes: %d, want %d", size, a.status, want)
		}
		if size == 17<<10 && (a.json(t)["trace_id"] == nil || a.header.Get("Cache-Control") != "no-store") {
			t.Errorf("%d bytes: %v %s", size, a.header, a.body)
		}
	}
}

// TestFiles holds the modes of what the first start writes, and that neither
// the database nor the log nor the metrics hold a secret or a token (KY-03,
// AD-14).
func TestFiles(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	canaries := []string{
		r.demo.Secret, r.token("/oauth2/token"), r.token("/oauth/token"), r.token("/access-token"), r.token("/cognito/oauth2/token"),
	}
	var admin server.Credentials
	text, err := os.ReadFile(filepath.Join(r.data, "admin.json"))
	if err != nil || json.Unmarshal(text, &admin) != nil || admin.URL != r.admin {
		t.Fatalf("admin.json: %v %v", err, admin)
	}
	canaries = append(canaries, admin.Secret)
	outputs := map[string]string{"the log": r.log.String(), "the metrics": r.get(r.admin + "/metrics").body}
	r.stop()
	outputs["the log at the end"] = r.log.String()
	entries, err := os.ReadDir(r.data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	for name, text := range sqltest.Dump(t, r.data) {
		outputs[name] = string(text)
	}
	for where, out := range outputs {
		for i, c := range canaries {
			if strings.Contains(out, c) {
				t.Errorf("%s holds canary %d", where, i)
			}
		}
	}
}
