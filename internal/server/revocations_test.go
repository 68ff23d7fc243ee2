package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
	"github.com/mintage-auth/mintage/oauth"
)

// TestRevocationFeedAccess holds who may follow what (IN-04, RV-07).
func TestRevocationFeedAccess(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	demo := r.follower("demo", r.public, "revocations:read")
	foreign := r.follower("demo-cognito", r.demo.CognitoIssuer, "revocations:read")
	poor := r.follower("demo", r.public, "clients:read")
	all := r.follower(mintage.BuiltInTenant, r.admin, "revocations:read")
	for _, c := range []struct {
		name  string
		req   *http.Request
		want  int
		found string
	}{
		{"own tenant", demo.request(""), 200, `"complete":true`},
		{"built-in tenant", all.request(""), 200, `"complete":true`},
		{"another tenant", foreign.request(""), 404, "object.not_found"},
		{"another scope", poor.request(""), 403, "token.scope"},
		{"no token", (&follower{running: r, at: demo.at}).request("", "Authorization", ""), 401, "token.missing"},
		{"ordinary token", (&follower{running: r, at: demo.at, token: r.token("/oauth2/token")}).request(""), 401, "token.audience"},
		{"stored token", (&follower{running: r, at: demo.at, token: r.token("/oauth/token")}).request(""), 401, "token.malformed"},
		{"foreign cursor", demo.request("?after=x"), 400, "param.malformed"},
		{"cursor with a sign", demo.request("?after=%2B1"), 400, "param.malformed"},
		{"endless wait", demo.request("?after=1&wait=3600"), 400, "param.malformed"},
		{"unknown parameter", demo.request("?callback=x"), 400, "param.malformed"},
		{"repeated parameter", demo.request("?after=1&after=2"), 400, "param.repeated"},
		{"cursor of another database", demo.request("?after=1000000&wait=20"), 200, `"complete":true`},
	} {
		a := r.do(c.req)
		if a.status != c.want || !strings.Contains(a.body, c.found) {
			t.Errorf("%s: got %d %s, want %d and %s", c.name, a.status, a.body, c.want, c.found)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: browsers may read it", c.name) // RV-08
		}
	}
	post := demo.request("")
	post.Method = http.MethodPost
	if a := r.do(post); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET" {
		t.Errorf("POST: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}

// TestRevocationFeedInTheClear holds that a token is not taken over a network in
// the clear (TL-04).
func TestRevocationFeedInTheClear(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{BehindProxy: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	f := r.follower("demo", r.public, "revocations:read")
	for _, c := range []struct {
		proto string
		want  int
	}{{"http", http.StatusBadRequest}, {"https", http.StatusOK}} {
		if a := r.do(f.request("", "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", c.proto)); a.status != c.want {
			t.Errorf("%s: %d %s", c.proto, a.status, a.body)
		}
	}
}

// TestRevocationFeedDocument holds what the document says of each kind of
// revocation, its entity tag, and that a long poll answers when there is news.
func TestRevocationFeedDocument(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	f := r.follower("demo", r.public, "revocations:read")
	empty := f.list("")
	if !empty.Complete || len(empty.Items) != 0 || empty.Cursor == "" {
		t.Fatalf("at first %+v", empty)
	}
	if doc := f.list("?after=" + empty.Cursor); doc.Complete || len(doc.Items) != 0 {
		t.Errorf("nothing new is %+v", doc)
	}
	tok := r.token("/oauth2/token")
	id := r.jti(tok)
	got := make(chan oauth.Revocations, 1)
	go func() { got <- f.list("?wait=25&after=" + empty.Cursor) }()
	r.revoke(tok)
	one := <-got
	if one.Complete || len(one.Items) != 1 || one.Items[0].ID != id || one.Items[0].Expires == 0 {
		t.Errorf("the long poll got %+v, want the jti %s", one, id)
	}

	before := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	m, ctx := r.srv.Manager(), t.Context()
	if err := m.RevokeClientTokens(ctx, manage.Server(), "demo", r.demo.ClientID, before); err != nil {
		t.Fatal(err)
	}
	ks, err := m.SigningKeys(ctx, "demo-cognito")
	if err != nil {
		t.Fatal(err)
	}
	refusal, ok := errors.AsType[*manage.Refusal](m.RevokeKeyTokens(ctx, manage.Server(), "demo-cognito", ks[0].ID))
	if !ok || refusal.Reason != "key.active" {
		t.Errorf("the tokens of a key in use: %v", refusal)
	}
	if _, err := m.RotateKey(ctx, manage.Server(), "demo-cognito", ks[0].Alg, 0); err != nil {
		t.Fatal(err)
	}
	if err := m.RevokeKeyTokens(ctx, manage.Server(), "demo-cognito", ks[0].ID); err != nil {
		t.Fatal(err)
	}
	two := f.list("?after=" + one.Cursor)
	if len(two.Items) != 1 || two.Items[0].ClientID != r.demo.ClientID || two.Items[0].BeforeMilli != before.UnixMilli() {
		t.Errorf("all of a client: %+v", two)
	}
	cognito := r.follower("demo-cognito", r.demo.CognitoIssuer, "revocations:read")
	cognito.at = r.demo.CognitoIssuer + "/oauth2/revocations"
	if doc := cognito.list(""); len(doc.Items) != 1 || doc.Items[0].KeyID != ks[0].ID {
		t.Errorf("all of a key: %+v", doc)
	}

	all := r.do(f.request(""))
	tag := all.header.Get("ETag")
	if tag == "" || all.header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("no entity tag: %v", all.header)
	}
	if a := r.do(f.request("", "If-None-Match", tag)); a.status != http.StatusNotModified || a.body != "" {
		t.Errorf("unchanged: %d %s", a.status, a.body)
	}
	r.revoke(r.token("/oauth/token"))
	if a := r.do(f.request("", "If-None-Match", tag)); a.status != http.StatusOK {
		t.Errorf("changed: %d", a.status)
	}
}

// TestRevocationStream measures how long a revocation takes to reach those who
// follow by stream, on the node where it was made and on another with the same
// database (RV-07: 1 s with the event stream).
func TestRevocationStream(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	here := r.follower("demo", r.public, "revocations:read")
	second := runSecond(t, r.data)
	there := &follower{running: r, token: here.token, at: second + "/oauth2/revocations", host: r.srv.PublicAddr().String()}
	const each = 5
	var streams []<-chan event
	for i := range 2 * each {
		f := []*follower{here, there}[i/each]
		streams = append(streams, f.stream())
		if first := next(t, streams[i]); !first.doc.Complete || first.id != first.doc.Cursor {
			t.Errorf("the first event is %+v", first)
		}
	}
	const rounds = 10
	delays := map[string][]time.Duration{}
	for range rounds {
		tok := r.token("/oauth2/token")
		id := r.jti(tok)
		began := time.Now()
		r.revoke(tok)
		for i, events := range streams {
			e := next(t, events)
			if len(e.doc.Items) != 1 || e.doc.Items[0].ID != id || e.doc.Complete || e.id != e.doc.Cursor {
				t.Fatalf("stream %d: %+v, want %s", i, e, id)
			}
			node := []string{"same node", "other node"}[i/each]
			delays[node] = append(delays[node], e.at.Sub(began))
		}
	}
	for node, ds := range delays {
		slices.Sort(ds)
		t.Logf("%s: median %s, longest %s of %d", node, ds[len(ds)/2], ds[len(ds)-1], len(ds))
		if longest := ds[len(ds)-1]; longest > time.Second {
			t.Errorf("%s: a revocation took %s", node, longest)
		}
	}
}

// runSecond runs another node on the data of a first, and returns its URL.
func runSecond(t *testing.T, data string) string {
	t.Helper()
	s, err := server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: data, Log: slog.New(slog.DiscardHandler),
		Database: server.Database{URL: sqltest.URL(t, data)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.PublicAddr().String()
}

// TestRevocationStreamResumes holds that a follower misses nothing between two
// streams.
func TestRevocationStreamResumes(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	f := r.follower("demo", r.public, "revocations:read")
	first := next(t, f.stream())
	tok := r.token("/oauth2/token")
	id := r.jti(tok)
	r.revoke(tok)
	if e := next(t, f.stream("Last-Event-ID", first.id)); e.doc.Complete || len(e.doc.Items) != 1 || e.doc.Items[0].ID != id {
		t.Errorf("taken up again: %+v", e)
	}
	if e := next(t, f.stream("Last-Event-ID", "0")); !e.doc.Complete || len(e.doc.Items) != 1 {
		t.Errorf("taken up from before what is remembered: %+v", e)
	}
}

// TestRevocationStreamsEnd holds that streams are bounded, end with the token
// that opened them, and let the server stop.
func TestRevocationStreamsEnd(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{DrainTimeout: 5 * time.Second})
	f := r.follower("demo", r.public, "revocations:read")
	other := r.follower("demo", r.public, "revocations:read")
	var streams []<-chan event
	for range 8 {
		streams = append(streams, f.stream())
		next(t, streams[len(streams)-1])
	}
	a := r.do(f.request("", "Accept", "text/event-stream"))
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "limit.streams") {
		t.Errorf("one more: %d %s", a.status, a.body)
	}
	f.list("") // a document is not held back
	left := other.stream()
	next(t, left)

	if err := r.srv.Manager().RevokeClientTokens(t.Context(), manage.Server(), "demo", f.id, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, events := range streams {
		ended(t, events)
	}
	next(t, left) // it learns of the revocation and goes on

	began := time.Now()
	r.stop()
	ended(t, left)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a stream held the server up for %s", took)
	}
	if !strings.Contains(r.log.String(), `"reason":"limit.streams"`) {
		t.Error("the log does not say that a stream was refused")
	}
	if strings.Contains(r.log.String(), fmt.Sprintf("%.40s", f.token)) {
		t.Error("the log has the token")
	}
}
