package agent_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/agent"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// issuer is a token endpoint that counts.
type issuer struct {
	*httptest.Server
	asked  atomic.Int64
	life   atomic.Int64 // seconds
	status atomic.Int64 // zero: 200
	secret string
}

// newIssuer answers client app with a secret in every dialect.
func newIssuer(t *testing.T, secret string) *issuer {
	t.Helper()
	i := &issuer{secret: secret}
	i.life.Store(3600)
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	n := i.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Internal", "not for applications")
	if status := int(i.status.Load()); status != 0 {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":"temporarily_unavailable"}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, secret, basic := r.BasicAuth()
	if !basic {
		secret = r.FormValue("client_secret")
	}
	var doc map[string]string
	if json.Unmarshal(body, &doc) == nil {
		secret = doc["client_secret"]
	}
	if secret != i.secret {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return
	}
	fmt.Fprintf(w, `{ "token_type":"Bearer", "access_token":"token-%d", "expires_in": %d }`, n, i.life.Load())
}

// api answers with the token that it was shown; refuse says which it refuses.
func newAPI(t *testing.T, refuse func(token string) bool) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if refuse != nil && refuse(token) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.RequestURI, token, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// running is an agent that serves.
type running struct {
	*agent.Agent
	url  string
	sock string
	log  *syncBuffer
}

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

// parse reads a file's text.
func parse(t *testing.T, dir, text string) *agent.Config {
	t.Helper()
	c, err := agent.Parse(filepath.Join(dir, "agent.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs an agent by a file's text; the file secret holds s3cret.
func start(t *testing.T, text string, deps *agent.Deps) *running {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sock, err := os.MkdirTemp("", "agent") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sock) })
	r := &running{sock: filepath.Join(sock, "s"), log: &syncBuffer{}}
	text = fmt.Sprintf("listen: ['127.0.0.1:0', 'unix:%s']\n%s", r.sock, strings.ReplaceAll(text, "DIR", dir))
	if deps == nil {
		deps = &agent.Deps{}
	}
	deps.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if r.Agent, err = agent.Open(t.Context(), parse(t, dir, text), deps); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if log := r.log.String(); strings.Contains(log, "s3cret") || strings.Contains(log, "token-") {
			t.Errorf("the log has a secret or a token:\n%s", log)
		}
	})
	r.url = "http://" + r.Addrs()[0].String()
	return r
}

// answer is an answer that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (r *running) do(t *testing.T, method, target string, body io.Reader, header ...string) answer {
	t.Helper()
	return send(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}, method, r.url+target, body, header...)
}

// overSocket is a GET over the Unix socket.
func (r *running) overSocket(t *testing.T, target string, header ...string) answer {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", r.sock)
	}}
	return send(t, &http.Client{Transport: tr, Timeout: 30 * time.Second}, http.MethodGet, "http://any.example"+target, nil, header...)
}

