package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// asked is the listener of questions, and how many connections were taken over.
func asked(t *testing.T, c *gateway.Config) (g *gateway.Gateway, addr string, taken *atomic.Int64) {
	t.Helper()
	g, taken = newGateway(t, c, gateway.Deps{}), new(atomic.Int64)
	srv := httptest.NewUnstartedServer(g.ForwardAuth())
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateHijacked {
			taken.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return g, srv.Listener.Addr().String(), taken
}

// answersTo sends bytes on one connection and returns what comes until its end.
func answersTo(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Errorf("the connection does not end after %q", text[max(0, len(text)-60):])
	}
	return string(all)
}

// TestConversation: on a connection that goes on, each transcript of forward auth
// is answered as net/http answers it, the first time and the third, also where
// the questions come in one piece.
func TestConversation(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/forwardauth/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	is := newIssuer(t)
	words := strings.NewReplacer("{{token read}}", is.token("read", nil), "{{token read expired}}", is.token("read", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))
	c := is.config(frontRoutes()...)
	g, addr, taken := asked(t, c)
	questions := 0
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range ar.Files {
			text := words.Replace(string(section.Data))
			if section.Name != "request" || strings.Contains(text, "{{") || !strings.Contains(text, " /forward-auth") || strings.Contains(text, "HTTP/1.0") {
				continue
			}
			want := ask(t, g.ForwardAuth(), "127.0.0.1:1234", text)
			lasting := strings.ReplaceAll(strings.Replace(text, "Connection: close\n", "", 1), "\n", "\r\n")
			last := strings.Replace(lasting, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
			r := bufio.NewReader(strings.NewReader(answersTo(t, addr, lasting+lasting+last)))
			for i := range 3 {
				if got := readAnswer(t, r, i < 2); got != want {
					t.Errorf("%s, answer %d: got\n%s\nwant\n%s", file, i, got, want)
				}
			}
			if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: something comes after the answers", file)
			}
			questions++
		}
	}
	if n := taken.Load(); questions < 20 || n != int64(questions) {
		t.Errorf("%d of %d connections were taken over", n, questions)
	}
}

// readAnswer reads an answer as ask has it.
func readAnswer(t *testing.T, r *bufio.Reader, lasting bool) string { //nolint:revive // what is expected
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil || res.Close == lasting || res.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Errorf("the answer is not framed: %v, %v, %v, %q", err, res.Close, res.Header, body)
	}
	if at, err := http.ParseTime(res.Header.Get("Date")); err != nil || time.Since(at) > time.Minute {
		t.Errorf("the date is %q", res.Header.Get("Date"))
	}
	w := httptest.NewRecorder()
	for name, values := range res.Header {
		if name != "Date" && name != "Content-Length" && name != "Connection" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(body)
	return shown(t, w)
}

// TestConversationEnds holds how a connection ends on which something else comes
// than a question.
func TestConversationEnds(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(frontRoutes()...)
	c.Bounds.HeaderTimeout, c.Bounds.Header = 300*time.Millisecond, 4<<10
	_, addr, _ := asked(t, c)
	const about = "X-Original-Method: GET\r\nX-Original-Uri: /status\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example\r\n"
	const question = "GET /forward-auth HTTP/1.1\r\nHost: a\r\n" + about + "\r\n"
	for name, tt := range map[string]struct {
		then   string
		status string // of the second answer; empty: none
		third  string // of the one to a question after it
	}{
		"a body":              {"POST /forward-auth HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n" + about + "\r\nbody", "200", "200"},
		"a body that is late": {"POST /forward-auth HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n" + about + "\r\nbody", "200", ""},
		"a body in pieces":    {"POST /forward-auth HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + about + "\r\n0\r\n\r\n", "200", ""},
		"two framings":        {"POST /forward-auth HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n" + about + "\r\n0\r\n\r\n", "200", ""},
		"another path":        {"GET /ext-authz/orders/7 HTTP/1.1\r\nHost: a\r\n\r\n", "421", ""},
		"no path":             {"GET http://a/forward-auth HTTP/1.1\r\nHost: a\r\n\r\n", "421", ""},
		"no host":             {"GET /forward-auth HTTP/1.1\r\n" + about + "\r\n", "400", ""},
		"an older protocol":   {"GET /forward-auth HTTP/1.0\r\nHost: a\r\n" + about + "\r\n", "400", ""},
		"no request":          {"hello\r\n\r\n", "400", ""},
		"two lengths":         {"POST /forward-auth HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", "400", ""},
		"a large head":        {"GET /forward-auth HTTP/1.1\r\nHost: a\r\nX-A: " + strings.Repeat("a", 9<<10) + "\r\n" + about + "\r\n", "431", ""},
		"half a head":         {"GET /forward-auth HTTP/1.1\r\nHost: a\r\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := question + tt.then
			if tt.third != "" {
				text += strings.Replace(question, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
			}
			var got []string
			for _, m := range regexp.MustCompile(`(?m)^HTTP/1\.1 (\d+) `).FindAllStringSubmatch(answersTo(t, addr, text), -1) {
				got = append(got, m[1])
			}
			want := strings.Fields("200 " + tt.status + " " + tt.third)
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// TestConversationDrains: at the end of the gateway a connection that waits for
// the next question is closed at once, and no new one begins.
func TestConversationDrains(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	c := is.config(frontRoutes()...)
	c.Listen, c.AdminListen, c.ForwardAuth.Listen = "127.0.0.1:0", "127.0.0.1:0", freeAddress(t)
	c.Bounds.DrainTimeout = time.Minute
	g := newGateway(t, c, gateway.Deps{})
	s, err := gateway.Open(t.Context(), g, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, func() {}) }()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", c.ForwardAuth.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, "GET /forward-auth HTTP/1.1\r\nHost: a\r\nX-Original-Method: GET\r\nX-Original-Uri: /status\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != http.StatusOK || res.Body.Close() != nil {
			t.Fatal(res, err)
		}
	}
	began := time.Now()
	cancel()
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	if err := <-done; err != nil || time.Since(began) > 30*time.Second {
		t.Errorf("the gateway ends after %v with %v", time.Since(began), err)
	}
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}
