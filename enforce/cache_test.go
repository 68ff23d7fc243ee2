package enforce_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// warm returns a verifier with all that may be asked about a token, and a
// request that it has seen.
func warm(tb testing.TB) (*enforce.Verifier, *http.Request, string) {
	tb.Helper()
	s := newSigner(tb, jose.ES256, "k1", "at+jwt")
	tok := s.with(nil)
	p := &publisher{body: string(keySet(s))}
	v := s.verifier()
	v.Cache = &enforce.TokenCache{}
	v.Issuers = enforce.Issuers{
		{Name: "https://other.example", Keys: enforce.StaticKeySet{}},
		{Name: issuerName, Keys: p.keySet(), Revocations: never{}},
	}
	r := httptest.NewRequest(http.MethodGet, "/orders?from=1", nil)
	r.Header.Set("Authorization", "Bearer "+tok)
	if _, err := v.Authenticate(r, "orders.read"); err != nil {
		tb.Fatal(err)
	}
	return v, r, tok
}

// never is Revocations of which there are none.
type never struct{}

func (never) Ended(context.Context, *enforce.Token) (bool, error) { return false, nil }
func (never) Changed() <-chan struct{}                            { return nil }

// TestAllocations is a gate (make gates): a token that was seen before costs no
// allocation (P7), one that was not some (P8).
func TestAllocations(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	v, r, tok := warm(t)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := v.Authenticate(r, "orders.read"); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("Authenticate of a warm token: %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := v.Verify(ctx, tok); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("Verify of a warm token: %v allocations, want 0", n)
	}
	v.Cache = nil
	const first = 25 // P8; most are ecdsa's
	if n := testing.AllocsPerRun(200, func() {
		if _, err := v.Verify(ctx, tok); err != nil {
			t.Error(err)
		}
	}); n > first {
		t.Errorf("Verify of a token at first sight: %v allocations, want at most %d", n, first)
	} else {
		t.Logf("at first sight: %v allocations", n)
	}
	handler := s204(v)
	v.Cache = &enforce.TokenCache{}
	w := &discard{}
	handler.ServeHTTP(w, r)
	const carried = 2 // the request's copy and its context, whoever puts a value there
	if n := testing.AllocsPerRun(1000, func() { handler.ServeHTTP(w, r) }); n > carried {
		t.Errorf("Require with a warm token: %v allocations, want %d", n, carried)
	}
}

func s204(v *enforce.Verifier) http.Handler {
	return v.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), "orders.read")
}

// discard is a ResponseWriter.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// TestCacheDecides compares decisions with and without a cache, for every way in
// which what is true of a token changes after it was cached (advisories 70, 71).
func TestCacheDecides(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", "at+jwt"), newSigner(t, jose.ES256, "k1", "at+jwt")
	for _, tt := range []struct {
		name   string
		change func(w *world)
		want   string
	}{
		{"nothing", func(*world) {}, ""},
		{"time", func(w *world) { w.now = w.now.Add(2 * time.Hour) }, "token.expired"},
		{"time backwards", func(w *world) { w.now = w.now.Add(-2 * time.Hour) }, "token.not_yet"},
		{"revoked", func(w *world) { w.ended = true }, "token.revoked"},
		{"unknown whether revoked", func(w *world) { w.trouble = errors.New("away") }, "store.unavailable"},
		{"the key is gone", func(w *world) { w.keys = nil }, "token.kid_unknown"},
		{"another key with the same kid", func(w *world) { w.keys = enforce.StaticKeySet{b.key()} }, "token.signature"},
		{"the same key, fetched again", func(w *world) { w.keys = enforce.StaticKeySet{a.key()} }, ""},
		{"keys away", func(w *world) { w.keyTrouble = errors.New("away") }, "key.unavailable"},
		{"the issuer is not accepted any more", func(w *world) { w.issuers = enforce.Issuers{} }, "token.issuer"},
		{"the issuer's algorithms", func(w *world) { w.issuer(func(i *enforce.Issuer) { i.Algorithms = []string{"RS256"} }) }, "token.signature"},
		{"the issuer's profile", func(w *world) {
			w.issuer(func(i *enforce.Issuer) { i.Profile.Claims = map[string]string{"token_use": "access"} })
		}, "token.malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &world{now: noon, keys: enforce.StaticKeySet{a.key()}}
			w.issuers = enforce.Issuers{{Name: issuerName, Keys: keyFunc(w.key)}}
			cached, plain := w.verifier(), w.verifier()
			cached.Cache = &enforce.TokenCache{}
			tok := a.with(nil)
			for range 2 {
				if _, err := cached.Verify(t.Context(), tok); err != nil {
					t.Fatal(err)
				}
			}
			tt.change(w)
			for i := range 2 {
				_, err := cached.Verify(t.Context(), tok)
				_, bare := plain.Verify(t.Context(), tok)
				if got, without := reason(t, err), reason(t, bare); got != tt.want || without != tt.want {
					t.Errorf("%d: got %q with a cache and %q without, want %q", i, got, without, tt.want)
				}
			}
		})
	}
}

