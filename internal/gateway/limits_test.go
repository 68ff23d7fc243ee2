package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// open opens the listeners of a gateway and serves them until the test ends.
func open(t *testing.T, c *gateway.Config, deps gateway.Deps) (*gateway.Gateway, *gateway.Server) {
	t.Helper()
	c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	g := newGateway(t, c, deps)
	s, err := gateway.Open(t.Context(), g, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() { done <- s.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g, s
}

// TestFailedTokens is R20 for tokens: past the rate of an address its new tokens
// are refused unchecked, whatever they are; one that was accepted goes on, one
// that is good and new gets through at its second try, other addresses notice
// nothing, and routes that refuse nobody go on refusing nobody.
func TestFailedTokens(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	now := time.Now()
	c := is.config(
		&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"x"}},
		&gateway.Route{Name: "observed", Paths: []string{"/observed"}, Scopes: []string{"x"}, Mode: gateway.Observe},
	)
	c.Limits.AddressFailures = gateway.Rate{Count: 60, Per: time.Minute, Burst: 20}
	c.ForwardAuth.Proxies = []netip.Prefix{mustPrefix(t, "192.0.2.99")}
	c.TrustedProxies = []netip.Prefix{mustPrefix(t, "192.0.2.98")}
	g := newGateway(t, c, gateway.Deps{Now: func() time.Time { return now }})
	ask := func(from, path, token string) gateway.Decision {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: path, Header: bearer(token), RemoteAddr: netip.MustParseAddr(from)})
	}
	want := func(what, want string, d gateway.Decision) {
		t.Helper()
		if d.Reason != want {
			t.Errorf("%s: got %s, want %s", what, d.Reason, want)
		}
	}
	bad := func(i int) string {
		return is.token("x", map[string]any{"exp": now.Add(-time.Hour).Unix(), "jti": fmt.Sprint(i)})
	}
	const addr = "2001:db8::7"
	known, fresh := is.token("x", nil), is.token("x", map[string]any{"jti": "fresh"})
	want("a good one", "ok", ask(addr, "/a", known))
	for i := range 20 {
		want("within the burst", "token.expired", ask(addr, "/a", bad(i)))
	}
	d := ask(addr, "/a", bad(20))
	want("past the burst", "limit.guess", d)
	if d.Status != http.StatusTooManyRequests || d.RetryAfter < 1 || d.RetryAfter > 2 || len(d.Set) > 0 {
		t.Errorf("got %+v", d)
	}
	want("the same network", "limit.guess", ask("2001:db8::8", "/a", bad(21)))
	want("another address", "ok", ask("192.0.2.7", "/a", fresh))
	want("behind a trusted proxy that does not say whom", "token.expired", ask("192.0.2.98", "/a", bad(22)))
	want("a route that observes", "token.expired", ask(addr, "/observed", bad(23)))
	want("one that was accepted before anything failed", "limit.guess", ask(addr, "/a", known))
	want("its second try", "ok", ask(addr, "/a", known))
	want("and from then on", "ok", ask(addr, "/a", known))
	for range 2 {
		d = ask(addr, "/a", fresh)
	}
	want("a good one that is new, at its second try", "ok", d)
	checked := 0
	for i := range 200 { // each twice, as fast as can be
		for range 2 {
			if ask(addr, "/a", bad(100+i)).Reason == "token.expired" {
				checked++
			}
		}
	}
	if checked > 10 {
		t.Errorf("%d of 200 tokens were looked at although the address fails all the time", checked)
	}
	now = now.Add(3 * time.Second)
	want("three seconds later", "token.expired", ask(addr, "/a", bad(30)))
	c = is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}})
	c.Limits.AddressFailures = gateway.Rate{Count: -1}
	g = newGateway(t, c, gateway.Deps{Now: func() time.Time { return now }})
	for i := range 1000 {
		if got := ask(addr, "/a", bad(i)).Reason; got != "token.expired" {
			t.Fatalf("without a limit: got %s", got)
		}
	}
}

