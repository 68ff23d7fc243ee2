package enforce_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// now signs the claims of a token that is good for an hour from now.
func (s *signer) now(change map[string]any) string {
	s.t.Helper()
	all := map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, change)
	return s.with(all)
}

// remote returns a verifier whose keys come from p.
func (p *publisher) remote() *enforce.Verifier {
	return &enforce.Verifier{Issuers: &enforce.Issuer{Name: issuerName, Keys: p.keySet()}, Audience: audience}
}

// R24, advisory 87: 10,000 tokens with kids that nobody has, while the issuer is
// there, answers slowly, has no keys at all, or is away: at most one fetch of
// keys in 30 seconds (in 5, while it is away), and no good token waits. Nor does
// a wrong signature cause any.
func TestRandomKids(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	for _, tt := range []struct {
		name    string
		change  func(p *publisher)
		good    bool // tokens are accepted
		fetches int
	}{
		{"there", func(*publisher) {}, true, 10},
		{"slow", func(p *publisher) { p.takes = 9 * time.Second }, true, 10},
		{"without keys", func(p *publisher) { p.body = `{"keys":[]}` }, false, 10},
		{"away", func(p *publisher) { p.err = errors.New("no route") }, true, 62},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &publisher{body: string(keySet(s))}
				v := p.remote()
				good := s.now(nil)
				if _, err := v.Verify(t.Context(), good); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				p.set(func(p *publisher) { p.fetches = 0 })
				p.set(tt.change)
				if !tt.good {
					time.Sleep(5 * time.Minute) // the keys are forgotten
					_, _ = v.Verify(t.Context(), good)
				}
				base := strings.Split(good, ".")
				var wg sync.WaitGroup
				for range 10_000 / 40 {
					for range 40 {
						wg.Go(func() {
							kid := rand.Text()
							forged := forge(fmt.Sprintf(`{"alg":"ES256","typ":"at+jwt","kid":%q}`, kid), "")
							forged = forged[:strings.IndexByte(forged, '.')] + "." + base[1] + "." + base[2]
							if _, err := v.Verify(t.Context(), forged); err == nil {
								t.Error("a token of nobody's key is accepted")
							}
							if _, err := v.Verify(t.Context(), base[0]+"."+base[1]+"."+strings.Repeat("A", 86)); err == nil {
								t.Error("a wrong signature is accepted")
							}
						})
					}
					began := time.Now()
					_, err := v.Verify(t.Context(), good)
					if waited := time.Since(began); (err == nil) != tt.good || waited != 0 {
						t.Fatalf("a good token: %v after %v", err, waited)
					}
					time.Sleep(1200 * time.Millisecond)
				}
				wg.Wait()
				if n := p.count(); n > tt.fetches+1 {
					t.Errorf("%d fetches in 5 minutes of 10,000 kids, want at most %d", n, tt.fetches+1)
				} else {
					t.Logf("%s: %d fetches in 5 minutes of 10,000 kids", tt.name, n)
				}
			})
		})
	}
}

// R13: three rotations under load, by the rules of the issuer (a key is
// published one max-age before it signs, and kept until its last token is over):
// no good token is refused, by verifiers that began at different times.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const maxAge = 300 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var all []*signer
		for i := range 4 {
			all = append(all, newSigner(t, jose.EdDSA, fmt.Sprint("k", i), "at+jwt"))
		}
		p := &publisher{body: string(keySet(all[0])), header: http.Header{"Cache-Control": {"max-age=300"}}, takes: 200 * time.Millisecond}
		var verifiers []*enforce.Verifier
		for range 4 {
			v := p.remote()
			v.Cache = &enforce.TokenCache{}
			verifiers = append(verifiers, v)
		}
		checked := 0
		var held []string
		signing := all[0]
		work := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(17 * time.Second) {
				held = append(held, signing.now(map[string]any{"exp": time.Now().Add(10 * time.Minute).Unix(), "jti": rand.Text()}))
				if len(held) > 33 { // younger than ten minutes
					held = held[1:]
				}
				for i, v := range verifiers {
					if time.Since(end.Add(-d)) < time.Duration(i)*10*time.Second && checked < 200 {
						continue // it begins later
					}
					for _, tok := range []string{held[len(held)-1], held[0], held[len(held)/2]} {
						checked++
						if _, err := v.Verify(t.Context(), tok); err != nil {
							t.Fatalf("verifier %d: %v", i, err)
						}
					}
				}
			}
		}
		work(2 * time.Minute)
		for i := 1; i < 4; i++ {
			p.set(func(p *publisher) { p.body = string(keySet(all[i-1], all[i])) }) // published
			work(maxAge + 10*time.Second)
			signing = all[i] // signs
			work(11 * time.Minute)
			p.set(func(p *publisher) { p.body = string(keySet(all[i])) }) // retired
			work(maxAge + 10*time.Second)
			gone := all[i-1].now(nil)
			for _, v := range verifiers {
				if _, err := v.Verify(t.Context(), gone); reason(t, err) != "token.kid_unknown" {
					t.Errorf("a token of the retired key: got %v", err)
				}
			}
		}
		t.Logf("0 of %d good tokens refused in 3 rotations, %d fetches by 4 verifiers", checked, p.count())
	})
}

// RS-21: a resource server that starts while the issuer is away refuses nothing
// for good, and finds the keys soon after they are there.
func TestStartWithoutIssuer(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{err: errors.New("no route")}
		v := p.remote()
		tok := s.now(nil)
		for range 30 {
			if _, err := v.Verify(t.Context(), tok); told(t, err) != "503 temporarily_unavailable key.unavailable" {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		p.set(func(p *publisher) { p.err, p.body = nil, string(keySet(s)) })
		time.Sleep(time.Second)
		if _, err := v.Verify(t.Context(), tok); err != nil {
			t.Error(err)
		}
	})
}

