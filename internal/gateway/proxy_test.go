package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// seen is a request as the backend got it.
type seen struct {
	Method, Host, URI, Body string
	Header                  http.Header
}

// backend is an API that remembers what it got.
type backend struct {
	*httptest.Server
	mu  sync.Mutex
	all []seen
}

func newBackend(tb testing.TB, serve http.HandlerFunc) *backend {
	tb.Helper()
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if serve != nil {
			serve(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			tb.Errorf("the body of %s: %v", r.URL, err)
		}
		b.mu.Lock()
		b.all = append(b.all, seen{r.Method, r.Host, r.RequestURI, string(body), r.Header})
		b.mu.Unlock()
		w.Header().Set("X-Backend", "yes")
		_, _ = io.WriteString(w, "hello")
	}))
	tb.Cleanup(b.Close)
	return b
}

// last returns the last request, and how many there were.
func (b *backend) last() (seen, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) == 0 {
		return seen{}, 0
	}
	return b.all[len(b.all)-1], len(b.all)
}

// front serves a gateway.
func front(tb testing.TB, g *gateway.Gateway) *httptest.Server {
	tb.Helper()
	srv := httptest.NewUnstartedServer(g.Handler())
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	tb.Cleanup(srv.Close)
	return srv
}

// answered is the head of an answer.
type answered struct {
	StatusCode int
	Header     http.Header
}

// call sends a request and returns the answer with its body.
func call(tb testing.TB, method, url, token, body string, header http.Header) (answered, string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	maps.Copy(req.Header, header)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	_ = res.Body.Close()
	return answered{res.StatusCode, res.Header}, string(got)
}

// TestProxySeeds is point 2 of the issue: the API calls of the seeds as they
// are written there, 200 with a token, 401 without, 403 without the scope, body
// and header intact.
func TestProxySeeds(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	rt := func(name, path, method, scope string) *gateway.Route {
		return &gateway.Route{Name: name, Paths: []string{path}, Methods: []string{method}, Scopes: []string{scope}, Upstream: b.URL, PreserveHost: true}
	}
	g := newGateway(t, is.config(
		rt("000", "/api/reservation/checkin", "POST", "reservation/checkin"),
		rt("001", "/v1/profiles", "GET", "otto-dev-api-resource-server/api.read"),
		rt("002", "/shipments", "POST", "shipments.manage"),
		rt("003 tiers", "/priv/v1/apps/{api_key}/user_tiers", "GET", "openid"),
		rt("003 users", "/priv/v1/apps/{api_key}/users/{user_id}", "GET", "openid"),
		rt("004", "/v1/data", "POST", "api/write"),
	), gateway.Deps{})
	srv := front(t, g)
	for _, tt := range []struct {
		name, method, target, scope, body, contentType string
	}{
		{"000", "POST", "/api/reservation/checkin", "reservation/checkin", `{"reservation": "R-1", "guest": {"name": "Ä"}}`, "application/json"},
		{"001", "GET", "/v1/profiles?url=https://www.example.com/in/some-one/?a=b%26c", "otto-dev-api-resource-server/api.read", "", ""},
		{"002", "POST", "/shipments", "shipments.manage", `{"data":{"type":"shipments"}}`, "application/vnd.api+json"},
		{"003 tiers", "GET", "/priv/v1/apps/k%C3%A9y/user_tiers?user_id=7", "openid", "", ""},
		{"003 users", "GET", "/priv/v1/apps/key/users/some.one@example.com", "openid", "", ""},
		{"004", "POST", "/v1/data", "api/write", strings.Repeat("large ", 100_000), "text/plain; charset=utf-8"},
	} {
		h := http.Header{"X-Custom": {"a", "b"}, "Accept": {"application/vnd.api+json"}, "Content-Type": {tt.contentType}}
		if tt.contentType == "" {
			delete(h, "Content-Type")
		}
		_, before := b.last()
		if res, _ := call(t, tt.method, srv.URL+tt.target, "", tt.body, h); res.StatusCode != 401 || res.Header.Get("Www-Authenticate") == "" {
			t.Errorf("%s without a token: %d %v", tt.name, res.StatusCode, res.Header)
		}
		if res, _ := call(t, tt.method, srv.URL+tt.target, is.token("other", nil), tt.body, h); res.StatusCode != 403 ||
			!strings.Contains(res.Header.Get("Www-Authenticate"), `scope="`+tt.scope+`"`) {
			t.Errorf("%s without the scope: %d %v", tt.name, res.StatusCode, res.Header)
		}
		if _, after := b.last(); after != before {
			t.Errorf("%s: the backend got a request that was refused", tt.name)
		}
		res, body := call(t, tt.method, srv.URL+tt.target, is.token(tt.scope, nil), tt.body, h)
		got, _ := b.last()
		if res.StatusCode != 200 || body != "hello" || res.Header.Get("X-Backend") != "yes" || got.Method != tt.method || got.URI != tt.target || got.Body != tt.body ||
			"http://"+got.Host != srv.URL || strings.Join(got.Header["X-Custom"], ",") != "a,b" || got.Header.Get("Accept") != "application/vnd.api+json" ||
			got.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%s: %d %q, the backend got %s %s %v", tt.name, res.StatusCode, body, got.Method, got.URI, got.Header)
		}
		if got.Header.Get("X-Client-Id") != "client-1" || got.Header.Get("X-Token-Scope") != tt.scope || got.Header.Get("Authorization") != "" ||
			got.Header.Get("X-Forwarded-For") != "127.0.0.1" || got.Header.Get("X-Forwarded-Proto") != "http" {
			t.Errorf("%s: the backend is told %v", tt.name, got.Header)
		}
	}
}

