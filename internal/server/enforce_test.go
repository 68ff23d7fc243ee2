package server_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
)

// api is a resource server that verifies tokens of the demo tenant and follows
// its revocations.
type api struct {
	*enforce.Verifier
	feed *enforce.Feed
}

// apis starts n of them, each with its own memory, and waits until they know
// what was revoked so far.
func (r *running) apis(n int, pollOnly bool) []api {
	r.t.Helper()
	var all []api
	var who *follower
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	ended := make(chan error, n)
	for i := range n {
		if i%8 == 0 { // as many as may follow with one client
			who = r.follower("demo", r.public, "revocations:read")
		}
		var token atomic.Value // a killed key ends theirs too
		token.Store(who.token)
		renew := who.fresh
		keys := &enforce.RemoteKeySet{URL: r.public + "/.well-known/jwks.json", Client: r.client}
		feed := &enforce.Feed{
			Issuer: r.public, Client: r.client, PollOnly: pollOnly, Keys: keys,
			Token:    func(context.Context) (string, error) { return token.Load().(string), nil },
			Rejected: func(context.Context, string) { token.Store(renew()) },
		}
		go func() { ended <- feed.Run(ctx) }()
		all = append(all, api{feed: feed, Verifier: &enforce.Verifier{
			Issuers: &enforce.Issuer{Name: r.public, Keys: keys, Revocations: feed}, AnyAudience: true, Cache: &enforce.TokenCache{},
		}})
	}
	r.t.Cleanup(func() {
		cancel()
		for range n {
			<-ended
		}
	})
	for _, a := range all {
		for began := time.Now(); a.feed.Staleness() < 0; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				r.t.Fatalf("the feed is not heard of: %+v", a.feed.Status())
			}
		}
	}
	return all
}

// refusedAfter returns how long after began each of apis refuses a token.
func refusedAfter(t *testing.T, apis []api, token string, began time.Time) []time.Duration {
	t.Helper()
	var took []time.Duration
	for open := slices.Clone(apis); len(open) > 0; time.Sleep(time.Millisecond) {
		open = slices.DeleteFunc(open, func(a api) bool {
			_, err := a.Verify(t.Context(), token)
			if err != nil {
				took = append(took, time.Since(began))
			}
			return err != nil
		})
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d still accept a token that was revoked 10 seconds ago", len(open))
		}
	}
	return took
}