// TestRefetch holds that a killed key is gone at once, whenever keys were
// fetched before, and that a fetch under way does not count for it.
func TestRefetch(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", ""), newSigner(t, jose.ES256, "k2", "")
	synctest.Test(t, func(t *testing.T) {
		var fetched []error
		var mu sync.Mutex
		p := &publisher{body: string(keySet(a))}
		s := p.keySet()
		s.Fetched = func(_ time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			fetched = append(fetched, err)
		}
		has(t, s, "k1")
		p.set(func(p *publisher) { p.body, p.takes = string(keySet(b)), time.Second })
		s.Refetch(t.Context())
		s.Refetch(t.Context()) // while the first is under way
		if got := has(t, s, "k1"); got != "there" {
			t.Errorf("while it is fetched: got %s", got)
		}
		time.Sleep(3 * time.Second)
		if got := has(t, s, "k1"); got != "unknown" || p.count() != 3 {
			t.Errorf("got %s after %d fetches", got, p.count())
		}
		if st := s.Status(); st.Keys != 1 || st.Err != nil || time.Until(st.Until) < 23*time.Hour {
			t.Errorf("status %+v", st)
		}
		if len(fetched) != 3 {
			t.Errorf("%d fetches were told of", len(fetched))
		}
		s.Close()
		s.Refetch(t.Context())
		if p.count() != 3 {
			t.Error("a closed set fetches")
		}
	})
}

// TestRemoteIdle holds that a key which was retired while nobody asked is
// refused by the first who does, and that a bound on the staleness is kept.
func TestRemoteIdle(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", ""), newSigner(t, jose.ES256, "k2", "")
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{body: string(keySet(a))}
		s := p.keySet()
		s.MaxStale = time.Hour
		has(t, s, "k1")
		p.set(func(p *publisher) { p.body = string(keySet(b)) })
		time.Sleep(20 * time.Minute)
		if got := has(t, s, "k1"); got != "unknown" {
			t.Errorf("after 20 minutes of rest: got %s, want unknown", got)
		}
		p.set(func(p *publisher) { p.err = errors.New("no route") })
		time.Sleep(50 * time.Minute)
		if got := has(t, s, "k2"); got != "there" {
			t.Errorf("away for 50 minutes: got %s", got)
		}
		time.Sleep(11 * time.Minute)
		if got := has(t, s, "k2"); got != "away" {
			t.Errorf("away for more than MaxStale: got %s", got)
		}
	})
}

// TestWatch holds that a stream ends with its token: at its end, when it is
// revoked, when its key is none of the issuer's any more to ask about; and not
// because an issuer cannot be asked for a while.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		p := &teller{body: document(true, "1")}
		f := p.feed()
		events := make(chan string)
		p.streaming(events)
		defer run(t, f)()
		events <- eventOf(document(true, "1"), "1")
		synctest.Wait()
		in := &publisher{body: answered(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})}
		v := &enforce.Verifier{
			Issuers: &enforce.Issuer{
				Name: issuerName, Keys: enforce.StaticKeySet{s.key()}, Introspector: in.introspector(), Revocations: f,
			},
			Audience: audience, Leeway: -1,
			Ended: func(context.Context, *enforce.Token) (bool, error) { return revoked.Load(), nil },
		}
		watch := func(raw string) (context.Context, func()) {
			tok, err := v.Verify(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := v.Watch(t.Context(), tok)
			t.Cleanup(cancel)
			return ctx, cancel
		}
		why := func(ctx context.Context) string {
			synctest.Wait()
			if ctx.Err() == nil {
				return "goes on"
			}
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return "canceled"
			}
			return reason(t, context.Cause(ctx))
		}
		short, _ := watch(s.now(map[string]any{"exp": time.Now().Add(time.Minute).Unix(), "jti": "short"}))
		long, _ := watch(s.now(map[string]any{"jti": "long"}))
		mine, cancel := watch(s.now(map[string]any{"jti": "mine"}))
		opaque, _ := watch("opaque")
		time.Sleep(59 * time.Second)
		if got := why(short); got != "goes on" {
			t.Errorf("before its end: %s", got)
		}
		time.Sleep(time.Second)
		if got := why(short); got != "token.expired" {
			t.Errorf("at its end: %s", got)
		}
		events <- ": still here\n\n"
		events <- eventOf(document(false, "2", `{"jti":"long"}`), "2")
		if got := why(long); got != "token.revoked" {
			t.Errorf("revoked by the feed: %s", got)
		}
		cancel()
		if got := why(mine); got != "canceled" {
			t.Errorf("canceled: %s", got)
		}
		in.set(func(p *publisher) { p.status = 500 })
		time.Sleep(20 * time.Second)
		if got := why(opaque); got != "goes on" {
			t.Errorf("while the issuer cannot be asked: %s", got)
		}
		in.set(func(p *publisher) { p.status, p.body = 0, `{"active":false}` })
		time.Sleep(12 * time.Second)
		if got := why(opaque); got != "token.revoked" {
			t.Errorf("inactive: %s", got)
		}
		last, _ := watch(s.now(map[string]any{"jti": "last"}))
		revoked.Store(true)
		time.Sleep(time.Second)
		if got := why(last); got != "token.revoked" {
			t.Errorf("revoked by Ended: %s", got)
		}
		stranger, cancelStranger := v.Watch(t.Context(), &enforce.Token{})
		defer cancelStranger()
		if got := why(stranger); got != "token.issuer" {
			t.Errorf("a token of nobody: %s", got)
		}
	})
}
