package consume

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// How long a Source waits after a failure before it asks again.
const (
	// One that may pass: each pause is drawn between the shortest and three times
	// the one before, so that programs that failed together drift apart.
	shortestPause, longestPause = 250 * time.Millisecond, 30 * time.Second

	// One that will not pass by itself, such as a wrong secret: asking again gets
	// a client locked out, so that it is done rarely, and at once when the
	// credentials have changed.
	shortestLatch, longestLatch = 30 * time.Second, 5 * time.Minute

	// longestRetryAfter bounds what we believe of a Retry-After.
	longestRetryAfter = 10 * time.Minute

	// lookEvery is how often credentials that were refused are compared with
	// those there are now.
	lookEvery = time.Second
)

// How old a token must be before a refusal of it counts, when it was fetched
// because its predecessor was refused: it doubles with each such token, up to
// the longest, and starts over after one that was in use for a minute.
const (
	shortestHold, longestHold = time.Second, 30 * time.Second
	longInUse                 = time.Minute
)

// nextHold returns the hold of the token that replaces old, which was refused at
// that age.
func nextHold(old *kept, age time.Duration) time.Duration {
	if old.hold == 0 || age > longInUse {
		return shortestHold
	}
	return min(2*old.hold, longestHold)
}

// BackoffError says that there is no token and that the next try to get one is
// not due yet. It wraps the error of the last try.
type BackoffError struct {
	RetryAt time.Time // of the next try
	Err     error
}

// Error says until when, and why.
func (e *BackoffError) Error() string {
	return fmt.Sprintf("no token before %s: %v", e.RetryAt.UTC().Format(time.RFC3339), e.Err)
}

// Unwrap returns the error of the last try.
func (e *BackoffError) Unwrap() error { return e.Err }

// failure is the last fetch, when it failed. It is never changed. A nil one
// stands in nobody's way.
type failure struct {
	err     error
	pause   time.Duration // as it was drawn
	retryAt time.Time
	latched bool      // it will not pass by itself
	looked  time.Time // when the credentials were last compared
}

// next returns the failure that follows f.
func (f *failure) next(err error, now time.Time) *failure {
	e, ok := errors.AsType[*Error](err)
	n := &failure{err: err, latched: ok && !e.Temporary(), looked: now}
	var last time.Duration
	if f != nil && f.latched == n.latched {
		last = f.pause
	}
	var wait time.Duration
	if n.latched {
		n.pause = min(max(2*last, shortestLatch), longestLatch)
		wait = min(n.pause+jitter(n.pause/4), longestLatch)
	} else {
		n.pause = min(shortestPause+jitter(3*max(last, shortestPause)-shortestPause), longestPause)
		wait = n.pause
	}
	if ok && e.RetryAfter > 0 {
		asked := min(e.RetryAfter, longestRetryAfter)
		wait = max(wait, min(asked+jitter(asked/10+shortestPause), longestRetryAfter))
	}
	n.retryAt = now.Add(wait)
	return n
}

// jitter draws from zero to most.
func jitter(most time.Duration) time.Duration {
	return rand.N(most + 1) //nolint:gosec // nobody gains by guessing it
}

// due reports whether a fetch may be tried at now.
func (f *failure) due(now time.Time) bool { return f == nil || !now.Before(f.again()) }

// again returns when a fetch may be tried.
func (f *failure) again() time.Time {
	if e, ok := errors.AsType[*Error](f.err); ok && f.latched && e.changed != nil {
		if look := f.looked.Add(lookEvery); look.Before(f.retryAt) {
			return look
		}
	}
	return f.retryAt
}

// repeats reports whether a fetch at now would only fail again: it is not due,
// and the credentials are those that were refused.
func (f *failure) repeats(ctx context.Context, now time.Time) bool {
	if f == nil || !now.Before(f.retryAt) {
		return false
	}
	e, ok := errors.AsType[*Error](f.err)
	return ok && e.changed != nil && !e.changed(ctx)
}

// lookedAt returns f after its credentials were compared at now.
func (f *failure) lookedAt(now time.Time) *failure {
	n := *f
	n.looked = now
	return &n
}

// forgiven returns f without what it stands in the way of.
func (f *failure) forgiven() *failure {
	if f == nil {
		return nil
	}
	n := *f
	n.retryAt, n.looked = time.Time{}, time.Time{}
	return &n
}

// backoff returns what callers are told until the next try.
func (f *failure) backoff() error { return &BackoffError{RetryAt: f.retryAt, Err: f.err} }
