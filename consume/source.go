package consume

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

	kept   atomic.Pointer[kept]
	served counter

	mu        sync.Mutex
	share     float64 // of a life after which to renew; zero: not drawn yet
	flight    *flight // the fetch under way, or nil
	failure   *failure
	timer     *time.Timer // of KeepFresh
	closed    bool
	waiting   int
	fetches   uint64
	lastFetch time.Time // when the last one ended
}

// kept is a token with what is known of its life. Times are offsets from since,
// so that only the monotonic clock counts.
type kept struct {
	token      *Token
	since      time.Time // when it was asked for
	renew, end time.Duration

	// look is until when, as an offset, the token is handed out without a look
	// at anything else.
	look atomic.Int64

	// hold is how old the token must be before a refusal counts. It is zero
	// unless the token was fetched because its predecessor was refused.
	hold time.Duration

	rejected bool // an API refused it and there is none yet in its place; under Source.mu
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	trigger Trigger
	refused *kept // the token it replaces because an API refused it, or nil
	cancel  context.CancelFunc
	done    chan struct{} // closed when token and err are set
	token   *Token
	err     error
}

// Token returns a token. It waits only where there is none that is good: until
// the fetch under way has ended, ctx is done or the Source is closed. The token
// must not be changed.
//
// Errors are the Fetcher's, by which the fetch that was waited for failed; a
// *BackoffError while the next try is not due; ErrQueueFull, ErrClosed, and
// ctx's own, wrapped.
func (s *Source) Token(ctx context.Context) (*Token, error) {
	if k := s.kept.Load(); k != nil && s.now().Sub(k.since) < time.Duration(k.look.Load()) {
		s.served.add()
		return k.token, nil
	}
	return s.look(ctx)
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
// fetched. Errors are Token's, and ErrJustRenewed.
func (s *Source) Renew(ctx context.Context, rejected *Token) (*Token, error) {
	s.mu.Lock()
	k := s.kept.Load()
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, ErrClosed
	case k == nil || k.token.Value != rejected.Value:
		s.mu.Unlock()
		return s.Token(ctx)
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
	k.look.Store(0)
	return s.waitUnlock(ctx, f)
}

// Close ends a fetch under way and waits for it. From then on everybody gets
// ErrClosed.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.kept.Store(nil)
	if s.timer != nil {
		s.timer.Stop()
	}
	f := s.flight
	s.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
}

// look is Token without the short cut.
func (s *Source) look(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	if tok := s.goodLocked(); tok != nil {
		s.mu.Unlock()
		s.served.add()
		return tok, nil
	}
	f, err := s.joinLocked(TriggerCaller, nil)
	if err != nil {
		s.mu.Unlock()
		return s.orSpare(err)
	}
	tok, err := s.waitUnlock(ctx, f)
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrQueueFull) {
		return tok, err
	}
	return s.orSpare(err)
}

// goodLocked returns the token that is handed out without waiting, or nil. It
// has the next one fetched when that is due.
func (s *Source) goodLocked() *Token {
	k := s.kept.Load()
	if k == nil || k.rejected {
		return nil
	}
	age := s.now().Sub(k.since)
	if age >= k.end {
		return nil
	}
	if age >= k.renew {
		_, _ = s.joinLocked(TriggerAhead, nil) // what stands in its way is remembered
	}
	return k.token
}

// orSpare returns a token that will do where none could be fetched: one that an
// API refused and that has not ended, or one that has ended within Grace. Else
// it returns err.
func (s *Source) orSpare(err error) (*Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, f := s.kept.Load(), s.failure
	if k == nil || f == nil || k.rejected {
		return nil, err
	}
	until := k.end
	if s.Grace > 0 && !f.latched {
		until += s.Grace
	}
	if s.now().Sub(k.since) >= until {
		return nil, err
	}
	s.served.add()
	return k.token, nil
}

// joinLocked joins the fetch under way or starts one, unless the last one's
// failure stands in its way. It sets how long callers need not look again.
func (s *Source) joinLocked(trigger Trigger, refused *kept) (*flight, error) {
	f := s.flight
	if f == nil {
		now := s.now()
		if !s.failure.due(now) {
			s.lookAgainLocked()
			return nil, s.failure.backoff()
		}
		f = s.startLocked(trigger, now)
	}
	if refused != nil {
		f.refused = refused
	}
	s.lookAgainLocked()
	return f, nil
}

// startLocked starts a fetch. It has a context of its own, for others than the
// caller who started it may come to wait for it.
//
//nolint:contextcheck // no caller's context, which ends with its caller
func (s *Source) startLocked(trigger Trigger, now time.Time) *flight {
	timeout := s.FetchTimeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	f := &flight{trigger: trigger, cancel: cancel, done: make(chan struct{})}
	s.flight = f
	past := s.failure
	go s.fly(ctx, f, past, now)
	return f
}

