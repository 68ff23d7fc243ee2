package gateway_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/attack"
	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/mintagetest"
)

// followers is how many follow the revocations of an issuer with one client, at
// most.
const followers = 8

// feedTokens returns what gets tokens for the feed as some client.
func feedTokens(s *mintagetest.Server, client string) func(gateway.Revocations) (gateway.FeedToken, error) {
	token := s.Token(mintagetest.TokenOptions{Claims: map[string]any{
		"aud": "urn:mintage:admin", "scope": "mintage/revocations:read", "client_id": client, "sub": client,
	}})
	return func(gateway.Revocations) (gateway.FeedToken, error) {
		return gateway.FeedToken{Token: func(context.Context) (string, error) { return token, nil }}, nil
	}
}

// ofMintage returns a Config for tokens of s, whose revocations are followed.
func ofMintage(s *mintagetest.Server, routes ...*gateway.Route) *gateway.Config {
	return &gateway.Config{
		Audience: s.Audience, AccessLog: gateway.LogOff, Routes: routes, Identity: gateway.Identity{Headers: gateway.DefaultIdentityHeaders()},
		Issuers: []gateway.Issuer{{Name: s.Issuer, JWKS: s.JWKSURL, Revocations: &gateway.Revocations{
			URL: s.RevocationsURL, TokenURL: s.TokenURL, ClientID: s.APIID, SecretFile: "unused",
		}}},
	}
}

// metric returns the value of a metric in the text of /metrics, as it is
// written.
func metric(tb testing.TB, g *gateway.Gateway, name string) string {
	tb.Helper()
	w := httptest.NewRecorder()
	g.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), "GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestRevocationReachesGateways is point 5 of the issue, RV-07 and R10: ten
// gateways refuse a revoked token within a second, a stream that is open ends,
// and with the issuer stopped tokens go on while the staleness is shown.
func TestRevocationReachesGateways(t *testing.T) {
	t.Parallel()
	const gateways = 10
	s := mintagetest.New(t, mintagetest.Options{})
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	var all []*gateway.Gateway
	for i := range gateways {
		client := s.APIID
		if i >= followers {
			client = s.ClientID
		}
		all = append(all, newGateway(t, ofMintage(s,
			&gateway.Route{Name: "a", Paths: []string{"/a", "/events"}, Upstream: b.URL},
			&gateway.Route{Name: "closed", Paths: []string{"/closed"}, Upstream: b.URL, Stale: gateway.StaleRefuse, MaxStale: time.Second},
		), gateway.Deps{FeedToken: feedTokens(s, client), Client: s.Client()}))
	}
	decide := func(g *gateway.Gateway, path, token string) gateway.Decision {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: path, Header: bearer(token)})
	}
	token := s.Token(mintagetest.TokenOptions{})
	await(t, "the feeds are heard", func() bool {
		return !slices.ContainsFunc(all, func(g *gateway.Gateway) bool { return !decide(g, "/closed", token).Allow })
	})
	for i, g := range all {
		if got := status(t, g); !strings.Contains(got, `"revocations_by":"stream"`) {
			t.Errorf("gateway %d does not follow the stream: %s", i, got)
		}
	}
	srv := front(t, all[0])
	stream := make(chan string)
	go func() {
		_, body := call(t, "GET", srv.URL+"/events", token, "", nil)
		stream <- body
	}()
	await(t, "the stream is open", func() bool { return metric(t, all[0], "mintage_gateway_streams") == "1" })

	began := time.Now()
	s.Revoke(token)
	var took []time.Duration
	for open := slices.Clone(all); len(open) > 0; {
		open = slices.DeleteFunc(open, func(g *gateway.Gateway) bool {
			d := decide(g, "/a", token)
			if !d.Allow && d.Reason == "token.revoked" {
				took = append(took, time.Since(began))
			}
			return !d.Allow
		})
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d gateways still accept the token", len(open))
		}
	}
	t.Logf("%d gateways refuse after %v to %v", len(took), took[0].Round(time.Millisecond), slices.Max(took).Round(time.Millisecond))
	// A second is what is promised; a machine that is busy with other tests gets
	// three. Another way than the stream would take up to five.
	if slices.Max(took) > 3*time.Second || len(took) != gateways {
		t.Errorf("%d gateways refused, the last after %v", len(took), slices.Max(took))
	}
	if body := <-stream; !strings.HasPrefix(body, "data: 1\n\nevent: error\n") {
		t.Errorf("the stream ends with %q", body)
	}

	token = s.Token(mintagetest.TokenOptions{})
	s.Stop()
	g := all[0]
	await(t, "the gateway notices", func() bool { return decide(g, "/closed", token).Reason == "revocations.stale" })
	if d := decide(g, "/a", token); !d.Allow {
		t.Errorf("with the issuer away: %+v", d)
	}
	name := fmt.Sprintf("mintage_gateway_revocation_staleness_seconds{issuer=%q}", s.Issuer)
	if v := metric(t, g, name); v == "" || v == "0" || v == "+Inf" {
		t.Errorf("the staleness is %q", v)
	}
}

