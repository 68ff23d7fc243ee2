package gateway_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// TestReasons holds what the access log calls each thing that goes wrong, and
// what the caller is answered: the codes are those of internal/explain.
func TestReasons(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		case "/breaks":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "five!")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.Copy(io.Discard, r.Body)
		}
	})
	nobody := newBackend(t, nil)
	nobody.Close()
	c := is.config(
		&gateway.Route{Name: "open", Paths: []string{"/open"}, Public: true, Upstream: b.URL, Body: 20},
		&gateway.Route{Name: "rated", Paths: []string{"/rated"}, Public: true, Upstream: b.URL, Rate: gateway.Rate{Count: 1, Per: time.Hour}},
		&gateway.Route{Name: "breaks", Paths: []string{"/breaks"}, Public: true, Upstream: b.URL},
		&gateway.Route{Name: "slow", Paths: []string{"/slow"}, Public: true, Upstream: "slow"},
		&gateway.Route{Name: "nobody", Paths: []string{"/nobody"}, Public: true, Upstream: nobody.URL},
		&gateway.Route{Name: "get", Paths: []string{"/get"}, Methods: []string{"GET"}, Public: true, Upstream: b.URL},
	)
	c.AccessLog = gateway.LogAll
	c.Upstreams = []*gateway.Upstream{{Name: "slow", URL: b.URL, AnswerTimeout: 50 * time.Millisecond}}
	log := &lines{}
	srv := front(t, newGateway(t, c, gateway.Deps{Log: slog.New(slog.NewJSONHandler(log, nil))}))
	const end = "Host: api.example\r\nConnection: close\r\n\r\n"
	for _, tt := range []struct{ name, request, reason, status string }{
		{"fine", "GET /open HTTP/1.1\r\n" + end, "ok", "200"},
		{"dot segments", "GET /open/../open HTTP/1.1\r\n" + end, "request.path", "400"},
		// RFC 9112 §3.2.2 is not followed: docs/rfc/divergences.md says why.
		{"absolute form", "GET http://api.example/open HTTP/1.1\r\n" + end, "request.path", "400"},
		{"no host", "GET /open HTTP/1.1\r\nHost: api_.example:x\r\nConnection: close\r\n\r\n", "request.host", "400"},
		{"connection", "GET /open HTTP/1.1\r\nConnection: X-Client-Id\r\n" + end, "request.connection", "400"},
		{"upgrade", "GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: foo\r\n\r\n", "request.upgrade", "400"},
		{"method", "DELETE /get HTTP/1.1\r\n" + end, "request.method", "405"},
		{"too large", "POST /open HTTP/1.1\r\nContent-Length: 21\r\n" + end + strings.Repeat("x", 21), "request.too_large", "413"},
		{"broken body", "POST /open HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + end + "zz\r\n", "request.body", "400"},
		{"no route", "GET /elsewhere HTTP/1.1\r\n" + end, "route.unknown", "404"},
		{"within the rate", "GET /rated HTTP/1.1\r\n" + end, "ok", "200"},
		{"past the rate", "GET /rated HTTP/1.1\r\n" + end, "limit.route", "429"},
		{"nobody listens", "GET /nobody HTTP/1.1\r\n" + end, "upstream.failed", "502"},
		{"too slow", "GET /slow HTTP/1.1\r\n" + end, "upstream.timeout", "504"},
		{"breaks off", "GET /breaks HTTP/1.1\r\n" + end, "upstream.broken", "cut"},
	} {
		log.reset()
		answer := exchange(t, srv.Listener.Addr().String(), tt.request)
		line := log.wait(t, "request")
		if line["reason"] != tt.reason || !strings.HasPrefix(cmp.Or(answer, "HTTP/1.1 cut"), "HTTP/1.1 "+tt.status) {
			t.Errorf("%s: %.40q, logged as %v, want %s and %s", tt.name, answer, line["reason"], tt.status, tt.reason)
		}
	}
}

// TestFrontReasons is TestReasons for forward auth, which is counted and logged
// like the rest.
func TestFrontReasons(t *testing.T) {
	t.Parallel()
	is, log := newIssuer(t), &lines{}
	c := is.config(&gateway.Route{Name: "read", Paths: []string{"/orders/{id}"}, Scopes: []string{"read"}})
	c.AccessLog = gateway.LogAll
	g := newGateway(t, c, gateway.Deps{Log: slog.New(slog.NewJSONHandler(log, nil))})
	asked := func(change map[string]string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/forward-auth", http.NoBody)
		r.RemoteAddr = "127.0.0.1:5000"
		r.Header = http.Header{
			"X-Original-Method": {"GET"}, "X-Original-Uri": {"/orders/7"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"api.example"},
			"Authorization": {"Bearer " + is.token("read", nil)},
		}
		for name, v := range change {
			r.Header[name] = []string{v}
		}
		return r
	}
	stranger := asked(nil)
	stranger.RemoteAddr = "192.0.2.1:5000"
	for _, tt := range []struct {
		name, reason, decision string
		r                      *http.Request
	}{
		{"good", "ok", "allowed", asked(nil)},
		{"no token", "token.missing", "refused", asked(map[string]string{"Authorization": ""})},
		{"another spelling", "request.header", "refused", asked(map[string]string{"X_Client_Id": "admin"})},
		{"no address", "proxy.request", "refused", asked(map[string]string{"X-Original-Uri": ""})},
		{"a stranger asks", "proxy.unlisted", "refused", stranger},
	} {
		log.reset()
		g.ForwardAuth().ServeHTTP(httptest.NewRecorder(), tt.r)
		if line := log.wait(t, "request"); line["reason"] != tt.reason || line["decision"] != tt.decision {
			t.Errorf("%s: logged as %v %v, want %s %s", tt.name, line["decision"], line["reason"], tt.decision, tt.reason)
		}
	}
	metrics := metricsOf(t, g)
	if want := `mintage_gateway_requests_total{decision="allowed",reason="ok",route="read"} 1`; !strings.Contains(metrics, want) {
		t.Errorf("/metrics lacks %s:\n%s", want, metrics)
	}
}

func metricsOf(tb testing.TB, g *gateway.Gateway) string {
	tb.Helper()
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), "GET", "/metrics", http.NoBody))
	return w.Body.String()
}

// exchange sends a request as it is and returns all that comes back.
func exchange(tb testing.TB, addr, request string) string {
	tb.Helper()
	c, err := new(net.Dialer).DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		tb.Fatal(err)
	}
	answer, _ := io.ReadAll(c) // a connection that is cut is an answer too
	return string(answer)
}

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Reset()
}

// wait returns the first line with a message, which may come after the answer.
func (l *lines) wait(tb testing.TB, message string) map[string]any {
	tb.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-time.After(time.Millisecond) {
		l.mu.Lock()
		text := l.all.String()
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == message {
				return fields
			}
		}
	}
	tb.Fatalf("%q is not logged", message)
	return nil
}
