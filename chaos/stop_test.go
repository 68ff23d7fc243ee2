package chaos_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/oauth"
)

// stopIn bounds the end of a process: what is under way takes the test only a
// moment, and the drain timeout is never reached.
const stopIn = 10 * time.Second

// underway is a request whose handler has begun and waits for the rest of it, or
// for news.
type underway struct {
	what string
	conn net.Conn
	r    *bufio.Reader
	rest string
}

// begin sends a request up to the last byte of its body, and returns once its
// handler reads that, which is what 100 Continue tells. Without a body it returns
// at once.
func begin(t *testing.T, what, addr, method, target, body string, header ...string) *underway {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(readyIn))
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, target, addr, strings.Join(header, "\r\n"))
	if body != "" {
		fmt.Fprintf(&head, "Expect: 100-continue\r\nContent-Length: %d\r\n", len(body))
	}
	u := &underway{what: what, conn: conn, r: bufio.NewReader(conn)}
	if _, err := io.WriteString(conn, head.String()+"\r\n"); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if body != "" {
		u.rest = body[len(body)-1:]
		if line := u.line(t); !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Fatalf("%s: %q instead of 100 Continue", what, line)
		}
		_ = u.line(t)
		if _, err := io.WriteString(conn, body[:len(body)-1]); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	return u
}

func (u *underway) line(t *testing.T) string {
	t.Helper()
	line, err := u.r.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", u.what, err)
	}
	return line
}

// finish sends what is missing and reads the answer to its end.
func (u *underway) finish() (status int, body string, err error) {
	if _, err := io.WriteString(u.conn, u.rest); err != nil {
		return 0, "", fmt.Errorf("%s: %w", u.what, err)
	}
	resp, err := http.ReadResponse(u.r, nil)
	if err != nil {
		return 0, "", fmt.Errorf("%s: no answer: %w", u.what, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", fmt.Errorf("%s: half an answer: %w", u.what, err)
	}
	return resp.StatusCode, string(raw), nil
}

// TestStop is R16 of the fault plan for one server: requests of each kind are
// under way when SIGTERM comes, again and again. The listener closes first and
// /readyz says why, each request is answered as ever, those who wait for news are
// let go with a whole answer, and the process ends well within its time.
func TestStop(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.ready(t)
	rounds := map[form]int{formShort: 1, formCI: 4, formLong: 100}[theForm()]
	var ends []time.Duration
	for round := range rounds {
		if round > 0 {
			if _, err := s.start(); err != nil {
				t.Fatal(err)
			}
			var err error
			if c, err = s.call(); err != nil {
				t.Fatal(err)
			}
		}
		ends = append(ends, stopOnce(t, s, c, "late-"+strconv.Itoa(round)))
		if t.Failed() {
			break
		}
	}
	if _, err := s.start(); err != nil {
		t.Fatal(err)
	}
	last := "late-" + strconv.Itoa(rounds-1)
	if c, err := s.call(); err != nil {
		t.Error(err)
	} else if _, err := c.api.Client(t.Context(), tenant, last); err != nil {
		t.Errorf("what was applied while the server stopped is not there: %v", err)
	}
	slices.Sort(ends)
	t.Logf("stops: %d, 6 requests under way at each, cut off: 0, the process ends %v after the last answer (the longest of them)",
		len(ends), ends[len(ends)-1].Round(time.Millisecond))
}

// stopOnce stops the server in the middle of requests, and returns how long
// after the last answer it was gone.
func stopOnce(t *testing.T, s *server, c *callers, client string) time.Duration {
	t.Helper()
	token, err := c.api.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type object map[string]any
	state, err := json.Marshal(adminclient.StateRequest{Source: client, State: mustJSON(t, object{"apiVersion": "mintage/v1", "clients": []object{{
		"id": client, "name": client, "tenants": []string{tenant},
		"grants":  []object{{"resource_server": resource, "scopes": []string{scope}}},
		"secrets": []object{{"name": "main", "generate": true, "made": map[string]string{tenant: checkerSecret}}},
	}}})})
	if err != nil {
		t.Fatal(err)
	}
	stored := ask(t.Context(), t, c, pathStored)
	basic, bearer := "Authorization: "+oauth.BasicHeader(checker, checkerSecret), "Authorization: Bearer "+token
	form := "Content-Type: application/x-www-form-urlencoded"
	grant := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}.Encode()
	var known oauth.Revocations
	if _, body, err := begin(t, "the feed", s.public, http.MethodGet, "/oauth2/revocations", "", bearer).finish(); err != nil {
		t.Fatal(err)
	} else if err := json.Unmarshal([]byte(body), &known); err != nil {
		t.Fatalf("the feed: %v: %s", err, body)
	}
	feed := begin(t, "a long poll", s.public, http.MethodGet, "/oauth2/revocations?wait=50&after="+known.Cursor, "", bearer)
	stream := begin(t, "an event stream", s.public, http.MethodGet, "/oauth2/revocations", "", bearer, "Accept: text/event-stream")
	if _, err := stream.r.Peek(1); err != nil { // its handler has begun, and the other connection was taken before
		t.Fatal(err)
	}
	all := []*underway{
		begin(t, "a JWT", s.public, http.MethodPost, pathJWT, grant, basic, form),
		begin(t, "a stored token", s.public, http.MethodPost, pathStored, grant, basic, form),
		begin(t, "an introspection", s.public, http.MethodPost, "/oauth2/introspect", url.Values{"token": {stored.AccessToken}}.Encode(), basic, form),
		begin(t, "an apply", s.admin, http.MethodPost, "/admin/v1/state/apply", string(state), bearer, "Content-Type: application/json"),
	}
	for range 5 {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
	}
	refusesNew(t, s.public)
	if why := readiness(t.Context(), s.admin); !strings.Contains(why, "stopping") {
		t.Errorf("/readyz says %q", why)
	}
	for _, u := range []*underway{feed, stream} {
		if status, body, err := u.finish(); err != nil || status != http.StatusOK || u == feed && !strings.Contains(body, `"complete":false`) {
			t.Errorf("%s: %d %s %v", u.what, status, body, err)
		}
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	for _, u := range all {
		if status, body, err := u.finish(); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %s %v", u.what, status, body, err)
		}
	}
	return ended(t, s.cmd, s.done)
}