// TestProxyChoices: what a route says of Authorization, Host, prefix and the
// internal token.
func TestProxyChoices(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	c := is.config(
		&gateway.Route{Name: "keep", Paths: []string{"/keep"}, Upstream: b.URL + "/base", Authorization: gateway.AuthorizationKeep, PreserveHost: true},
		&gateway.Route{Name: "strip", Paths: []string{"/v1", "/v1/{rest...}"}, Upstream: b.URL, StripPrefix: "/v1"},
		&gateway.Route{Name: "public", Paths: []string{"/public"}, Upstream: b.URL, Public: true},
	)
	c.Identity.JWT = &gateway.InternalJWT{}
	c.TrustedProxies = append(c.TrustedProxies, mustPrefix(t, "127.0.0.1"))
	g := newGateway(t, c, gateway.Deps{})
	srv := front(t, g)
	token := is.token("x", nil)
	h := http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Client-Id": {"admin"}, "X_client_id": {"admin"}, "X-Internal-Token": {"x"}, "Forwarded": {"for=1"}}
	call(t, "GET", srv.URL+"/keep?a=b", token, "", h)
	got, _ := b.last()
	if got.URI != "/base/keep?a=b" || got.Header.Get("Authorization") != "Bearer "+token || got.Header.Get("X-Forwarded-For") != "192.0.2.1, 127.0.0.1" ||
		got.Header.Get("X-Client-Id") != "client-1" || got.Header.Get("X_client_id") != "" || got.Header["Forwarded"] != nil {
		t.Errorf("keep: got %+v", got)
	}
	checkInternal(t, g, got.Header.Get("X-Internal-Token"), b.URL+"/base")
	for target, want := range map[string]string{"/v1": "/", "/v1/": "/", "/v1/a%20b": "/a%20b"} {
		call(t, "GET", srv.URL+target, token, "", h)
		if got, _ := b.last(); got.URI != want || "http://"+got.Host != b.URL {
			t.Errorf("%s: got %s %s", target, got.Host, got.URI)
		}
	}
	call(t, "GET", srv.URL+"/public", token, "", h)
	if got, _ := b.last(); got.Header.Get("X-Client-Id") != "" || got.Header.Get("Authorization") != "" || got.Header.Get("X-Internal-Token") != "" {
		t.Errorf("public: got %v", got.Header)
	}
}

// checkInternal verifies an internal token with the published keys.
func checkInternal(t *testing.T, g *gateway.Gateway, token, aud string) {
	t.Helper()
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/.well-known/jwks.json", nil))
	claims := verifyInternal(t, w.Body.Bytes(), token)
	if claims["aud"] != aud || claims["client_id"] != "client-1" || claims["iss"] != "mintage-gateway" || claims["original_jti"] != "jti-1" {
		t.Errorf("internal token %v", claims)
	}
}

// TestProxyBounds: a body over the bound and one that is too slow are refused,
// whether its length is announced or not, and the backend does not see a whole
// request.
func TestProxyBounds(t *testing.T) {
	t.Parallel()
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Errorf("%s: the backend got a whole body", r.URL)
		}
		w.WriteHeader(http.StatusOK)
	})
	is := newIssuer(t)
	g := newGateway(t, is.config(
		&gateway.Route{Name: "small", Paths: []string{"/small"}, Upstream: b.URL, Public: true, Body: 10},
		&gateway.Route{Name: "slow", Paths: []string{"/slow"}, Upstream: b.URL, Public: true, BodyTimeout: 50 * time.Millisecond},
		&gateway.Route{Name: "kept", Paths: []string{"/kept"}, Upstream: b.URL, BodyTimeout: 50 * time.Millisecond},
	), gateway.Deps{})
	srv := front(t, g)
	for name, raw := range map[string]string{
		"announced": "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890",
		"chunked":   "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
		"slow":      "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n0123",
		"slow grpc": "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nTe: trailers\r\nContent-Length: 11\r\n\r\n0123",
		"slow grpc with a token": "POST /kept HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nAuthorization: Bearer " + is.token("", nil) +
			"\r\nContent-Length: 11\r\n\r\n0123",
	} {
		answer := rawCall(t, srv.Listener.Addr().String(), raw)
		want := "HTTP/1.1 413"
		if strings.HasPrefix(name, "slow") {
			want = "HTTP/1.1 400"
		}
		if !strings.HasPrefix(answer, want) {
			t.Errorf("%s: got %q, want %s", name, answer, want)
		}
	}
}