// fly is a fetch's goroutine. Past is the failure that it comes after, or nil.
func (s *Source) fly(ctx context.Context, f *flight, past *failure, began time.Time) {
	defer close(f.done)
	defer f.cancel()
	if past.repeats(ctx, s.now()) {
		s.land(f, began, nil, past.backoff(), past.lookedAt(s.now()))
		return
	}
	if s.Observer != nil {
		s.Observer.FetchStarted(f.trigger)
	}
	tok, err := s.Fetcher.Token(ctx)
	if err == nil && (tok == nil || tok.Value == "") {
		err = errors.New("the fetcher returned no token")
	}
	ended := s.now()
	var failed *failure
	if err != nil {
		failed = past.next(err, ended)
	}
	e := s.land(f, began, tok, err, failed)
	if s.Observer != nil {
		s.Observer.FetchEnded(e)
	}
}

// land notes how f ended.
func (s *Source) land(f *flight, began time.Time, tok *Token, err error, failed *failure) Fetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.flight, s.failure = nil, failed
	f.token, f.err = nil, err
	switch k := s.kept.Load(); {
	case s.closed:
		f.err = ErrClosed
	case err == nil:
		f.token = s.keepLocked(f, tok, began)
	case k != nil && k.rejected:
		// There is no better one. Other APIs may well take it, or this one again.
		k.rejected = false
	}
	if failed == nil || failed.err == err { //nolint:errorlint // whether it is this one
		s.fetches++
		s.lastFetch = now
	}
	s.lookAgainLocked()
	s.scheduleLocked(now)
	return s.endedLocked(f, began, now)
}

// keepLocked makes tok the one that is handed out, with its end filled in.
func (s *Source) keepLocked(f *flight, tok *Token, began time.Time) *Token {
	life := s.lifeOf(tok, began)
	copied := *tok
	copied.Expires = began.Add(life)
	if s.share == 0 {
		s.share = earliestRenewal + (latestRenewal-earliestRenewal)*rand.Float64() //nolint:gosec // jitter
	}
	k := &kept{token: &copied, since: began, end: life, renew: time.Duration(s.share * float64(life))}
	if f.refused != nil {
		k.hold = nextHold(f.refused, began.Sub(f.refused.since))
	}
	k.look.Store(int64(k.renew))
	s.kept.Store(k)
	return k.token
}

// lifeOf returns how long tok, asked for at began, may be used.
func (s *Source) lifeOf(tok *Token, began time.Time) time.Duration {
	life := s.Life
	if life <= 0 {
		life = defaultLife
	}
	if !tok.Expires.IsZero() {
		life = tok.Expires.Sub(began)
	} else if end, ok := jwtExpiry(tok.Value); ok {
		life = end.Sub(began)
	}
	return max(life, minLife)
}

// lookAgainLocked sets until when the kept token is handed out without a look.
func (s *Source) lookAgainLocked() {
	k := s.kept.Load()
	if k == nil {
		return
	}
	until := k.end
	switch {
	case k.rejected:
		until = 0
	case s.flight != nil:
	case s.failure != nil:
		until = min(k.end, s.failure.again().Sub(k.since))
	default:
		until = k.renew
	}
	k.look.Store(int64(until))
}

// waitUnlock unlocks s.mu and waits for f.
func (s *Source) waitUnlock(ctx context.Context, f *flight) (*Token, error) {
	most := s.MaxWaiting
	if most <= 0 {
		most = defaultMaxWaiting
	}
	if s.waiting >= most {
		s.mu.Unlock()
		return nil, ErrQueueFull
	}
	s.waiting++
	s.mu.Unlock()
	began := s.now()
	tok, err := f.wait(ctx)
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
	if err == nil {
		s.served.add()
	}
	if s.Observer != nil {
		s.Observer.Waited(s.now().Sub(began), err)
	}
	return tok, err
}

// wait waits for the end of f.
func (f *flight) wait(ctx context.Context) (*Token, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a token: %w", ctx.Err())
	}
}

func (s *Source) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// scheduleLocked has KeepFresh's timer go off when the next fetch is due.
func (s *Source) scheduleLocked(now time.Time) {
	if !s.KeepFresh || s.closed {
		return
	}
	var at time.Time
	switch k := s.kept.Load(); {
	case s.failure != nil:
		at = s.failure.again()
	case k != nil:
		at = k.since.Add(k.renew)
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(max(at.Sub(now), 0), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			_, _ = s.joinLocked(TriggerAhead, nil) // what stands in its way is remembered
		}
	})
}