// mustJSON is v as JSON.
func mustJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// refusesNew waits until an address takes no more connections.
func refusesNew(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(stopIn); ; time.Sleep(2 * time.Millisecond) { // another process
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		_ = conn.Close()
		if time.Now().After(end) {
			t.Fatalf("%s still takes connections", addr)
		}
	}
}

// readiness returns what /readyz says.
func readiness(ctx context.Context, admin string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", http.NoBody)
	if err != nil {
		return err.Error()
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(resp.StatusCode, " ", string(body))
}

// ended waits until a process has ended, in order, and returns how long it took.
func ended(t *testing.T, cmd *exec.Cmd, done <-chan struct{}) time.Duration {
	t.Helper()
	began := time.Now()
	select {
	case <-done:
	case <-time.After(stopIn):
		t.Fatalf("the process runs on %v after the last answer", stopIn)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d (%v), want 0", code, cmd.ProcessState)
	}
	return time.Since(began)
}

// TestStopNow: whoever presses Ctrl-C while a server finishes what is under way
// does not wait for it.
func TestStopNow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ready(t)
	begin(t, "a JWT", s.public, http.MethodPost, pathJWT, "grant_type=client_credentials",
		"Authorization: "+oauth.BasicHeader(checker, checkerSecret), "Content-Type: application/x-www-form-urlencoded")
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	refusesNew(t, s.public)
	select {
	case <-s.done:
		t.Fatal("the request under way was cut off by the first signal")
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-s.done:
	case <-time.After(stopIn):
		t.Fatal("the second Ctrl-C did not end it")
	}
	if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("ended by %v, want the signal", s.cmd.ProcessState)
	}
}

// TestStopOthers is R16 for the gateway and the agent: what they carry when
// SIGTERM comes, again and again, gets to its end.
func TestStopOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ready(t)
	var arrived sync.WaitGroup
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		arrived.Done()
		<-release
		_, _ = io.WriteString(w, "last")
	}))
	t.Cleanup(backend.Close)
	g := newRunningGateway(t, backend.URL)
	a, admin := newRunningAgent(t, s, backend.URL)
	for _, p := range []struct {
		name, addr, admin, path, says string
		cmd                           *exec.Cmd
	}{
		{"the gateway", g.addr, g.admin, "/slow", "stopping", g.cmd},
		{"the agent", a.addr, admin, "/orders/slow", "", a.cmd},
	} {
		const n = 4
		arrived.Add(n)
		var all []*underway
		for range n {
			all = append(all, begin(t, "a request at "+p.name, p.addr, http.MethodGet, p.path, ""))
		}
		arrived.Wait()
		done := make(chan struct{})
		go func() { _ = p.cmd.Wait(); close(done) }()
		for range 5 {
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
		refusesNew(t, p.addr)
		if why := readiness(t.Context(), p.admin); p.says != "" && !strings.Contains(why, p.says) {
			t.Errorf("%s: /readyz says %q", p.name, why)
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		for range n {
			release <- struct{}{}
		}
		for _, u := range all {
			if status, body, err := u.finish(); err != nil || status != http.StatusOK || body != "first last" {
				t.Errorf("%s: %d %q %v", u.what, status, body, err)
			}
		}
		t.Logf("%s: %d requests under way, 0 cut off, gone %v after the last answer", p.name, n, ended(t, p.cmd, done).Round(time.Millisecond))
	}
}

// newRunningAgent starts mintage agent with one upstream, whose tokens s issues.
// It returns the agent and the address of its status listener.
func newRunningAgent(t *testing.T, s *server, upstream string) (a *runningGateway, status string) {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a, status = &runningGateway{addr: address(t)}, address(t)
	secret, file := filepath.Join(dir, "secret"), filepath.Join(dir, "agent.yaml")
	text := fmt.Sprintf(`listen: %s
status_listen: %s
upstreams:
  orders:
    url: %s
    token: { token_url: "http://%s%s", client_id: %s, client_secret: { file: %s }, scope: %s }
`, a.addr, status, upstream, s.public, pathJWT, checker, secret, scope)
	for name, data := range map[string]string{secret: checkerSecret, file: text} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said lockedBuffer
	a.cmd = exec.Command(bin, "agent", "--config", file)
	a.cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MINTAGE_") })
	a.cmd.Stderr = &said
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if a.cmd.ProcessState == nil {
			_ = a.cmd.Process.Kill()
		}
	})
	for end := time.Now().Add(readyIn); !strings.HasPrefix(readiness(t.Context(), status), "200"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the agent is not ready: %s", said.tail(2000))
		}
	}
	return a, status
}
