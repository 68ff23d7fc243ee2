package enforce_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// publisher is an issuer's key endpoint without a network, so that it works in
// a bubble.
type publisher struct {
	mu      sync.Mutex
	body    string
	header  http.Header
	status  int
	err     error
	takes   time.Duration
	fetches int
}

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.fetches++
	takes := p.takes
	p.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	return &http.Response{
		StatusCode: max(p.status, http.StatusOK), Header: p.header, Request: r,
		Body: io.NopCloser(strings.NewReader(p.body)),
	}, nil
}

// set changes what is published.
func (p *publisher) set(change func(p *publisher)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

func (p *publisher) keySet() *enforce.RemoteKeySet {
	return &enforce.RemoteKeySet{URL: "https://auth.example/jwks", Client: &http.Client{Transport: p}}
}

// has asks for a key and says whether it is there, or unknown; any other error
// is "away".
func has(t *testing.T, s *enforce.RemoteKeySet, kid string) string {
	t.Helper()
	switch k, err := s.Key(t.Context(), kid); {
	case err == nil && k.ID() == kid:
		return "there"
	case errors.Is(err, enforce.ErrUnknownKey):
		return "unknown"
	case err == nil:
		return "wrong"
	}
	return "away"
}

func TestRemoteOneFetchForMany(t *testing.T) {
	t.Parallel()
	k1 := string(keySet(newSigner(t, jose.ES256, "k1", "")))
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{body: k1, takes: time.Second}
		s := p.keySet()
		gone, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { // the first one gives up; the fetch goes on
			if _, err := s.Key(gone, "k1"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want its own deadline", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() {
				if got := has(t, s, "k1"); got != "there" {
					t.Errorf("got %s", got)
				}
			})
		}
		wg.Wait()
		if n := p.count(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// A stranger who makes up kids causes one fetch in 30 seconds, and a new key is
// found within that time.
func TestRemoteUnknownKid(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", ""), newSigner(t, jose.ES256, "k2", "")
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{body: string(keySet(a))}
		s := p.keySet()
		if got := has(t, s, "k1"); got != "there" {
			t.Fatal(got)
		}
		for range 59 {
			time.Sleep(time.Second)
			for _, kid := range []string{"", "x", "../../dev/null"} {
				if got := has(t, s, kid); got != "unknown" {
					t.Fatalf("%q: got %s, want unknown", kid, got)
				}
			}
		}
		if n := p.count(); n != 2 {
			t.Errorf("%d fetches in a minute of made-up kids, want 2", n)
		}
		p.set(func(p *publisher) { p.body = string(keySet(a, b)) })
		time.Sleep(2 * time.Second)
		if got := has(t, s, "k2"); got != "there" {
			t.Errorf("a new key after 30 s: got %s", got)
		}
	})
}

// A key that is gone from the set is refused from the next fetch on, and the
// set is fetched again ahead of its end, without anybody waiting.
func TestRemoteRefresh(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", ""), newSigner(t, jose.ES256, "k2", "")
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{body: string(keySet(a)), header: http.Header{"Cache-Control": {"public, max-age=1000"}}}
		s := p.keySet()
		has(t, s, "k1")
		p.set(func(p *publisher) { p.body, p.takes = string(keySet(b)), 5*time.Second })
		time.Sleep(799 * time.Second)
		if has(t, s, "k1"); p.count() != 1 {
			t.Error("fetched before four fifths of its life")
		}
		time.Sleep(time.Second)
		asked := time.Now()
		if got := has(t, s, "k1"); got != "there" || time.Since(asked) != 0 {
			t.Errorf("got %s after %v, want the old key at once", got, time.Since(asked))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := has(t, s, "k1"); got != "unknown" || p.count() != 2 {
			t.Errorf("a key that is gone: got %s after %d fetches", got, p.count())
		}
		if got := has(t, s, "k2"); got != "there" {
			t.Errorf("got %s", got)
		}
	})
}

