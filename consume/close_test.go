package consume_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// Close ends a fetch under way, and everybody's wait with it, and leaves nothing
// running: synctest would say so.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour, takes: time.Hour}
		src := &consume.Source{Fetcher: from, FetchTimeout: time.Hour, KeepFresh: true}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := src.Token(t.Context()); !errors.Is(err, consume.ErrClosed) {
					t.Errorf("got %v, want ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		if n := src.Status().Waiting; n != 10 {
			t.Errorf("%d wait, want 10", n)
		}
		began := time.Now()
		src.Close()
		wg.Wait()
		if time.Since(began) != 0 || from.busy.Load() != 0 {
			t.Errorf("closed after %v, %d fetches go on", time.Since(began), from.busy.Load())
		}
		for name, call := range map[string]func() (*consume.Token, error){
			"Token": func() (*consume.Token, error) { return src.Token(t.Context()) },
			"Force": func() (*consume.Token, error) { return src.Force(t.Context()) },
			"Renew": func() (*consume.Token, error) { return src.Renew(t.Context(), &consume.Token{Value: "x"}) },
		} {
			if tok, err := call(); !errors.Is(err, consume.ErrClosed) || tok != nil {
				t.Errorf("%s: got %v, %v, want ErrClosed", name, tok, err)
			}
		}
		src.Close() // again
		if n := from.asked.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// slowObserver takes a second to hear that a fetch has ended.
type slowObserver struct {
	events
	heard atomic.Int64
}

func (o *slowObserver) FetchEnded(consume.Fetch) {
	time.Sleep(time.Second)
	o.heard.Add(1)
}

// Once Close has returned the Observer is told of no fetch any more, also where
// one had its token before and the next one is under way.
func TestCloseAfterFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := &slowObserver{}
		src := &consume.Source{Fetcher: &issuer{t: t, life: time.Hour}, Observer: seen}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = src.Token(t.Context()) })
		synctest.Wait() // the token is there, and the Observer is being told
		wg.Go(func() { _, _ = src.Force(t.Context()) })
		synctest.Wait()
		src.Close()
		if n := seen.heard.Load(); n != 2 {
			t.Errorf("Close returned when the Observer had heard of %d of 2 fetches", n)
		}
		wg.Wait()
	})
}

// A closed source hands out nothing, not even what it has.
func TestCloseWarm(t *testing.T) {
	t.Parallel()
	src := warm(t)
	src.Close()
	if tok, err := src.Token(t.Context()); !errors.Is(err, consume.ErrClosed) || tok != nil {
		t.Errorf("got %v, %v", tok, err)
	}
}

// With KeepFresh the token is renewed though nobody asks, and a failure is tried
// again; without, nothing is asked for.
func TestKeepFresh(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t, life: time.Minute, takes: time.Second}
			src := &consume.Source{Fetcher: from, KeepFresh: keep}
			defer src.Close()
			if _, err := src.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			if n := from.asked.Load(); keep && (n < 60 || n > 81) || !keep && n != 1 {
				t.Errorf("keep %v: %d fetches in an hour", keep, n)
			}
			from.fail(unavailable())
			time.Sleep(10 * time.Minute)
			from.fail(nil)
			time.Sleep(time.Minute)
			began := time.Now()
			if _, err := src.Token(t.Context()); err != nil || keep == (time.Since(began) > 0) {
				t.Errorf("keep %v: waited %v, %v", keep, time.Since(began), err)
			}
		})
	}
}

// events notes what it is told.
type events struct {
	mu       sync.Mutex
	started  []consume.Trigger
	ended    []consume.Fetch
	waited   atomic.Int64
	replayed []int
}

func (e *events) FetchStarted(t consume.Trigger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.started = append(e.started, t)
}

func (e *events) FetchEnded(f consume.Fetch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = append(e.ended, f)
}

func (e *events) Waited(time.Duration, error) { e.waited.Add(1) }

func (e *events) Replayed(status int, _ error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.replayed = append(e.replayed, status)
}

