package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// stalledBound is how long after its beginning the stream of a caller that does
// not read has to be over. The token lasts two seconds and the end of its
// stream takes two more; a connection that is given up for its silence, 30 s.
const stalledBound = 20 * time.Second

// TestStalledStreamEnds: a caller that does not read keeps its stream no longer
// than its token either: over HTTP/2, where flow control holds back what is
// written, over HTTP/1.1 and in a WebSocket. What it sends reaches the backend no
// more.
func TestStalledStreamEnds(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	over := make(chan string, 3)
	flood := func(w io.Writer, flush func() error, message []byte) {
		for {
			if _, err := w.Write(message); err != nil || flush() != nil {
				return
			}
		}
	}
	calls := newH2C(t, func(w http.ResponseWriter, r *http.Request) {
		defer func() { over <- r.URL.Path }()
		w.Header().Set("Content-Type", "application/grpc")
		go func() { _, _ = io.Copy(io.Discard, r.Body) }()
		flood(w, http.NewResponseController(w).Flush, append([]byte{0, 0, 0, 16, 0}, make([]byte, 4096)...))
	})
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		defer func() { over <- r.URL.Path }()
		rc := http.NewResponseController(w)
		if r.URL.Path == "/sse" {
			w.Header().Set("Content-Type", "text/event-stream")
			flood(w, rc.Flush, []byte("data: "+strings.Repeat("x", 4096)+"\n\n"))
			return
		}
		conn, _, err := rc.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		flood(conn, func() error { return nil }, append([]byte{0x82, 126, 16, 0}, make([]byte, 4096)...))
	})
	c := is.config(
		&gateway.Route{Name: "g", Paths: []string{"/grpc"}, Upstream: "h2c" + strings.TrimPrefix(calls.URL, "http")},
		&gateway.Route{Name: "a", Paths: []string{"/sse", "/ws"}, Upstream: b.URL},
	)
	c.Leeway = -1
	g := newGateway(t, c, gateway.Deps{})
	srv := front(t, g)

	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	body, send := io.Pipe()
	t.Cleanup(func() { _ = send.Close() })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/grpc", body)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Authorization": {"Bearer " + short(is)}}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	stall(t, srv.Listener.Addr().String(), "GET /sse HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+short(is)+"\r\n\r\n")
	stall(t, srv.Listener.Addr().String(), "GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+short(is)+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")

	bound := time.NewTimer(stalledBound)
	defer bound.Stop()
	for i := range 3 {
		select {
		case path := <-over:
			t.Logf("%s ends after %v", path, time.Since(began).Round(time.Millisecond))
		case <-bound.C:
			t.Fatalf("%d of 3 streams have ended after %v", i, stalledBound)
		}
	}
	await(t, "no stream is open", func() bool { return metric(t, g, "mintage_gateway_streams") == "0" })
	if _, err := send.Write([]byte("more")); err == nil {
		t.Error("the caller's message is still taken")
	}
}

// TestUnreadAnswerEnds: over HTTP/2 a caller that does not read an answer loses
// that answer and not its connection, and a backend that is silent for longer
// than the caller may be loses nothing.
func TestUnreadAnswerEnds(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	const bound = 300 * time.Millisecond
	over := make(chan struct{})
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		switch r.URL.Path {
		case "/flood":
			defer close(over)
			for part := make([]byte, 64<<10); r.Context().Err() == nil; {
				if _, err := w.Write(part); err != nil || rc.Flush() != nil {
					return
				}
			}
		case "/silent":
			_, _ = io.WriteString(w, "one ")
			_ = rc.Flush()
			time.Sleep(3 * bound)
			_, _ = io.WriteString(w, "two")
		}
	})
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/flood", "/silent"}, Upstream: b.URL})
	c.Bounds.WriteTimeout = bound
	g := newGateway(t, c, gateway.Deps{})
	srv := front(t, g)
	var dialed atomic.Int64
	tr := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	get := func(path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+is.token("", nil))
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	unread := get("/flood")                                                                    //nolint:bodyclose // get sees to it
	if body, err := io.ReadAll(get("/silent").Body); err != nil || string(body) != "one two" { //nolint:bodyclose // get sees to it
		t.Errorf("of the silent backend: %q, %v", body, err)
	}
	select {
	case <-over:
	case <-time.After(stalledBound):
		t.Fatalf("the answer that nobody reads goes on after %v", stalledBound)
	}
	if _, err := io.Copy(io.Discard, unread.Body); err == nil {
		t.Error("an answer that was cut off ends as whole")
	}
	if body, err := io.ReadAll(get("/silent").Body); err != nil || string(body) != "one two" { //nolint:bodyclose // get sees to it
		t.Errorf("after it: %q, %v", body, err)
	}
	if n := dialed.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// stall sends a request and reads no more than the first line of the answer.
func stall(t *testing.T, addr, request string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprint(conn, request)
	if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") && !strings.Contains(line, " 101 ") {
		t.Fatalf("got %q, %v", line, err)
	}
}

// TestSlowCalls: of gRPC too, only a call with an accepted token may take its
// time for what it sends.
func TestSlowCalls(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	b := newH2C(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_ = http.NewResponseController(w).Flush()
		n, err := io.Copy(io.Discard, r.Body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", fmt.Sprintf("%d bytes, %t", n, err == nil))
	})
	const bound = 50 * time.Millisecond
	upstream := "h2c" + strings.TrimPrefix(b.URL, "http")
	srv := front(t, newGateway(t, is.config(
		&gateway.Route{Name: "public", Paths: []string{"/public"}, Upstream: upstream, Public: true, BodyTimeout: bound},
		&gateway.Route{Name: "observed", Paths: []string{"/observed"}, Upstream: upstream, Mode: gateway.Observe, BodyTimeout: bound},
		&gateway.Route{Name: "kept", Paths: []string{"/kept"}, Upstream: upstream, BodyTimeout: bound},
	), gateway.Deps{}))
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	for _, tt := range []struct {
		path, token string
		whole       bool // the call may end when it wants to
	}{{"/public", "", false}, {"/observed", "", false}, {"/kept", is.token("", nil), true}} {
		body, send := io.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a call that nothing ends ends as whole
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+tt.path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
		if tt.token != "" {
			req.Header.Set("Authorization", "Bearer "+tt.token)
		}
		go func() {
			_, _ = send.Write([]byte{0, 0, 0})
			if tt.whole {
				time.Sleep(5 * bound)
			} else {
				<-ctx.Done()
			}
			_, _ = send.Write([]byte{0, 0})
			_ = send.Close()
		}()
		said := ""
		if res, err := tr.RoundTrip(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			said = res.Trailer.Get("Grpc-Message")
		}
		if late := ctx.Err() != nil; late || (said == "5 bytes, true") != tt.whole {
			t.Errorf("%s: it says %q, not ended after 10 s: %t", tt.path, said, late)
		}
		cancel()
	}
}