// TestRevocationReachesVerifiers is RV-07, RS-17 and R14: the time from when a
// revocation is asked for until each of ten resource servers refuses, with the
// stream under 1 s, without it under 5 s.
func TestRevocationReachesVerifiers(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	ctx := t.Context()
	for _, way := range []struct {
		name     string
		pollOnly bool
		rounds   int
		limit    time.Duration
	}{{"stream", false, 20, time.Second}, {"poll", true, 2, 5 * time.Second}} {
		apis := r.apis(10, way.pollOnly)
		var took []time.Duration
		for range way.rounds {
			tok := r.token("/oauth2/token")
			for _, a := range apis {
				if _, err := a.Verify(ctx, tok); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			r.revoke(tok)
			took = append(took, refusedAfter(t, apis, tok, began)...)
		}
		took = append(took, r.endClient(apis)...)
		slices.Sort(took)
		n := len(took)
		t.Logf("%s: %d refusals by 10 verifiers, p50 %v, p99 %v, max %v", way.name, n, took[n/2].Round(time.Millisecond),
			took[n*99/100].Round(time.Millisecond), took[n-1].Round(time.Millisecond))
		if took[n-1] > way.limit {
			t.Errorf("%s: the last refused after %v, want at most %v", way.name, took[n-1], way.limit)
		}
	}
}

// TestKilledKeyReachesVerifiers is KY-05 and R14: the time from when a key is
// killed over the admin API until each of ten resource servers, which keep its
// key and the token's verification in memory, refuses its tokens; and that all
// of them accept what its heir signs at once.
func TestKilledKeyReachesVerifiers(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	operator := r.follower(mintage.BuiltInTenant, r.admin, "keys:write")
	for _, way := range []struct {
		name     string
		pollOnly bool
		rounds   int
		limit    time.Duration
	}{{"stream", false, 10, time.Second}, {"poll", true, 2, 5 * time.Second}} {
		apis := r.apis(10, way.pollOnly)
		var took []time.Duration
		for range way.rounds {
			old := r.token("/oauth2/token")
			kid := verified(t, apis, old).KeyID
			began := time.Now()
			operator.kill(kid)
			took = append(took, refusedAfter(t, apis, old, began)...)
			if got := verified(t, apis, r.token("/oauth2/token")); got.KeyID == kid {
				t.Error("the key that was killed still signs")
			}
		}
		slices.Sort(took)
		n := len(took)
		t.Logf("key kill by %s: %d refusals by 10 verifiers, p50 %v, p90 %v, p99 %v, max %v", way.name, n,
			took[n/2].Round(time.Millisecond), took[n*9/10].Round(time.Millisecond),
			took[n*99/100].Round(time.Millisecond), took[n-1].Round(time.Millisecond))
		if n != 10*way.rounds || took[n-1] > way.limit {
			t.Errorf("%s: %d refusals, the last after %v; want %d within %v", way.name, n, took[n-1], 10*way.rounds, way.limit)
		}
	}
}

// kill kills a key of the demo tenant, as mintage key kill does.
func (f *follower) kill(kid string) {
	f.t.Helper()
	req := f.request("")
	req.Method, req.URL.Host, req.URL.Path = http.MethodPost, strings.TrimPrefix(f.admin, "http://"), "/admin/v1/tenants/demo/keys/"+kid+"/kill"
	if a := f.do(req); a.status != http.StatusOK {
		f.t.Fatalf("kill: %d %s", a.status, a.body)
	}
}

// verified fails unless all of apis accept the token.
func verified(t *testing.T, apis []api, token string) *enforce.Token {
	t.Helper()
	var tok *enforce.Token
	for _, a := range apis {
		var err error
		if tok, err = a.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	return tok
}

// endClient ends all tokens of the demo client up to now.
func (r *running) endClient(apis []api) []time.Duration {
	r.t.Helper()
	tok := r.token("/oauth2/token")
	verified(r.t, apis, tok)
	began := time.Now()
	if err := r.srv.Manager().RevokeClientTokens(r.t.Context(), manage.Server(), "demo", r.demo.ClientID, began); err != nil {
		r.t.Fatal(err)
	}
	return refusedAfter(r.t, apis, tok, began)
}

// TestOpaqueTokensAtVerifiers holds that stored and sealed tokens are accepted by
// introspection, and refused after they were revoked.
func TestOpaqueTokensAtVerifiers(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	apis := r.apis(1, false)
	in := &enforce.Introspector{
		URL: r.public + "/oauth2/introspect", Client: r.client, ClientID: r.demo.ClientID, Life: time.Hour,
		Secret: func(context.Context) (string, error) { return r.demo.Secret, nil },
	}
	v := &enforce.Verifier{Issuers: &enforce.Issuer{Name: r.public, Introspector: in, Revocations: apis[0].feed}, AnyAudience: true}
	tok := r.token("/oauth/token")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.public, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	got, err := v.Authenticate(req)
	if err != nil || got.ClientID != r.demo.ClientID || !got.Opaque() {
		t.Fatalf("got %v, %v", got, err)
	}
	began := time.Now()
	r.revoke(tok)
	took := refusedAfter(t, []api{{Verifier: v}}, tok, began)
	if _, err := v.Authenticate(req); err == nil || took[0] > time.Second {
		t.Errorf("refused after %v, with an answer that is kept for an hour: %v", took[0], err)
	}
	if _, err := v.Verify(t.Context(), "no-token"); err == nil {
		t.Error("a token that is none is accepted")
	}
}