// What an Observer is told, and what Status says, from the first fetch on.
func TestObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour, takes: time.Second}
		seen := &events{}
		src := &consume.Source{Fetcher: from, Observer: seen}
		defer src.Close()
		state := func(want consume.State) {
			t.Helper()
			if st := src.Status(); st.State != want {
				t.Errorf("got %+v, want %s", st, want)
			}
		}
		state(consume.StateNone)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _, _ = src.Token(t.Context()) })
		}
		wg.Wait()
		state(consume.StateFresh)
		tok, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st := src.Status(); st.Served != 4 || st.Fetches != 1 || st.Expires.Sub(st.RenewAt) < 6*time.Minute || !st.Expires.Equal(tok.Expires) {
			t.Errorf("got %+v", st)
		}
		time.Sleep(55 * time.Minute)
		state(consume.StateStale)
		from.fail(unavailable())
		if _, err := src.Token(t.Context()); err != nil { // ahead
			t.Error(err)
		}
		time.Sleep(10 * time.Minute)
		state(consume.StateExpired)
		from.fail(nil)
		if tok, err = src.Token(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := src.Renew(t.Context(), tok); err != nil {
			t.Error(err)
		}
		if _, err := src.Force(t.Context()); err != nil {
			t.Error(err)
		}
		want := []consume.Trigger{consume.TriggerCaller, consume.TriggerAhead, consume.TriggerCaller, consume.TriggerRejected, consume.TriggerForced}
		for i, trigger := range want {
			if seen.started[i] != trigger || seen.ended[i].Trigger != trigger || seen.ended[i].Duration != time.Second {
				t.Errorf("%d: got %v, %+v, want %v", i, seen.started[i], seen.ended[i], trigger)
			}
			if failed := seen.ended[i].Err != nil; failed != (i == 1) || failed == seen.ended[i].RetryAt.IsZero() || failed == !seen.ended[i].Expires.IsZero() {
				t.Errorf("%d: got %+v", i, seen.ended[i])
			}
		}
		if left := seen.ended[1].Left; left < 4*time.Minute || left > 5*time.Minute || len(seen.started) != len(want) || seen.waited.Load() != 6 {
			t.Errorf("%v left, %d fetches, %d waited", left, len(seen.started), seen.waited.Load())
		}
	})
}

// A token that is refused once it has been fetched because of a refusal is not
// renewed at once, and any other is: see docs/adr.
func TestRefusedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		tok, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, err := src.Renew(t.Context(), tok) // as young as can be
		if err != nil || second.Value == tok.Value {
			t.Fatalf("got %v, %v", second, err)
		}
		if _, err := src.Renew(t.Context(), second); !errors.Is(err, consume.ErrJustRenewed) {
			t.Errorf("got %v, want ErrJustRenewed", err)
		}
		if still, err := src.Token(t.Context()); err != nil || still.Value != second.Value {
			t.Errorf("got %v, %v: others still get it", still, err)
		}
		time.Sleep(time.Second)
		third, err := src.Renew(t.Context(), second)
		if err != nil || third.Value == second.Value {
			t.Errorf("a second later: got %v, %v", third, err)
		}
		time.Sleep(time.Second)
		if _, err := src.Renew(t.Context(), third); !errors.Is(err, consume.ErrJustRenewed) {
			t.Errorf("got %v, want twice the pause", err)
		}
		time.Sleep(2 * time.Minute) // it was good for a while
		fourth, err := src.Renew(t.Context(), third)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := src.Renew(t.Context(), fourth); err != nil {
			t.Errorf("the pauses start over: got %v", err)
		}
	})
}

// A refused token is handed out again when there is no other: another API may
// well take it. Who had it refused gets an error.
func TestRefusedDuringOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := &issuer{t: t, life: time.Hour, takes: time.Second}
		src := &consume.Source{Fetcher: from}
		defer src.Close()
		tok, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		from.fail(unavailable())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := src.Renew(t.Context(), tok); err == nil {
				t.Error("the refused token came back")
			}
		})
		synctest.Wait()
		wg.Go(func() { // waits for the new one first
			began := time.Now()
			if same, err := src.Token(t.Context()); err != nil || same.Value != tok.Value || time.Since(began) != time.Second {
				t.Errorf("got %v, %v after %v", same, err, time.Since(began))
			}
		})
		wg.Wait()
		for range 100 {
			if same, err := src.Token(t.Context()); err != nil || same.Value != tok.Value {
				t.Errorf("got %v, %v", same, err)
			}
		}
		if n := from.asked.Load(); n != 2 {
			t.Errorf("%d fetches", n)
		}
	})
}

// severalErrors cannot be compared with ==.
type severalErrors []string

func (severalErrors) Error() string { return "several" }

// An error that is not the server's is one that passes, of whatever type it is;
// no token is one too.
func TestForeignErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		for _, f := range []fetcherFunc{
			func() (*consume.Token, error) { return nil, refused },
			func() (*consume.Token, error) { return nil, severalErrors{"one"} },
			func() (*consume.Token, error) { return nil, nil },
			func() (*consume.Token, error) { return &consume.Token{}, nil },
		} {
			src := &consume.Source{Fetcher: f}
			if tok, err := src.Token(t.Context()); err == nil || tok != nil {
				t.Errorf("got %v, %v", tok, err)
			}
			_, err := src.Token(context.Background())
			if e, ok := errors.AsType[*consume.BackoffError](err); !ok || time.Until(e.RetryAt) > time.Second {
				t.Errorf("got %v", err)
			}
			if st := src.Status(); st.Fetches != 1 {
				t.Errorf("%d fetches are counted, want 1", st.Fetches)
			}
			src.Close()
		}
	})
}