// rawCall writes a request and reads until the connection ends or goes quiet.
func rawCall(tb testing.TB, addr, request string) string {
	tb.Helper()
	conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		tb.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Sprintf("closed: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Sprintf("closed: %v after %s", err, body)
	}
	_ = res.Body.Close()
	return fmt.Sprintf("HTTP/1.1 %s %s", res.Status, body)
}

// TestBackendFaults: what goes wrong behind the gateway is 502, 503 or 504 with
// a JSON body, and an answer that breaks off is seen to be broken.
func TestBackendFaults(t *testing.T) {
	t.Parallel()
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late":
			<-r.Context().Done()
		case "/broken":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	g := newGateway(t, &gateway.Config{
		AccessLog: gateway.LogOff,
		Upstreams: []*gateway.Upstream{{Name: "b", URL: b.URL, AnswerTimeout: 50 * time.Millisecond}},
		Routes: []*gateway.Route{
			{Name: "away", Paths: []string{"/away"}, Upstream: away.URL, Public: true},
			{Name: "b", Paths: []string{"/late", "/broken"}, Upstream: "b", Public: true},
		},
	}, gateway.Deps{})
	srv := front(t, g)
	for path, want := range map[string]int{"/away": 502, "/late": 504} {
		res, body := call(t, "GET", srv.URL+path, "", "", nil)
		var got map[string]string
		if err := json.Unmarshal([]byte(body), &got); err != nil || res.StatusCode != want || got["error"] != "temporarily_unavailable" || strings.Contains(body, "127.0.0.1") {
			t.Errorf("%s: got %d %s", path, res.StatusCode, body)
		}
	}
	if got := rawCall(t, srv.Listener.Addr().String(), "GET /broken HTTP/1.1\r\nHost: x\r\n\r\n"); strings.HasSuffix(got, "half") && !strings.Contains(got, "closed") {
		t.Errorf("broken: got %q", got)
	}
}

// TestAccessLog: one line for each request, with what an operator needs, and
// neither token nor query in it.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL})
	c.AccessLog = gateway.LogAll
	var out lockedBuilder
	g := newGateway(t, c, gateway.Deps{Log: slog.New(slog.NewJSONHandler(&out, nil))})
	srv := front(t, g)
	token := is.token("x", nil)
	call(t, "GET", srv.URL+"/a?secret=sesame", token, "", nil)
	call(t, "GET", srv.URL+"/a?access_token="+token, "", "", nil)
	call(t, "GET", srv.URL+"/a", token[:len(token)-3]+"AAA", "", nil)
	srv.Close()
	text := out.String()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 3 || strings.Contains(text, token[:len(token)-3]) || strings.Contains(text, "sesame") {
		t.Fatalf("got %s", text)
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"msg": "request", "method": "GET", "path": "/a", "route": "a", "decision": "allowed", "reason": "ok", "status": 200.0, "client_id": "client-1",
		"token_id": "jti-1", "remote_ip": "127.0.0.1", "bytes": 5.0,
	} {
		if first[name] != want {
			t.Errorf("%s: got %v, want %v", name, first[name], want)
		}
	}
	if id, ok := first["trace_id"].(string); !ok || len(id) != 20 {
		t.Errorf("trace_id %v", first["trace_id"])
	}
	for i, want := range []string{"token.missing", "token.signature"} {
		if !strings.Contains(lines[i+1], `"reason":"`+want+`"`) {
			t.Errorf("got %s, want %s", lines[i+1], want)
		}
	}
}

// lockedBuilder is a strings.Builder for several goroutines.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestCallerGone: a caller who goes away takes the request to the backend with
// it.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	b := newBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	g := newGateway(t, &gateway.Config{AccessLog: gateway.LogOff, Routes: []*gateway.Route{
		{Name: "a", Paths: []string{"/a"}, Upstream: b.URL, Public: true},
	}}, gateway.Deps{})
	srv := front(t, g)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the backend still works on it")
	}
}