// await waits until a condition holds.
func await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("not after 30 s: %s", what)
		}
	}
}

// TestRandomKids is point 6 of the issue and R24: tokens that name keys which
// nobody has cause one fetch of the keys, and good ones go on.
func TestRandomKids(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	g := newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}}), gateway.Deps{})
	good := is.token("", nil)
	ask := func(token string) string {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(token)}).Reason
	}
	if got := ask(good); got != "ok" {
		t.Fatal(got)
	}
	_, rest, _ := strings.Cut(good, ".")
	for i := range 10_000 {
		head := fmt.Sprintf(`{"alg":"ES256","kid":"made-up-%d","typ":"at+jwt"}`, i)
		if got := ask(base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + rest); got != "token.kid_unknown" {
			t.Fatalf("%d: got %s", i, got)
		}
		if i%100 == 0 && ask(good) != "ok" {
			t.Fatalf("%d: a good token is refused", i)
		}
	}
	if n := is.fetches.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// TestRotationUnderLoad is R13: while the issuer goes over to the key that it
// published before, no good token is refused, and nothing is fetched anew.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	is, b := newIssuer(t), newBackend(t, nil)
	srv := front(t, newGateway(t, is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Upstream: b.URL}), gateway.Deps{}))
	old := is.token("", nil)
	var load sync.WaitGroup
	rotated := make(chan struct{})
	for range 4 {
		load.Go(func() {
			for i := range 40 {
				token := old
				if i == 20 {
					<-rotated
				}
				if i >= 20 && i%2 == 0 {
					token = is.token("", nil)
				}
				if res, body := call(t, "GET", srv.URL+"/a", token, "", nil); res.StatusCode != 200 {
					t.Errorf("a good token is refused: %d %s", res.StatusCode, body)
				}
			}
		})
	}
	is.promote()
	close(rotated)
	load.Wait()
	if n := is.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// TestDesync is point 3 of the issue and F9: of the 29 requests that two parsers
// read in two ways, nothing ambiguous reaches the backend.
func TestDesync(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	echo := &attack.Echo{}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- echo.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	g := newGateway(t, is.config(&gateway.Route{
		Name: "a", Paths: []string{"/a", "/a/{rest...}"}, Upstream: "http://" + ln.Addr().String(), Authorization: gateway.AuthorizationKeep,
	}), gateway.Deps{})
	srv := front(t, g)
	at, err := url.Parse(srv.URL + "/a/1")
	if err != nil {
		t.Fatal(err)
	}
	run := &attack.Runner{Target: attack.Target{URL: at, Token: is.token("x", nil), Backend: echo, Timeout: 300 * time.Millisecond}}
	results, err := run.Run(t.Context(), attack.DesyncSet())
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 29 {
		t.Errorf("%d requests, want 29", len(results))
	}
	for _, r := range results {
		if r.Verdict != attack.Held {
			t.Errorf("%s: %s: %d, %s", r.Name, r.Verdict, r.Status, r.Why)
		}
	}
}
