package consume_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// asks makes a call every 100 ms for as long as it says, and returns when the
// issuer was asked, from the first call on.
func asks(t *testing.T, src *consume.Source, from *issuer, long time.Duration) (at []time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < long; time.Sleep(100 * time.Millisecond) {
		before := from.asked.Load()
		_, err := src.Token(t.Context())
		if err == nil {
			t.Fatal("there is a token")
		}
		if from.asked.Load() != before {
			at = append(at, time.Since(began))
		} else if e, ok := errors.AsType[*consume.BackoffError](err); !ok || !e.RetryAt.After(time.Now()) {
			t.Fatalf("got %v, want when the next try is due", err)
		}
	}
	return at
}

// consume.md: pauses that grow from a quarter of a second to 30 s and differ.
func TestBackoff(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t}
			from.fail(unavailable())
			src := &consume.Source{Fetcher: from}
			defer src.Close()
			began := time.Now()
			at := asks(t, src, from, 10*time.Minute)
			if first := at[1] - at[0]; first < 250*time.Millisecond || first > 850*time.Millisecond {
				t.Errorf("the first pause is %v", first)
			}
			seen[src.Status().RetryAt.Sub(began)] = true
			for i := range at[1:] {
				if pause := at[i+1] - at[i]; pause > 30*time.Second+120*time.Millisecond {
					t.Errorf("a pause of %v", pause)
				}
			}
			if len(at) < 20 || len(at) > 150 {
				t.Errorf("%d requests in ten minutes", len(at))
			}
		})
	}
	if len(seen) < 8 {
		t.Errorf("only %d of 10 sources ask at times of their own", len(seen))
	}
}

// consume.md, R27: Retry-After is honoured, up to ten minutes, and no two come
// back at the same moment.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ says, atLeast, atMost time.Duration }{
		{time.Minute, time.Minute, time.Minute * 12 / 10},
		{time.Hour, 10 * time.Minute, 10 * time.Minute},
		{10 * time.Minute, 10 * time.Minute, 10 * time.Minute},
	} {
		for _, status := range []int{429, 503} {
			synctest.Test(t, func(t *testing.T) {
				from := &issuer{t: t}
				from.fail(&consume.Error{Status: status, RetryAfter: tt.says})
				src := &consume.Source{Fetcher: from}
				defer src.Close()
				at := asks(t, src, from, tt.atMost+time.Minute)
				if pause := at[1] - at[0]; pause < tt.atLeast || pause > tt.atMost+120*time.Millisecond {
					t.Errorf("%d, Retry-After %v: asked again after %v", status, tt.says, pause)
				}
			})
		}
	}
}

// consume.md: what will not pass by itself is asked rarely.
func TestLatch(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"invalid_client", "unauthorized_client", "invalid_scope"} {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t}
			from.fail(&consume.Error{Status: http.StatusBadRequest, Code: code})
			src := &consume.Source{Fetcher: from}
			defer src.Close()
			at := asks(t, src, from, 20*time.Minute)
			for i := range at[1:] {
				if pause := at[i+1] - at[i]; pause < 30*time.Second || pause > 5*time.Minute+120*time.Millisecond {
					t.Errorf("%s: a pause of %v", code, pause)
				}
			}
			if len(at) > 8 {
				t.Errorf("%s: %d requests in 20 minutes", code, len(at))
			}
		})
	}
}

// consume.md: a secret file that changes clears what is latched, and nothing
// else is sent meanwhile.
func TestSecretChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		cc := source(tripper(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			if _, secret, _ := r.BasicAuth(); secret != "new" {
				return answer(http.StatusUnauthorized, `{"error":"invalid_client"}`)(r)
			}
			return answer(http.StatusOK, good)(r)
		}))
		cc.Secret, cc.Now = consume.SecretFile(path), nil
		src := &consume.Source{Fetcher: cc}
		defer src.Close()
		for range 10 {
			_, err := src.Token(t.Context())
			if e, ok := errors.AsType[*consume.Error](err); !ok || e.Code != "invalid_client" {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("a wrong secret was sent %d times", n)
		}
		write("new\n")
		time.Sleep(time.Second)
		if _, err := src.Token(t.Context()); err != nil {
			t.Errorf("with the new secret: %v", err)
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
}

// golang/oauth2#262, #388: waiting and fetching have separate contexts.
func TestContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour, takes: 10 * time.Second}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := src.Token(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v, want to wait no longer than told", err, time.Since(began))
		}
		if _, err := src.Token(t.Context()); err != nil || time.Since(began) != 10*time.Second || from.asked.Load() != 1 {
			t.Errorf("got %v after %v and %d fetches: the first caller's deadline is not the fetch's", err, time.Since(began), from.asked.Load())
		}
	})
}

func TestFetchTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, takes: time.Hour}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		began := time.Now()
		if _, err := src.Token(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("got %v after %v, want 30 s", err, time.Since(began))
		}
	})
}

// AWS's static stability, off unless asked for.
func TestGrace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		grace time.Duration
		err   error
		good  time.Duration // after the token's end
	}{
		{0, unavailable(), 0},
		{10 * time.Minute, unavailable(), 10 * time.Minute},
		{10 * time.Minute, errors.New("connection refused"), 10 * time.Minute},
		{10 * time.Minute, &consume.Error{Status: 400, Code: "invalid_client"}, 0}, // it can be reached
	} {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t, life: time.Hour}
			src := &consume.Source{Fetcher: from, Grace: tt.grace}
			defer src.Close()
			tok, err := src.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			from.fail(tt.err)
			time.Sleep(time.Millisecond) // so as not to ask at the very end
			for ; time.Since(tok.Expires) < 20*time.Minute; time.Sleep(10 * time.Second) {
				if _, err := src.Token(t.Context()); (err == nil) != (time.Since(tok.Expires) < tt.good) {
					t.Fatalf("%v after the end: %v", time.Since(tok.Expires), err)
				}
			}
		})
	}
}

// camunda-8-js-sdk#605: somebody who has put things right need not wait.
func TestForce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour}
		from.fail(&consume.Error{Status: 400, Code: "invalid_client"})
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		if _, err := src.Token(t.Context()); err == nil {
			t.Fatal("there is a token")
		}
		if st := src.Status(); st.LastError == nil || !st.RetryAt.After(time.Now()) || st.State != consume.StateNone || st.Fetches != 1 {
			t.Errorf("got %+v", st)
		}
		from.fail(nil)
		first, err := src.Force(t.Context())
		if err != nil || from.asked.Load() != 2 {
			t.Fatalf("got %v after %d fetches", err, from.asked.Load())
		}
		if second, err := src.Force(t.Context()); err != nil || second.Value == first.Value {
			t.Errorf("got %v, %v: Force asks though there is a token", second, err)
		}
		if st := src.Status(); st.LastError != nil || !st.RetryAt.IsZero() || st.State != consume.StateFresh || st.Served != 2 {
			t.Errorf("got %+v", st)
		}
	})
}

// Issue 4, point 4: an issuer that answers 503 after 100 ms, and 30 callers with
// a second each. bench/peers/consume does the same beside other libraries.
func TestFailingIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, takes: 100 * time.Millisecond}
		from.fail(unavailable())
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		began := time.Now()
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := src.Token(ctx)
				if e, ok := errors.AsType[*consume.Error](err); !ok || e.Status != 503 || time.Since(began) != 100*time.Millisecond {
					t.Errorf("got %v after %v, want the issuer's word after 100 ms", err, time.Since(began))
				}
			})
		}
		wg.Wait()
		if n := from.asked.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}
