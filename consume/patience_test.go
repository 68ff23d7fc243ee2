package consume_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// Patient callers wait for the next tries, all of them for the same ones, for as
// long as they were told and no longer.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		away, patience time.Duration
		deadline       time.Duration // of the caller
		err            error
		ok             bool
		atMost         time.Duration
	}{
		{"short outage", 3 * time.Second, 30 * time.Second, time.Hour, unavailable(), true, 13 * time.Second},
		{"long outage", time.Hour, 10 * time.Second, time.Hour, unavailable(), false, 10 * time.Second},
		{"the caller's deadline", time.Hour, time.Hour, 5 * time.Second, unavailable(), false, 5 * time.Second},
		{"wrong secret", time.Second, 30 * time.Second, time.Hour, &consume.Error{Status: 401, Code: "invalid_client"}, false, 0},
		{"none", time.Second, 0, time.Hour, unavailable(), false, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t, life: time.Hour}
			from.fail(tt.err)
			time.AfterFunc(tt.away, func() { from.fail(nil) })
			src := &consume.Source{Fetcher: from, Patience: tt.patience}
			defer src.Close()
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
					defer cancel()
					began := time.Now()
					if _, err := src.Token(ctx); (err == nil) != tt.ok || time.Since(began) > tt.atMost {
						t.Errorf("%s: got %v after %v", tt.name, err, time.Since(began))
					}
				})
			}
			wg.Wait()
			if n := from.asked.Load(); n > 20 {
				t.Errorf("%s: %d fetches", tt.name, n)
			}
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour}
		from.fail(&consume.Error{Status: 503, RetryAfter: time.Minute})
		src := &consume.Source{Fetcher: from, Patience: time.Hour, MaxWaiting: 5}
		var full, closed atomic.Int64
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				switch _, err := src.Token(t.Context()); {
				case errors.Is(err, consume.ErrQueueFull):
					full.Add(1)
				case errors.Is(err, consume.ErrClosed):
					closed.Add(1)
				}
			})
		}
		time.Sleep(time.Second)
		src.Close()
		wg.Wait()
		if full.Load() != 5 || closed.Load() != 5 {
			t.Errorf("%d found the queue full and %d the source closed, want 5 and 5", full.Load(), closed.Load())
		}
	})
}

// Issue 4, point 3, without a network: an issuer that is busy every tenth time
// and an API that refuses every twentieth token, but none that came in answer to
// a refusal. Nothing of it reaches the program.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const life = time.Minute
		from := &issuer{t: t, life: life, takes: 20 * time.Millisecond}
		var bad sync.Map
		var minted int64
		refusal := false
		hostile := fetcherFunc(func() (*consume.Token, error) {
			tok, err := from.Token(t.Context())
			if n := from.asked.Load(); n%10 == 0 {
				return nil, &consume.Error{Status: http.StatusServiceUnavailable, RetryAfter: time.Second}
			} else if n%10 == 5 {
				return nil, errors.New("connection reset by peer")
			}
			if minted++; minted%20 == 1 && !refusal {
				bad.Store(tok.Value, true)
			}
			refusal = false
			return tok, err
		})
		src := &consume.Source{Fetcher: hostile, Patience: 10 * time.Second}
		defer src.Close()
		refusals := 0
		to := &api{takes: func(token string) bool {
			_, refused := bad.Load(token)
			if refused {
				refusals++
				refusal = true
			}
			return !refused
		}}
		client := &http.Client{Transport: &consume.Transport{Source: src, Base: to, Origins: []string{"https://api.example"}}}
		const long = 3 * time.Hour
		for began := time.Now(); time.Since(began) < long; time.Sleep(500 * time.Millisecond) {
			res, err := client.Post("https://api.example/", "text/plain", io.NopCloser(strings.NewReader("x")))
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("after %v: got %v, %v", time.Since(began), res, err)
			}
			_ = res.Body.Close()
		}
		ideal := float64(long) / float64(life*825/1000)
		if n := float64(from.asked.Load()); n > 1.5*ideal || refusals < 5 {
			t.Errorf("%v fetches for an ideal of %.0f, %d refusals", n, ideal, refusals)
		}
	})
}

// A server that gives the refused token again is not believed.
func TestSameToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := &consume.Source{Fetcher: fetcherFunc(func() (*consume.Token, error) {
			return &consume.Token{Value: "always", Expires: time.Now().Add(time.Hour)}, nil
		})}
		defer src.Close()
		to := &api{takes: func(string) bool { return false }}
		client := &http.Client{Transport: &consume.Transport{Source: src, Base: to, Origins: []string{"https://api.example"}}}
		res, err := client.Get("https://api.example/")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if _, err := src.Renew(t.Context(), &consume.Token{Value: "always"}); res.StatusCode != 401 || to.asked.Load() != 1 ||
			!errors.Is(err, consume.ErrSameToken) && !errors.Is(err, consume.ErrJustRenewed) {
			t.Errorf("got %d in %d tries, and %v", res.StatusCode, to.asked.Load(), err)
		}
	})
}
