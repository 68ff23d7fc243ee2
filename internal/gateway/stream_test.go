package gateway_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// short is a token that ends within two seconds, the leeway included.
func short(is *authServer) string {
	return is.token("x", map[string]any{"exp": time.Now().Add(2 * time.Second).Unix(), "iat": time.Now().Add(-time.Minute).Unix()})
}

// streaming returns the address of a gateway without leeway before a backend.
func streaming(t *testing.T, is *authServer, serve http.HandlerFunc) string {
	t.Helper()
	b := newBackend(t, serve)
	c := is.config(
		&gateway.Route{Name: "ends", Paths: []string{"/ends"}, Upstream: b.URL},
		&gateway.Route{Name: "outlives", Paths: []string{"/outlives"}, Upstream: b.URL, OutliveToken: true},
	)
	c.Leeway = -1
	return front(t, newGateway(t, c, gateway.Deps{})).Listener.Addr().String()
}

// TestEventStreamEnds: an event stream ends with its token, between two events,
// and says why; one of a route that lets it live goes on.
func TestEventStreamEnds(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	addr := streaming(t, is, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		end := time.After(2500 * time.Millisecond)
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(w, "data: %d\n", i); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-tick.C:
			case <-end:
				return
			case <-r.Context().Done():
				return
			}
			if _, err := io.WriteString(w, "\n"); err != nil {
				return
			}
		}
	})
	for path, ends := range map[string]bool{"/ends": true, "/outlives": false} {
		res, body := call(t, "GET", "http://"+addr+path, short(is), "", nil)
		ended := strings.HasSuffix(body, "\n\nevent: error\ndata: {\"error\":\"invalid_token\",\"error_description\":\"the access token has expired\"}\n\n")
		if res.StatusCode != 200 || ended != ends {
			t.Errorf("%s: %d, the end is %q", path, res.StatusCode, body[max(0, len(body)-120):])
		}
	}
}

// TestWebSocketEnds: a WebSocket passes both ways, and is closed with 1008 when
// its token ends, between two frames.
func TestWebSocketEnds(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	addr := streaming(t, is, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("X-Client-Id") != "client-1" || r.Header.Get("Sec-Websocket-Key") != "k" {
			t.Errorf("the backend got %v", r.Header)
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n")
		in := make([]byte, 4)
		if _, err := io.ReadFull(rw, in); err != nil {
			t.Error(err)
			return
		}
		for { // frames of 300 bytes, each in two writes
			frame := append([]byte{0x82, 126, 1, 44}, make([]byte, 300)...)
			if _, err := conn.Write(frame[:100]); err != nil {
				return
			}
			if _, err := conn.Write(frame[100:]); err != nil {
				return
			}
		}
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET /ends HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n\r\nping", short(is))
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil) //nolint:bodyclose // it is the connection
	if err != nil || res.StatusCode != 101 || res.Header.Get("Sec-Websocket-Accept") != "a" {
		t.Fatalf("got %+v, %v", res, err)
	}
	for frames := 0; ; frames++ {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			t.Fatalf("after %d frames: %v", frames, err)
		}
		if head[0] == 0x88 {
			payload := make([]byte, head[1])
			if _, err := io.ReadFull(r, payload); err != nil || binary.BigEndian.Uint16(payload) != 1008 || string(payload[2:]) != "token.expired" || frames == 0 {
				t.Errorf("close frame %q after %d frames, %v", payload, frames, err)
			}
			break
		}
		if head[0] != 0x82 || head[1] != 126 {
			t.Fatalf("frame %d begins with % x", frames, head)
		}
		if _, err := r.Discard(302); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the close frame: %v", err)
	}
}

// TestOtherUpgrades: nothing but a WebSocket begins in the middle of HTTP.
func TestOtherUpgrades(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	g := newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL}), gateway.Deps{})
	srv := front(t, g)
	for _, protocol := range []string{"h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"} {
		h := http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {protocol}, "Http2-Settings": {"AAMAAABkAARAAAAAAAIAAAAA"}}
		res, _ := call(t, "GET", srv.URL+"/a", is.token("", nil), "", h)
		if _, n := b.last(); res.StatusCode != 400 || n != 0 {
			t.Errorf("%s: got %d, %d requests came through", protocol, res.StatusCode, n)
		}
	}
}

// TestGRPC: a call of gRPC passes with its trailers over HTTP/2 without TLS,
// and ends as UNAUTHENTICATED when its token does, between two messages.
func TestGRPC(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" || r.Header.Get("X-Client-Id") != "client-1" {
			t.Errorf("the backend got %s %v", r.Proto, r.Header)
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		message := append([]byte{0, 0, 0, 0, 200}, make([]byte, 200)...)
		for i := 0; r.URL.Path != "/unary" || i < 1; i++ {
			_, err := w.Write(message[:50])
			_ = http.NewResponseController(w).Flush()
			if err == nil {
				_, err = w.Write(message[50:])
			}
			if err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/quiet" {
				<-r.Context().Done()
				return
			}
		}
		w.Header().Set("Grpc-Status", "0")
	}
	b := newH2C(t, serve)
	c := is.config(&gateway.Route{Name: "g", Paths: []string{"/{rest...}"}, Upstream: "h2c" + strings.TrimPrefix(b.URL, "http")})
	c.Leeway = -1
	srv := front(t, newGateway(t, c, gateway.Deps{}))
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	for _, tt := range []struct{ path, status string }{{"/unary", "0"}, {"/endless", "16"}, {"/quiet", "16"}} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+tt.path, strings.NewReader("\x00\x00\x00\x00\x00"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {"application/grpc+proto"}, "Te": {"trailers"}, "Authorization": {"Bearer " + short(is)}}
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if err != nil || n == 0 && tt.status == "0" || n%205 != 0 || res.Trailer.Get("Grpc-Status") != tt.status {
			t.Errorf("%s: %d bytes, %v, trailer %v", tt.path, n, err, res.Trailer)
		}
	}
}