// world is all that may change around a verifier.
type world struct {
	now        time.Time
	keys       enforce.StaticKeySet
	keyTrouble error
	issuers    enforce.Issuers
	ended      bool
	trouble    error
}

func (w *world) key(ctx context.Context, kid string) (*enforce.Key, error) {
	if w.keyTrouble != nil {
		return nil, w.keyTrouble
	}
	return w.keys.Key(ctx, kid)
}

func (w *world) issuer(change func(*enforce.Issuer)) {
	next := *w.issuers[0]
	change(&next)
	w.issuers = enforce.Issuers{&next}
}

func (w *world) Issuer(ctx context.Context, name string) (*enforce.Issuer, error) {
	return w.issuers.Issuer(ctx, name)
}

func (w *world) Opaque(ctx context.Context, token string) (*enforce.Issuer, error) {
	return w.issuers.Opaque(ctx, token)
}

func (w *world) verifier() *enforce.Verifier {
	return &enforce.Verifier{
		Issuers: w, Audience: audience, Now: func() time.Time { return w.now },
		Ended: func(context.Context, *enforce.Token) (bool, error) { return w.ended, w.trouble },
	}
}

// RS-22: two verifiers with one cache take nothing from one another that they
// would not accept themselves: another audience, another issuer of the same kid
// and jti, the same issuer name with other keys.
func TestCacheShared(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", "at+jwt"), newSigner(t, jose.ES256, "k1", "at+jwt")
	cache := &enforce.TokenCache{}
	mine := a.verifier()
	mine.Cache = cache
	tok := a.with(nil)
	if _, err := mine.Verify(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	otherAudience := a.verifier()
	otherAudience.Audience, otherAudience.Cache = "https://other.example", cache
	otherKeys := b.verifier()
	otherKeys.Cache = cache
	otherIssuer := a.verifier()
	otherIssuer.Issuers, otherIssuer.Cache = &enforce.Issuer{Name: "https://b.example", Keys: enforce.StaticKeySet{a.key()}}, cache
	for want, v := range map[string]*enforce.Verifier{
		"token.audience": otherAudience, "token.signature": otherKeys, "token.issuer": otherIssuer,
	} {
		for range 2 {
			if _, err := v.Verify(t.Context(), tok); reason(t, err) != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
	for i := range len(tok) { // every other token is another
		for _, other := range []string{tok[:i], tok[:i] + flip(tok[i]) + tok[i+1:]} {
			if _, err := mine.Verify(t.Context(), other); err == nil {
				t.Fatalf("byte %d of the token changed, and it is accepted", i)
			}
		}
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// TestCacheBound holds that a cache stays within its size, keeps what comes
// often, and works under load.
func TestCacheBound(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.EdDSA, "k1", "at+jwt")
	var fetches atomic.Int64
	key := s.key()
	v := s.verifier()
	v.Cache = &enforce.TokenCache{Size: 160}
	v.Issuers = &enforce.Issuer{Name: issuerName, Keys: keyFunc(func(context.Context, string) (*enforce.Key, error) {
		fetches.Add(1)
		return key, nil
	})}
	often := s.with(nil)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				for _, tok := range []string{s.with(map[string]any{"jti": fmt.Sprint(g, i)}), often} {
					if _, err := v.Verify(t.Context(), tok); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := v.Cache.Len(); n > 160 || n < 80 {
		t.Errorf("%d tokens are kept, want at most 160", n)
	}
	if (&enforce.TokenCache{}).Len() != 0 {
		t.Error("an empty cache is not empty")
	}
}
