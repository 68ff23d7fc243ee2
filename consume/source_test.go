package consume_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// issuer is a Fetcher: a server that takes a while and answers as it is told.
type issuer struct {
	life  time.Duration // of its tokens; zero: it does not say
	takes time.Duration // for an answer
	fails atomic.Pointer[error]
	asked atomic.Int64
	busy  atomic.Int64
	t     *testing.T
}

func (i *issuer) Token(ctx context.Context) (*consume.Token, error) {
	if i.busy.Add(1) > 1 {
		i.t.Error("two fetches at a time")
	}
	defer i.busy.Add(-1)
	n := i.asked.Add(1)
	began := time.Now()
	select {
	case <-time.After(i.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := i.fails.Load(); err != nil && *err != nil {
		return nil, *err
	}
	tok := &consume.Token{Value: fmt.Sprintf("token-%d", n), Type: "Bearer"}
	if i.life != 0 {
		tok.Expires = began.Add(i.life)
	}
	return tok, nil
}

func (i *issuer) fail(err error) { i.fails.Store(&err) }

func unavailable() error { return &consume.Error{Status: http.StatusServiceUnavailable} }

// Issue 4, point 1: two hours of a request a second against tokens of a minute.
func TestTwoHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes = 200 * time.Millisecond
		from := &issuer{t: t, life: time.Minute, takes: takes}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		for i := range 2 * 60 * 60 {
			began := time.Now()
			tok, err := src.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited > 0 && i > 0 || waited > takes {
				t.Fatalf("request %d waited %v", i, waited)
			}
			if !time.Now().Before(tok.Expires) {
				t.Fatalf("request %d got an expired token", i)
			}
			time.Sleep(time.Second)
		}
		// A token is renewed after 75 to 90 % of its life, when the next request comes.
		if n := from.asked.Load(); n < 7200/55 || n > 7200/45+1 {
			t.Errorf("%d fetches, want 7,200 s / (45 s to 55 s)", n)
		}
	})
}

// Issue 4, point 1; CL-03, R25: any number of callers make one request.
func TestColdCache(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		most, served, refused int
		err                   error
	}{
		{most: 10_000, served: 10_000},
		{served: 1000, refused: 9000}, // the default bound
		{most: 10_000, err: unavailable()},
	} {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t, life: time.Hour, takes: 100 * time.Millisecond}
			from.fail(tt.err)
			src := &consume.Source{Fetcher: from, MaxWaiting: tt.most}
			defer src.Close()
			var served, refused, failed atomic.Int64
			var wg sync.WaitGroup
			for range 10_000 {
				wg.Go(func() {
					switch _, err := src.Token(t.Context()); {
					case err == nil:
						served.Add(1)
					case errors.Is(err, consume.ErrQueueFull):
						refused.Add(1)
					default:
						failed.Add(1)
					}
				})
			}
			wg.Wait()
			want := 0
			if tt.err != nil {
				want = 10_000
			}
			if int(served.Load()) != tt.served || int(refused.Load()) != tt.refused || int(failed.Load()) != want || from.asked.Load() != 1 {
				t.Errorf("%d fetches, %d served, %d refused, %d failed, want 1, %d, %d, %d",
					from.asked.Load(), served.Load(), refused.Load(), failed.Load(), tt.served, tt.refused, want)
			}
		})
	}
}

// Issue 4, point 1: callers with the same rejected token make one request.
func TestRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour, takes: time.Second}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		old, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		renewAll := func() {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					tok, err := src.Renew(t.Context(), old)
					if err != nil || tok.Value == old.Value {
						t.Errorf("got %v, %v", tok, err)
					}
				})
				wg.Go(func() { // nobody is given the rejected one any more
					if tok, err := src.Token(t.Context()); err != nil || tok.Value == old.Value && from.busy.Load() != 0 {
						t.Errorf("got %v, %v", tok, err)
					}
				})
			}
			wg.Wait()
		}
		renewAll()
		if n := from.asked.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
		renewAll() // late ones
		if n := from.asked.Load(); n != 2 {
			t.Errorf("%d fetches, want 2 still", n)
		}
	})
}

// Issue 4, point 1; CL-10, R10: an outage shows after the token's own end and
// not before, and the issuer is asked ever less often meanwhile.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: 20 * time.Minute, takes: 100 * time.Millisecond}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		first, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Minute)
		from.fail(unavailable())
		for away := time.Now(); time.Since(away) < 10*time.Minute; time.Sleep(time.Second) {
			_, err := src.Token(t.Context())
			if good := time.Now().Before(first.Expires); good != (err == nil) {
				t.Fatalf("%v before the token's end: %v", time.Until(first.Expires), err)
			}
			if _, ok := errors.AsType[*consume.Error](err); err != nil && !ok {
				t.Errorf("%v does not say what the issuer said", err)
			}
		}
		if n := from.asked.Load(); n < 10 || n > 60 {
			t.Errorf("%d fetches in at most 6 minutes, want a few a minute", n)
		}
		from.fail(nil)
		time.Sleep(31 * time.Second)
		if _, err := src.Token(t.Context()); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// Issue 4, point 1; CL-04, R25: programs that were started together do not stay
// together.
func TestSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const life = time.Hour
		from, to := life, time.Duration(0)
		var buckets [15]int
		for range 1000 {
			src := &consume.Source{Fetcher: &issuer{t: t, life: life}}
			if _, err := src.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			at := time.Until(src.Status().RenewAt)
			from, to = min(from, at), max(to, at)
			buckets[min(max(int(100*at/life)-75, 0), 14)]++
			src.Close()
		}
		if from < life*75/100 || to > life*90/100 || to-from < life/10 {
			t.Errorf("renewed after %v to %v of an hour, want 45 to 54 minutes, and 6 minutes apart at least", from, to)
		}
		for i, n := range buckets {
			if n > 150 { // 67 on average
				t.Errorf("%d of 1,000 renew between %d and %d %%: a wave", n, 75+i, 76+i)
			}
		}
	})
}
