package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/mintagetest"
)

// TestReloadWhileAway: a reload that changes what is accepted of an issuer, while
// that is away, refuses nobody whom it would not refuse otherwise: neither its
// keys nor its revocations are forgotten, although another feed may have to be
// heard from now on.
func TestReloadWhileAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, "k0")
		f := &farIssuer{keys: []*jose.Key{s.Key()}, revoked: []string{"revoked"}}
		g, ask := far(t, f)
		defer g.Close()
		good, revoked := farToken(t, s, "good"), farToken(t, s, "revoked")
		want := func(what, open, closed string) {
			t.Helper()
			if a, c := ask("/a", good), ask("/closed", good); a != open || c != closed || ask("/a", revoked) != "token.revoked" {
				t.Fatalf("%s: %s, %s, revoked: %s", what, a, c, ask("/a", revoked))
			}
		}
		want("before", "ok", "ok")
		f.set(func() { f.away = true })
		for _, change := range []struct {
			what string
			make func(c *gateway.Issuer)
		}{
			{"algorithms", func(c *gateway.Issuer) { c.Algorithms = []string{"ES256", "EdDSA"} }},
			{"credentials", func(c *gateway.Issuer) { c.Revocations.ClientID = "other" }},
			{"credentials again", func(c *gateway.Issuer) { c.Revocations.ClientID = "another" }},
		} {
			c := farConfig()
			change.make(&c.Issuers[0])
			if err := g.Reload(c); err != nil {
				t.Fatal(err)
			}
			want(change.what, "ok", "ok")
			time.Sleep(time.Second)
			want(change.what+" a second later", "ok", "ok")
		}
		time.Sleep(time.Minute)
		want("a minute later", "ok", "revocations.stale")
		f.set(func() { f.away, f.revoked = false, []string{"revoked", "good"} })
		time.Sleep(10 * time.Second)
		if got := ask("/a", good); got != "token.revoked" {
			t.Errorf("what was revoked meanwhile: %s", got)
		}
	})
}

// TestReloadKeepsStreams: a stream ends when its token is revoked, whatever was
// reloaded since it began.
func TestReloadKeepsStreams(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gateway.Issuer){
		"algorithms":  func(c *gateway.Issuer) { c.Algorithms = []string{"ES256", "EdDSA"} },
		"credentials": func(c *gateway.Issuer) { c.Revocations.ClientID = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := mintagetest.New(t, mintagetest.Options{}), newBackend(t, held)
			config := func() *gateway.Config {
				return ofMintage(s, &gateway.Route{Name: "a", Paths: []string{"/sse"}, Upstream: b.URL})
			}
			g := newGateway(t, config(), gateway.Deps{FeedToken: feedTokens(s, s.APIID), Client: s.Client()})
			srv := front(t, g)
			token := s.Token(mintagetest.TokenOptions{})
			allows := func() bool {
				return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/sse", Header: bearer(token)}).Allow
			}
			await(t, "the feed is heard", allows)
			said := opened(t, srv.URL+"/sse", token)
			c := config()
			change(&c.Issuers[0])
			if err := g.Reload(c); err != nil {
				t.Fatal(err)
			}
			if !allows() {
				t.Error("a good token is refused right after the reload")
			}
			s.Revoke(token)
			await(t, "the token is refused", func() bool { return !allows() })
			select {
			case got := <-said:
				if !strings.HasSuffix(got, "the access token was revoked\"}\n\n") {
					t.Errorf("the stream ends with %q", got)
				}
			case <-time.After(20 * time.Second):
				t.Error("the stream is open 20 s after its token was refused")
			}
		})
	}
}

// TestRemovedIssuer: the streams of an issuer that is not accepted any more go on
// until their tokens expire.
func TestRemovedIssuer(t *testing.T) {
	t.Parallel()
	is, other, b := newIssuer(t), newIssuer(t), newBackend(t, held)
	config := func(is *authServer) *gateway.Config {
		c := is.config(&gateway.Route{Name: "a", Paths: []string{"/sse"}, Upstream: b.URL})
		c.Leeway = -1
		return c
	}
	g := newGateway(t, config(is), gateway.Deps{})
	said := opened(t, front(t, g).URL+"/sse", short(is))
	for range 2 {
		if err := g.Reload(config(other)); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-said; !strings.HasSuffix(got, "the access token has expired\"}\n\n") {
		t.Errorf("the stream ends with %q", got)
	}
}

// held is an event stream with one event.
func held(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "data: 1\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// opened opens an event stream, and returns what says all that it said.
func opened(t *testing.T, at, token string) <-chan string {
	t.Helper()
	first, said := make(chan struct{}), make(chan string, 1)
	go func() { said <- events(t, at, token, func() { close(first) }) }()
	<-first
	return said
}

// TestForwardAuthReload: a question is answered by one Config, of those that
// follow one another: here each refuses for another reason.
func TestForwardAuthReload(t *testing.T) {
	t.Parallel()
	configs := [2]*gateway.Config{}
	for i := range configs {
		c := &gateway.Config{AccessLog: gateway.LogOff, Routes: []*gateway.Route{{Name: "a", Paths: []string{"/elsewhere"}, Public: true}}}
		c.ForwardAuth.Proxies = []netip.Prefix{mustPrefix(t, "127.0.0.1")}
		if i == 1 {
			c.ForwardAuth.Proxies[0], c.Routes[0].Paths = mustPrefix(t, "127.0.0.2"), []string{"/a"}
		}
		configs[i] = c
	}
	g := newGateway(t, configs[0], gateway.Deps{})
	h := g.ForwardAuth()
	var over atomic.Bool
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for i := 1; !over.Load(); i++ {
			if err := g.Reload(configs[i%2]); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 5000 {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/ext-authz/a", http.NoBody)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			t.Error("the proxies of one Config and the routes of another were asked")
			break
		}
	}
	over.Store(true)
	reloads.Wait()
}
