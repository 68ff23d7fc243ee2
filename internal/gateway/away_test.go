package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/internal/jose"
)

// farIssuer is an issuer without a network: its keys, and its feed for those who
// poll.
type farIssuer struct {
	mu      sync.Mutex
	away    bool
	keys    []*jose.Key
	revoked []string // jti
	fetches int      // of the keys
}

const farName = "https://auth.example"

func (f *farIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return nil, errors.New("no route to host")
	}
	h, body := http.Header{"Content-Type": {"application/json"}}, []byte(nil)
	switch r.URL.Path {
	case "/jwks":
		f.fetches++
		h.Set("Cache-Control", "max-age=300")
		body = jose.AppendKeySet(nil, f.keys)
	case "/feed":
		items := []map[string]string{}
		for _, jti := range f.revoked {
			items = append(items, map[string]string{"jti": jti})
		}
		body, _ = json.Marshal(map[string]any{"complete": true, "items": items, "cursor": strconv.Itoa(len(items))})
	}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Request: r, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

func (f *farIssuer) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// farToken is a token of farName for ten minutes.
func farToken(t *testing.T, s *jose.Signer, jti string) string {
	t.Helper()
	now := time.Now().Unix()
	payload, err := json.Marshal(map[string]any{
		"iss": farName, "sub": "c", "client_id": "c", "aud": audience, "scope": "x", "jti": jti, "iat": now, "exp": now + 600,
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := s.AppendSign(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(tok)
}

// farConfig accepts its tokens.
func farConfig() *gateway.Config {
	return &gateway.Config{
		Audience: audience, AccessLog: gateway.LogOff,
		Issuers: []gateway.Issuer{{Name: farName, JWKS: farName + "/jwks", Revocations: &gateway.Revocations{
			URL: farName + "/feed", TokenURL: farName + "/token", ClientID: "g", SecretFile: "unused",
		}}},
		Routes: []*gateway.Route{
			{Name: "a", Paths: []string{"/a"}, Scopes: []string{"x"}},
			{Name: "closed", Paths: []string{"/closed"}, Stale: gateway.StaleRefuse, MaxStale: 30 * time.Second},
		},
	}
}

// far returns a gateway for the issuer, whose feed is heard.
func far(t *testing.T, f *farIssuer) (*gateway.Gateway, func(path, token string) string) {
	t.Helper()
	g := newGateway(t, farConfig(), gateway.Deps{Client: &http.Client{Transport: f}, FeedToken: func(gateway.Revocations) (gateway.FeedToken, error) {
		return gateway.FeedToken{Token: func(context.Context) (string, error) { return "t", nil }}, nil
	}})
	time.Sleep(time.Minute) // long enough for every way of reading the feed
	return g, func(path, token string) string {
		return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: path, Header: bearer(token)}).Reason
	}
}

// TestRotations is R13 and point 6 of the issue in simulated time: three
// rotations by the issuer's rules, a max-age between publishing and signing and
// a token's life between signing and retiring, and not one good token is refused
// in an hour of load; one of a key that is gone is.
func TestRotations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old := newSigner(t, "k0")
		f := &farIssuer{keys: []*jose.Key{old.Key()}}
		g, ask := far(t, f)
		defer g.Close()
		var held []string
		asked := 0
		load := func(d time.Duration, s *jose.Signer) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(7 * time.Second) {
				held = append(held, farToken(t, s, fmt.Sprint(asked)))
				if len(held) > 80 { // younger than ten minutes
					held = held[1:]
				}
				for _, tok := range []string{held[0], held[len(held)/2], held[len(held)-1]} {
					if asked++; ask("/a", tok) != "ok" {
						t.Fatalf("a good token is refused: %s", ask("/a", tok))
					}
				}
			}
		}
		load(2*time.Minute, old)
		for i := 1; i <= 3; i++ {
			next := newSigner(t, fmt.Sprint("k", i))
			f.set(func() { f.keys = []*jose.Key{old.Key(), next.Key()} })
			load(300*time.Second, old)
			load(11*time.Minute, next)
			f.set(func() { f.keys = []*jose.Key{next.Key()} })
			load(300*time.Second, next)
			if got := ask("/a", farToken(t, old, "late")); got != "token.kid_unknown" {
				t.Errorf("a token of the key that is gone: %s", got)
			}
			old = next
		}
		t.Logf("0 of %d good tokens refused in three rotations, the keys were fetched %d times", asked, f.fetches)
		if f.fetches > 30 {
			t.Errorf("the keys were fetched %d times in an hour", f.fetches)
		}
	})
}

// TestTenMinutesAway is R10 and point 5 of the issue in simulated time: the
// issuer is away for ten minutes. Not one good JWT is refused, /metrics and the
// status show how old the knowledge of revocations is, a route that wants it
// refuses with 503, and what was revoked meanwhile is refused within seconds of
// the issuer's return.
func TestTenMinutesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, "k0")
		f := &farIssuer{keys: []*jose.Key{s.Key()}}
		g, ask := far(t, f)
		defer g.Close()
		staleness := func() float64 {
			v, err := strconv.ParseFloat(metric(t, g, fmt.Sprintf("mintage_gateway_revocation_staleness_seconds{issuer=%q}", farName)), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		revoked := farToken(t, s, "revoked")
		if ask("/a", revoked) != "ok" || ask("/closed", revoked) != "ok" || staleness() > 5 {
			t.Fatalf("before: %s, %s, stale by %v s", ask("/a", revoked), ask("/closed", revoked), staleness())
		}
		f.set(func() { f.away = true })
		asked, began := 0, time.Now()
		for i := range 600 {
			time.Sleep(time.Second)
			for _, tok := range []string{revoked, farToken(t, s, fmt.Sprint(i))} {
				if asked++; time.Since(began) < 590*time.Second && ask("/a", tok) != "ok" {
					t.Fatalf("a good token is refused after %v: %s", time.Since(began), ask("/a", tok))
				}
			}
			if i < 60 || i%30 > 0 {
				continue
			}
			if got := ask("/closed", farToken(t, s, "closed")); got != "revocations.stale" {
				t.Fatalf("the route that wants to know, after %v: %s", time.Since(began), got)
			}
			if v := staleness(); v < float64(i)-10 || v > float64(i)+10 {
				t.Fatalf("after %d s the metric says %v", i, v)
			}
		}
		if !strings.Contains(status(t, g), `"error":`) {
			t.Errorf("the status does not say that something is wrong: %s", status(t, g))
		}
		late := farToken(t, s, "late")
		f.set(func() { f.away, f.revoked = false, []string{"late"} })
		time.Sleep(10 * time.Second) // the longest pause between attempts is 5 s
		if got := ask("/a", late); got != "token.revoked" {
			t.Errorf("what was revoked meanwhile: %s", got)
		}
		if got := ask("/closed", farToken(t, s, "after")); got != "ok" || staleness() > 5 {
			t.Errorf("back: %s, stale by %v s", got, staleness())
		}
		t.Logf("0 of %d good tokens refused in ten minutes without the issuer", asked)
	})
}