// RS-21: while the issuer is away its keys go on for a day, a key that nobody
// knows is nobody's fault, and the issuer is not asked without end.
func TestRemoteIssuerAway(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, jose.ES256, "k1", ""), newSigner(t, jose.ES256, "k2", "")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := &publisher{err: errors.New("no route")}
		s := p.keySet()
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		for range 100 {
			if got := has(t, s, "k1"); got != "away" {
				t.Fatalf("before the first fetch: got %s, want away", got)
			}
		}
		if n := p.count(); n != 1 {
			t.Errorf("%d fetches at once, want 1", n)
		}
		p.set(func(p *publisher) { p.err, p.body = nil, string(keySet(a)) })
		time.Sleep(time.Second)
		if got := has(t, s, "k1"); got != "there" {
			t.Errorf("back: got %s", got)
		}
		p.set(func(p *publisher) { p.err = errors.New("no route") })
		before := p.count()
		for range 60 * 10 {
			time.Sleep(time.Second)
			if got := has(t, s, "k1"); got != "there" {
				t.Fatalf("away: got %s, want there", got)
			}
		}
		if n := p.count() - before; n < 60 || n > 80 {
			t.Errorf("%d fetches in 6 minutes of trouble, want one in 5 s", n)
		}
		if got := has(t, s, "k2"); got != "away" {
			t.Errorf("a key that may be new: got %s, want away", got)
		}
		time.Sleep(24 * time.Hour)
		if got := has(t, s, "k1"); got != "away" {
			t.Errorf("after a day: got %s, want away", got)
		}
		p.set(func(p *publisher) { p.err, p.body = nil, string(keySet(b)) })
		time.Sleep(time.Second)
		if got := has(t, s, "k2"); got != "there" {
			t.Errorf("back after a day: got %s", got)
		}
		if !strings.Contains(log.String(), "no route") {
			t.Error("nothing was logged")
		}
		s.Close()
		if got := has(t, s, "k2"); got != "there" {
			t.Errorf("closed: got %s, want what was there", got)
		}
	})
}

// An answer that is no key set leaves the keys that are there.
func TestRemoteBadAnswers(t *testing.T) {
	t.Parallel()
	a := newSigner(t, jose.ES256, "k1", "")
	good := string(keySet(a))
	for name, change := range map[string]func(p *publisher){
		"not JSON":     func(p *publisher) { p.body = "<html>" },
		"too long":     func(p *publisher) { p.body = good + strings.Repeat(" ", 512<<10) },
		"kid twice":    func(p *publisher) { p.body = string(keySet(a, a)) },
		"status 500":   func(p *publisher) { p.status = 500 },
		"status 204":   func(p *publisher) { p.status, p.body = 204, "" },
		"no keys here": func(p *publisher) { p.body = `{}` },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &publisher{body: good}
				s := p.keySet()
				has(t, s, "k1")
				p.set(change)
				time.Sleep(time.Minute)
				if got := has(t, s, "k2"); got != "away" {
					t.Errorf("another key: got %s, want away", got)
				}
				if got := has(t, s, "k1"); got != "there" {
					t.Errorf("the old key: got %s, want there", got)
				}
			})
		})
	}
}

// Keys that we cannot use, such as post-quantum ones, do not spoil the others;
// an RSA key without alg is for RS256.
func TestRemoteForeignKeys(t *testing.T) {
	t.Parallel()
	rsa := newSigner(t, jose.RS256, "r1", "")
	body := strings.Replace(string(keySet(rsa, newSigner(t, jose.ES256, "k1", ""))), `"keys":[`,
		`"keys":[{"kty":"AKP","alg":"ML-DSA-65","kid":"pq","pub":"AA"},{"kty":"oct","k":"c2VjcmV0","kid":"s"},`, 1)
	body = strings.Replace(body, `"alg":"RS256",`, "", 1)
	set, err := enforce.ParseKeySet([]byte(body))
	if err != nil || len(set) != 2 {
		t.Fatalf("got %v, %v, want two keys", set, err)
	}
	if k, err := set.Key(t.Context(), "r1"); err != nil || k.Algorithm() != "RS256" {
		t.Errorf("got %v, %v", k, err)
	}
}

// JW-12: redirects are not followed, and a URL has to be https.
func TestRemoteURL(t *testing.T) {
	t.Parallel()
	body := keySet(newSigner(t, jose.ES256, "k1", ""))
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the other host was asked")
	}))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/jwks", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			_, _ = w.Write(body)
		}
	}))
	defer srv.Close()
	for _, tt := range []struct {
		url  string
		want string
	}{
		{srv.URL + "/jwks", "there"},
		{srv.URL + "/here", "away"},
		{srv.URL + "/away", "away"},
		{srv.URL + "/loop", "away"},
		{"http://auth.invalid/jwks", "away"},
		{"file:///etc/passwd", "away"},
		{strings.Replace(srv.URL, "://", "://user:secret@", 1), "away"},
		{"", "away"},
	} {
		s := &enforce.RemoteKeySet{URL: tt.url, Client: srv.Client()}
		if got := has(t, s, "k1"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.url, got, tt.want)
		}
		s.Close()
	}
	if got := has(t, &enforce.RemoteKeySet{URL: srv.URL}, "k1"); got != "away" {
		t.Errorf("without an HTTP client: got %s", got)
	}
}

// TestRemoteClose ends a fetch that hangs.
func TestRemoteClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{takes: time.Hour}
		s := p.keySet()
		done := make(chan string)
		go func() { done <- has(t, s, "k1") }()
		synctest.Wait()
		began := time.Now()
		s.Close()
		if got := <-done; got != "away" || time.Since(began) != 0 {
			t.Errorf("got %s after %v", got, time.Since(began))
		}
	})
}