// TestConnections is R20 for connections: past the limit of an address, or of
// all, one is closed unread; those that are open go on, a trusted proxy may have
// any number, and the metrics and the log say it.
func TestConnections(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	log := &lines{}
	config := func() *gateway.Config {
		c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Public: true, Upstream: b.URL})
		c.Limits.AddressConnections, c.Limits.Connections = 10, 30
		return c
	}
	g, s := open(t, config(), gateway.Deps{Log: slog.New(slog.NewJSONHandler(log, nil))})
	var all []net.Conn
	dial := func() net.Conn {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr().String())
		if err != nil {
			return nil // refused before the system said that it is there
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		return conn
	}
	answers := func(conn net.Conn) bool {
		if conn == nil {
			return false
		}
		if _, err := io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return false
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return false
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err == nil && res.Body.Close() == nil && res.StatusCode == 200
	}
	for range 10 {
		all = append(all, dial())
	}
	for _, conn := range all {
		if !answers(conn) {
			t.Fatal("a connection within the limit is not served")
		}
	}
	if answers(dial()) {
		t.Error("the eleventh connection is served")
	}
	if !answers(all[0]) {
		t.Error("a connection that was there is not served any more")
	}
	for name, want := range map[string]string{
		`mintage_gateway_connections{listener="gateway"}`:            "10",
		`mintage_gateway_connections_refused_total{limit="address"}`: "1",
	} {
		if got := metric(t, g, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if line := log.wait(t, "connections are refused, and no more is said of it for a minute"); line["limit"] != "address" || line["remote_ip"] != "127.0.0.1" {
		t.Errorf("the log says %v", line)
	}
	_ = all[9].Close()
	await(t, "there is room again", func() bool { return answers(dial()) })

	// What is trusted has no limit of its own, and counts for that of all.
	c := config()
	c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	c.TrustedProxies = []netip.Prefix{mustPrefix(t, "127.0.0.0/8")}
	if _, err := s.Reload(func() (*gateway.Config, error) { return c, nil }); err != nil {
		t.Fatal(err)
	}
	served := 0
	for range 40 {
		if answers(dial()) {
			served++
		}
	}
	if served < 18 || served > 21 {
		t.Errorf("%d of 40 further connections are served, want about 20", served)
	}
	if got := metric(t, g, `mintage_gateway_connections_refused_total{limit="all"}`); got == "" {
		t.Error("nothing was refused by the limit of all")
	}
}

// TestUnwantedBody is R19: a caller that is refused and keeps its body back holds
// its connection for two seconds and not for ever, and a caller that was let
// through has the time for its body and no more, whatever its answer takes.
func TestUnwantedBody(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select { // longer than the body may take
		case <-r.Context().Done():
		case <-time.After(600 * time.Millisecond):
			_, _ = io.WriteString(w, "done")
		}
	})
	c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL, BodyTimeout: 300 * time.Millisecond})
	_, s := open(t, c, gateway.Deps{})
	send := func(token, rest string) (string, error) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		if token != "" {
			token = "Authorization: Bearer " + token + "\r\n"
		}
		_, err = io.WriteString(conn, "POST /a HTTP/1.1\r\nHost: x\r\n"+token+"Content-Length: 4\r\nConnection: "+rest)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		return string(answer), err
	}
	for what, tt := range map[string]struct{ token, rest, status, end string }{
		"refused, body kept back": {"", "keep-alive\r\n\r\nbo", "HTTP/1.1 401", ""},
		"let through, kept back":  {is.token("", nil), "keep-alive\r\n\r\nbo", "HTTP/1.1 400", ""},
		"a whole body":            {is.token("", nil), "close\r\n\r\nbody", "HTTP/1.1 200", "done"},
	} {
		answer, err := send(tt.token, tt.rest)
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() || !strings.HasPrefix(answer, tt.status) || !strings.HasSuffix(answer, tt.end) {
			t.Errorf("%s: %v, %.40q ... %q", what, err, answer, answer[max(0, len(answer)-40):])
		}
	}
}