func send(t *testing.T, c *http.Client, method, target string, body io.Reader, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Add(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// text is a file with one upstream.
func text(api, tokenURL string) string {
	return fmt.Sprintf(`
upstreams:
  orders:
    url: %s/base
    forward_proxy: true
    token: { token_url: %s, client_id: app, client_secret: { file: secret } }
token_endpoints:
  /oauth2/token: { url: %[2]s/oauth2/token }
`, api, tokenURL)
}

func TestPass(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, text(newAPI(t, nil).URL, i.URL), nil)
	for _, test := range []struct{ method, target, body, want string }{
		{"GET", "/orders/list?x=%2F", "", "GET /base/list?x=%2F token-1 "},
		{"GET", "/orders", "", "GET /base/ token-1 "},
		{"GET", "/orders?x", "", "GET /base/?x token-1 "},
		{"POST", "/orders/a//b", "body", "POST /base/a//b token-1 body"},
		{"PROPFIND", "/orders/a", "", "PROPFIND /base/a token-1 "},
	} {
		if got := a.do(t, test.method, test.target, strings.NewReader(test.body), "Authorization", "Bearer mine"); got.status != 200 || got.body != test.want {
			t.Errorf("%s %s: %d %q, want %q", test.method, test.target, got.status, got.body, test.want)
		}
	}
	if got := a.overSocket(t, "/orders/x"); got.body != "GET /base/x token-1 " {
		t.Errorf("over the socket: %d %q", got.status, got.body)
	}
	for target, want := range map[string]string{
		"/nothing/x": "upstream.unknown", "/": "upstream.unknown", "/orders/../token/orders": "request.path", "/orders/%2e%2e/x": "request.path",
	} {
		if got := a.do(t, "GET", target, nil); got.header.Get("Mintage-Agent-Error") != want {
			t.Errorf("%s: %d %s", target, got.status, got.body)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

// TestNoUpstream: one that only has tokens, and one that nobody answers for.
func TestNoUpstream(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	a := start(t, text(gone.URL, i.URL), nil)
	if got := a.do(t, "GET", "/orders/x", nil); got.status != 502 || got.header.Get("Mintage-Agent-Error") != "upstream.unreachable" {
		t.Errorf("nobody answers: %d %s", got.status, got.body)
	}
	a = start(t, strings.Replace(strings.Replace(text("URL", i.URL), "    url: URL/base\n", "", 1), "    forward_proxy: true\n", "", 1), nil)
	if got := a.do(t, "GET", "/orders/x", nil); got.status != 404 || got.header.Get("Mintage-Agent-Error") != "upstream.no_url" {
		t.Errorf("no URL: %d %s", got.status, got.body)
	}
}

// TestRefusedToken: a token that the API refuses is renewed once, for a
// request that is then sent again; an API that always refuses is not asked
// again and again.
func TestRefusedToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	var all atomic.Bool
	var asked atomic.Int64
	api := newAPI(t, func(token string) bool { asked.Add(1); return token == "token-1" || all.Load() })
	a := start(t, text(api.URL, i.URL), nil)
	if got := a.do(t, "POST", "/orders/x", strings.NewReader("body")); got.body != "POST /base/x token-2 body" {
		t.Errorf("%d %q", got.status, got.body)
	}
	all.Store(true)
	before, tokens := asked.Load(), i.asked.Load()
	for range 10 {
		if got := a.do(t, "GET", "/orders/x", nil); got.status != http.StatusUnauthorized || got.header.Get("Mintage-Agent-Error") != "" {
			t.Errorf("%d %q: not the API's own answer", got.status, got.body)
		}
	}
	if n := asked.Load() - before; n > 20 {
		t.Errorf("10 requests became %d", n)
	}
	if n := i.asked.Load() - tokens; n > 1 { // the one fetched a moment ago is not replaced within a second
		t.Errorf("%d more tokens", n)
	}
}

// CL-11: who may call.
func TestGuard(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, "hosts: agent.internal\n"+text(newAPI(t, nil).URL, i.URL), nil)
	for _, test := range []struct {
		name   string
		header []string
		status int
	}{
		{"plain", nil, 200},
		{"localhost", []string{"Host", "localhost:7070"}, 200},
		{"localhost without a port", []string{"Host", "LocalHost"}, 200},
		{"IPv6", []string{"Host", "[::1]:7070"}, 200},
		{"a listed name", []string{"Host", "agent.internal:80"}, 200},
		{"a person at the address bar", []string{"Sec-Fetch-Site", "none"}, 200},
		{"a rebound name", []string{"Host", "evil.example:7070"}, 403},
		{"a name that begins like ours", []string{"Host", "localhost.evil.example"}, 403},
		{"a name that ends like ours", []string{"Host", "evil-localhost"}, 403},
		{"an address of the network", []string{"Host", "10.0.0.1:7070"}, 403},
		{"a page", []string{"Origin", "http://evil.example"}, 403},
		{"a page of our own address", []string{"Origin", a.url}, 403},
		{"a page without an origin", []string{"Origin", "null"}, 403},
		{"an empty origin", []string{"Origin", ""}, 403},
		{"cross-site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"same-site", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"same-origin", []string{"Sec-Fetch-Site", "same-origin"}, 403},
	} {
		for _, target := range []string{"/orders/x", "/token/orders", "/status"} {
			got := a.do(t, "GET", target, nil, append([]string{"Mintage-Agent", "true"}, test.header...)...)
			if got.status != test.status {
				t.Errorf("%s, %s: %d %s, want %d", test.name, target, got.status, got.body, test.status)
			}
			if got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s, %s: an answer for pages", test.name, target)
			}
		}
	}
	if got := a.overSocket(t, "/orders/x", "Origin", "http://evil.example"); got.status != 403 {
		t.Errorf("a page over the socket: %d", got.status)
	}
	if got := a.do(t, "TRACE", "/orders/x", nil); got.status != http.StatusMethodNotAllowed {
		t.Errorf("TRACE: %d", got.status)
	}
	if got := a.do(t, "OPTIONS", "/token/orders", nil, "Access-Control-Request-Headers", "mintage-agent"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("a preflight: %d", got.status)
	}
}

func TestLend(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	c := newClock()
	a := start(t, text(newAPI(t, nil).URL, i.URL), &agent.Deps{Now: c.Now})
	const want = `{"access_token":"token-1","token_type":"Bearer","expires_in":3590}` + "\n"
	_ = a.do(t, "GET", "/token/orders", nil, "Mintage-Agent", "true")
	c.advance(10 * time.Second)
	if got := a.do(t, "GET", "/token/orders", nil, "Mintage-Agent", "true"); got.body != want || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	if got := a.overSocket(t, "/token/orders"); got.body != want { // the kernel vouches for the user
		t.Errorf("over the socket: %d %s", got.status, got.body)
	}
	for _, header := range [][]string{nil, {"Mintage-Agent", ""}, {"Mintage-Agent", "false"}, {"Mintage-Agent", "true", "Mintage-Agent", "true"}} {
		if got := a.do(t, "GET", "/token/orders", nil, header...); got.status != 403 {
			t.Errorf("%q: %d", header, got.status)
		}
	}
	if got := a.do(t, "GET", "/token/nobody", nil, "Mintage-Agent", "true"); got.status != 404 {
		t.Errorf("nobody: %d", got.status)
	}
}

func TestAccessKey(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, "access_key: { stdin: true }\n"+text(newAPI(t, nil).URL, i.URL), &agent.Deps{Stdin: strings.NewReader("open sesame\n")})
	for key, want := range map[string]int{"true": 403, "open sesam": 403, "open sesame": 200} {
		if got := a.do(t, "GET", "/token/orders", nil, "Mintage-Agent", key); got.status != want {
			t.Errorf("%q: %d, want %d", key, got.status, want)
		}
	}
}

// TestSocketMode: the socket is the user's own, and one that is left over is
// replaced while one in use is not.
func TestSocketMode(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	a := start(t, text(newAPI(t, nil).URL, i.URL), nil)
	info, err := os.Stat(a.sock)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	listen := func(path string) error {
		c := parse(t, t.TempDir(), "listen: unix:"+path+"\n"+strings.ReplaceAll(text("http://127.0.0.1:1", i.URL), "file: secret", "env: HOME"))
		other, err := agent.Open(t.Context(), c, &agent.Deps{})
		if err == nil {
			other.Close()
		}
		return err
	}
	if err := listen(a.sock); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("a socket in use: %v", err)
	}
	file := filepath.Join(filepath.Dir(a.sock), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := listen(file); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file: %v", err)
	}
	left := filepath.Join(filepath.Dir(a.sock), "left")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: left})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close()
	if err := listen(left); err != nil {
		t.Errorf("a socket that was left: %v", err)
	}
}

