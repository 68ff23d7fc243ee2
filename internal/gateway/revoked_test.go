package gateway_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/mintagetest"
)

// TestRevokedStreams: an event stream, a WebSocket and a call of gRPC end when
// their token is revoked, each in its own words, and those of another token go
// on until their callers end them.
func TestRevokedStreams(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	hold := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sse" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			hold(w, r)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi")
		_, _ = io.Copy(io.Discard, conn)
	})
	calls := newH2C(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_, _ = w.Write([]byte{0, 0, 0, 0, 1, 7})
		hold(w, r)
	})
	g := newGateway(t, ofMintage(s,
		&gateway.Route{Name: "a", Paths: []string{"/sse", "/ws"}, Upstream: b.URL},
		&gateway.Route{Name: "g", Paths: []string{"/grpc/{call}"}, Upstream: "h2c" + strings.TrimPrefix(calls.URL, "http")},
	), gateway.Deps{FeedToken: feedTokens(s, s.APIID), Client: s.Client()})
	srv := front(t, g)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	type ending struct{ kind, said string }
	endings := make(chan ending, 6)
	var opened sync.WaitGroup // with their first message
	openAll := func(token string) {
		opened.Add(3)
		go func() { endings <- ending{"sse", events(t, srv.URL+"/sse", token, opened.Done)} }()
		go func() { endings <- ending{"websocket", lastFrame(t, srv.Listener.Addr().String(), token, opened.Done)} }()
		go func() { endings <- ending{"grpc", grpcStatus(t, tr, srv.URL+"/grpc/call", token, opened.Done)} }()
	}
	token, other := s.Token(mintagetest.TokenOptions{}), s.Token(mintagetest.TokenOptions{})
	await(t, "the feed is heard", func() bool {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/sse", Header: bearer(token)}).Allow
	})
	openAll(token)
	openAll(other)
	opened.Wait()
	if n := metric(t, g, "mintage_gateway_streams"); n != "6" {
		t.Errorf("%s streams are open, want 6", n)
	}
	s.Revoke(token)
	want := map[string]string{
		"sse":       "data: 1\n\nevent: error\ndata: {\"error\":\"invalid_token\",\"error_description\":\"the access token was revoked\"}\n\n",
		"websocket": "1008 token.revoked", "grpc": "16 the access token was revoked",
	}
	for range 3 {
		e := <-endings
		if e.said != want[e.kind] {
			t.Errorf("%s ends with %q, want %q", e.kind, e.said, want[e.kind])
		}
		delete(want, e.kind)
	}
	if len(want) > 0 {
		t.Errorf("not ended: %v", want)
	}
	await(t, "three streams are open", func() bool { return metric(t, g, "mintage_gateway_streams") == "3" })
	for _, kind := range []string{"sse", "websocket", "grpc"} {
		route := map[bool]string{true: "g", false: "a"}[kind == "grpc"]
		if n := metric(t, g, fmt.Sprintf(`mintage_gateway_streams_ended_total{kind=%q,reason="token.revoked",route=%q}`, kind, route)); n != "1" {
			t.Errorf("%s: %q counted", kind, n)
		}
	}
	s.Revoke(other)
	for range 3 {
		<-endings
	}
}

// events returns an event stream until its end.
func events(t *testing.T, at, token string, opened func()) string {
	t.Helper()
	opened = sync.OnceFunc(opened)
	defer opened()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
	if err != nil {
		return err.Error()
	}
	req.Header = bearer(token)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	return whole(res.Body, len("data: 1\n\n"), opened)
}

// whole returns all of r, and calls opened when it has the first n bytes.
func whole(r io.Reader, n int, opened func()) string {
	first := make([]byte, n)
	_, err := io.ReadFull(r, first)
	opened()
	if err != nil {
		return err.Error()
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	return string(first) + string(rest)
}

// lastFrame returns the code and the reason of the close frame of a WebSocket,
// after its first message.
func lastFrame(t *testing.T, addr, token string, opened func()) string {
	t.Helper()
	opened = sync.OnceFunc(opened)
	defer opened()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", token)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil) //nolint:bodyclose // it is the connection
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Sprintf("%+v, %v", res, err)
	}
	frames := whole(r, 4, opened)
	frame, ok := strings.CutPrefix(frames, "\x81\x02hi\x88")
	if !ok || len(frame) < 3 || int(frame[0]) != len(frame)-1 {
		return fmt.Sprintf("%q", frames)
	}
	return fmt.Sprintf("%d %s", binary.BigEndian.Uint16([]byte(frame[1:3])), frame[3:])
}

// grpcStatus returns the status with which a call ends, after its first message.
func grpcStatus(t *testing.T, tr *http.Transport, at, token string, opened func()) string {
	t.Helper()
	opened = sync.OnceFunc(opened)
	defer opened()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		return err.Error()
	}
	req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Authorization": {"Bearer " + token}}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	if body := whole(res.Body, 6, opened); len(body) != 6 {
		return fmt.Sprintf("%q", body)
	}
	return res.Trailer.Get("Grpc-Status") + " " + res.Trailer.Get("Grpc-Message")
}

// TestRevocationByPolling is RV-07 without the stream, and R10: where the way to
// the issuer cuts streams and long polls, a revoked token is refused within five
// seconds; and after the issuer was away, what was revoked is known again soon
// after it is back, and what it revokes then too.
func TestRevocationByPolling(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{})
	at, err := url.Parse(s.RevocationsURL)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: at.Scheme, Host: at.Host})
	pass.Transport = s.Client().Transport
	pass.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	way := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" || r.Header.Get("Accept") == "text/event-stream" {
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		r.Host = at.Host
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(way.Close)
	c := ofMintage(s, &gateway.Route{Name: "a", Paths: []string{"/a"}})
	c.Issuers[0].Revocations.URL = way.URL + at.Path
	g := newGateway(t, c, gateway.Deps{FeedToken: feedTokens(s, s.APIID)})
	ask := func(token string) string {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(token)}).Reason
	}
	token, second := s.Token(mintagetest.TokenOptions{}), s.Token(mintagetest.TokenOptions{})
	await(t, "the gateway polls", func() bool { return strings.Contains(status(t, g), `"revocations_by":"poll"`) })
	if got := ask(token); got != "ok" {
		t.Fatal(got)
	}
	began := time.Now()
	s.Revoke(token)
	await(t, "the token is refused", func() bool { return ask(token) == "token.revoked" })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("refused after %v", took)
	}
	s.Stop()
	await(t, "the gateway notices", func() bool { return strings.Contains(status(t, g), `"error":`) })
	if ask(token) != "token.revoked" || ask(second) != "ok" {
		t.Errorf("with the issuer away: %s, %s", ask(token), ask(second))
	}
	s.Start()
	s.Revoke(second)
	await(t, "the gateway has caught up", func() bool { return ask(second) == "token.revoked" && !strings.Contains(status(t, g), `"error":`) })
}

// status returns what the gateway tells operators.
func status(t *testing.T, g *gateway.Gateway) string {
	t.Helper()
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/gateway/v1/status", nil))
	return w.Body.String()
}
