package consume

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// What a Source does where it is not told otherwise.
const (
	defaultLife       = 5 * time.Minute
	defaultMaxWaiting = 1000

	// minLife is how long a token is kept at least, even if its server says that
	// it has ended: without it such a server would be asked by every call.
	minLife = time.Second

	// A token is renewed at a point of its life that is drawn between these, once
	// for each Source: programs that were started together do not ask together.
	earliestRenewal, latestRenewal = 0.75, 0.90
)

var (
	// ErrClosed says that the Source was closed.
	ErrClosed = errors.New("the token source is closed")
	// ErrQueueFull says that as many callers as may already wait for a token.
	ErrQueueFull = errors.New("too many callers wait for a token")
	// ErrJustRenewed says that the refused token was fetched only a moment ago
	// because its predecessor was refused too: yet another would fare no better.
	ErrJustRenewed = errors.New("the refused token was only just renewed")
	// ErrSameToken says that the server gives the refused token again.
	ErrSameToken = errors.New("the server gives the refused token again")
)

// Fetcher asks for a token, once. ClientCredentials is one. Token is called by
// one goroutine at a time, with a context that has a deadline and nothing of
// any caller's. An error that wraps an *Error says by it what to do next; any
// other is taken for one that passes.
type Fetcher interface {
	Token(ctx context.Context) (*Token, error)
}

// Source keeps the token that its Fetcher gets, for any number of callers. It
// asks for one when the first caller wants one, and for the next one ahead of
// the end of the last, while that is still handed out; never for two at a time.
// The zero values of all fields but Fetcher are their defaults. A Source must
// not be copied, and no field changed, once it is in use. It is safe for
// concurrent use.
type Source struct {
	Fetcher Fetcher // must be set

	// Life is how long a token is taken to live where neither the answer nor the
	// token itself says so; zero means 5 minutes.
	Life time.Duration

	// FetchTimeout bounds one call of the Fetcher; zero means 30 seconds.
	FetchTimeout time.Duration

	// MaxWaiting is how many callers may wait for a token at once; zero means
	// 1,000. Further ones get ErrQueueFull.
	MaxWaiting int

	// Patience is how long a caller waits for further tries when one has failed
	// that may succeed later, and there is no good token: for programs that would
	// rather be late than fail. Zero means that it gets the error.
	Patience time.Duration

	// Grace is how long a token is handed out after its end while the server
	// cannot be reached. Zero means not at all.
	Grace time.Duration

	// KeepFresh has the token renewed by the clock too, when no caller asks:
	// nobody waits after a pause, and a token is fetched in each life.
	KeepFresh bool

	// Observer is told what happens; nil means nobody is.
	Observer Observer

	// Now returns the time; nil means time.Now, whose monotonic reading keeps
	// tokens' lives apart from jumps of the wall clock.
	Now func() time.Time

	// ready is the token while it is handed out without a look at anything else,
	// not even the clock: a timer takes it away.
	ready  atomic.Pointer[Token]
	served counter

	mu        sync.Mutex
	share     float64        // of a life after which to renew; zero: not drawn yet
	kept      *kept          // the last token, or nil
	flight    *flight        // the fetch under way, or nil
	flying    sync.WaitGroup // goroutines of fetches, also of those that have landed
	failure   *failure
	timer     *time.Timer // calls timeUp at wake
	wake      time.Time
	closed    bool
	closing   chan struct{} // is closed with it; nil where nobody waits for that
	waiting   int
	fetches   uint64
	lastFetch time.Time // when the last one ended
}

// Token returns a token. It waits only where there is none that is good: until
// the fetch under way has ended, ctx is done or the Source is closed. The token
// must not be changed.
//
// Errors are the Fetcher's, by which the fetch that was waited for failed; a
// *BackoffError while the next try is not due; ErrQueueFull, ErrClosed, and
// ctx's own, wrapped.
func (s *Source) Token(ctx context.Context) (*Token, error) {
	if tok := s.ready.Load(); tok != nil {
		s.served.add()
		return tok, nil
	}
	return s.patiently(ctx, s.look)
}

// Force asks for a token now, whatever is kept or remembered, and waits for it:
// for people who have corrected something and do not want to wait for the next
// try. A fetch that is under way is joined.
func (s *Source) Force(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	s.failure = s.failure.forgiven()
	f, err := s.joinLocked(TriggerForced, nil)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s.waitUnlock(ctx, f)
}

// Renew returns a token in place of rejected, which an API has refused with
// 401. The first of any number of callers with the same token has another one
// fetched and all wait for it; when it has been replaced already, nothing is
// fetched. Errors are Token's, ErrJustRenewed, and ErrSameToken.
func (s *Source) Renew(ctx context.Context, rejected *Token) (*Token, error) {
	tok, err := s.patiently(ctx, func(ctx context.Context) (*Token, error) { return s.renew(ctx, rejected) })
	if err == nil && tok.Value == rejected.Value {
		return nil, ErrSameToken
	}
	return tok, err
}

// renew is one try of Renew.
func (s *Source) renew(ctx context.Context, rejected *Token) (*Token, error) {
	s.mu.Lock()
	k := s.kept
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, ErrClosed
	case k == nil || k.token.Value != rejected.Value:
		s.mu.Unlock()
		return s.look(ctx)
	case !k.rejected && s.now().Sub(k.since) < k.hold:
		s.mu.Unlock()
		return nil, ErrJustRenewed
	}
	f, err := s.joinLocked(TriggerRejected, k)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	k.rejected = true
	s.armLocked()
	return s.waitUnlock(ctx, f)
}

// Close ends a fetch under way and waits for it, and until the Observer has been
// told of each. From then on everybody gets ErrClosed.
func (s *Source) Close() {
	s.mu.Lock()
	if s.closing != nil && !s.closed {
		close(s.closing)
	}
	s.closed = true
	s.kept = nil
	s.ready.Store(nil)
	if s.timer != nil {
		s.timer.Stop()
	}
	f := s.flight
	s.mu.Unlock()
	if f != nil {
		f.cancel()
	}
	s.flying.Wait() // none is added once it is closed
}

func (s *Source) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