// TestForwardProxy: a program with HTTP_PROXY set.
func TestForwardProxy(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	api := newAPI(t, nil)
	a := start(t, text(api.URL, i.URL), nil)
	for _, test := range []struct{ request, code, body string }{
		{"GET " + api.URL + "/base/x?y HTTP/1.1\r\nHost: anything", "200", "GET /base/x?y token-1 "},
		{"GET " + strings.Replace(api.URL, "http://", "HTTP://", 1) + "/base HTTP/1.1\r\nHost: anything", "200", "GET /base/ token-1 "},
		{"GET " + api.URL + "/elsewhere HTTP/1.1\r\nHost: anything", "403", "proxy.unknown"},
		{"GET " + api.URL + "/basement HTTP/1.1\r\nHost: anything", "403", "proxy.unknown"},
		{"GET " + api.URL + "/base/../elsewhere HTTP/1.1\r\nHost: anything", "400", "request.path"},
		{"GET http://other.example/base/x HTTP/1.1\r\nHost: other.example", "403", "proxy.unknown"},
		{"GET https://other.example/base/x HTTP/1.1\r\nHost: other.example", "403", "proxy.unknown"},
		{"GET " + a.url + "/token/orders HTTP/1.1\r\nMintage-Agent: true\r\nHost: evil.example", "403", "proxy.unknown"},
		{"CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443", "405", "proxy.connect"},
		{"GET " + api.URL + "/base/x HTTP/1.1\r\nOrigin: http://evil.example\r\nHost: a", "403", "caller.origin"},
	} {
		c, err := net.Dial("tcp", a.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s\r\nConnection: close\r\n\r\n", test.request)
		raw, _ := io.ReadAll(bufio.NewReader(c))
		_ = c.Close()
		if got := string(raw); !strings.HasPrefix(got, "HTTP/1.1 "+test.code) || !strings.Contains(got, test.body) {
			t.Errorf("%s\ngot %s\nwant %s %s", test.request, got, test.code, test.body)
		}
	}
}

// TestNoToken: what a caller is told, and that the server is not asked at each
// request.
func TestNoToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "another")
	a := start(t, text(newAPI(t, nil).URL, i.URL), nil)
	for n := range 5 {
		got := a.do(t, "GET", "/orders/x", nil)
		if got.status != http.StatusBadGateway || got.header.Get("Mintage-Agent-Error") != "token.refused" || !strings.Contains(got.body, "invalid_client") {
			t.Errorf("%d: %d %s", n, got.status, got.body)
		}
		if n > 0 && got.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("a wrong secret was sent %d times", n)
	}
	ready := a.do(t, "GET", "/readyz", nil)
	if ready.status != http.StatusServiceUnavailable || !strings.Contains(ready.body, "invalid_client") {
		t.Errorf("ready: %d %s", ready.status, ready.body)
	}
	if got := a.do(t, "GET", "/healthz", nil); got.status != 200 {
		t.Errorf("health: %d", got.status)
	}
}

// TestReload: tokens whose settings stay are kept, and a wrong file changes
// nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "s3cret")
	api := newAPI(t, nil)
	a := start(t, text(api.URL, i.URL), nil)
	_ = a.do(t, "GET", "/orders/x", nil)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, dir, text(api.URL, i.URL))
	c.Upstreams[0].Token.Secret = &agent.SecretRef{Env: "MINTAGE_TEST_UNSET"}
	if _, err := a.Reload(t.Context(), c); err == nil {
		t.Error("a variable that is not set passed")
	}
	if got := a.do(t, "GET", "/orders/x", nil); got.body != "GET /base/x token-1 " {
		t.Errorf("after a refused reload: %d %s", got.status, got.body)
	}
	second := strings.Replace(text(api.URL, i.URL), "upstreams:\n", "upstreams:\n  more:\n    url: "+api.URL+"/more\n    token: &t { token_url: "+i.URL+
		", client_id: app, client_secret: { file: secret }, scope: [b] }\n  third: { url: "+api.URL+"/third, token: *t }\n", 1)
	restart, err := a.Reload(t.Context(), parse(t, dir, second))
	if err != nil || len(restart) != 1 || restart[0] != "listen" {
		t.Errorf("%v, %v", restart, err)
	}
	for target, want := range map[string]string{"/more/x": "GET /more/x token-", "/third/x": "GET /third/x token-"} {
		if got := a.do(t, "GET", target, nil); !strings.HasPrefix(got.body, want) {
			t.Errorf("%s: %d %s", target, got.status, got.body)
		}
	}
	if n := i.asked.Load(); n != 2 {
		t.Errorf("%d tokens for two upstreams with the same settings", n-1)
	}
}

// TestQueue: requests that wait for a token give up in time, and not more of
// them wait than may.
func TestQueue(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		fmt.Fprint(w, `{"access_token":"token-1","token_type":"Bearer","expires_in":3600}`)
	}))
	t.Cleanup(slow.Close)
	a := start(t, strings.Replace(text(newAPI(t, nil).URL, slow.URL), "client_id: app", "client_id: app, wait: 1s, max_waiting: 2", 1), nil)
	codes := make(chan string, 5)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { codes <- a.do(t, "GET", "/orders/x", nil).header.Get("Mintage-Agent-Error") })
	}
	all.Wait()
	close(codes)
	count := map[string]int{}
	for code := range codes {
		count[code]++
	}
	if count["token.queue_full"] != 3 || count["token.unavailable"] != 2 {
		t.Errorf("%v", count)
	}
	close(release)
	if got := a.do(t, "GET", "/orders/x", nil); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
