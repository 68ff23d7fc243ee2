package consume

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// flight is one fetch that any number of callers wait for.
type flight struct {
	trigger Trigger
	refused *kept // the token it replaces because an API refused it, or nil
	cancel  context.CancelFunc
	done    chan struct{} // closed when token and err are set
	token   *Token
	err     error
}

// joinLocked joins the fetch under way or starts one, unless the last one's
// failure stands in its way.
func (s *Source) joinLocked(trigger Trigger, refused *kept) (*flight, error) {
	f := s.flight
	if f == nil {
		now := s.now()
		if !s.failure.due(now) {
			s.armLocked()
			return nil, s.failure.backoff()
		}
		f = s.startLocked(trigger, now)
	}
	if refused != nil {
		f.refused = refused
	}
	s.armLocked()
	return f, nil
}

// startLocked starts a fetch. It has a context of its own: a caller's would end
// with that caller, and others wait for the fetch too.
//
//nolint:contextcheck,nolintlint // so it is meant; contextcheck reads this itself, and nolintlint takes it for unused
func (s *Source) startLocked(trigger Trigger, now time.Time) *flight {
	timeout := s.FetchTimeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	f := &flight{trigger: trigger, cancel: cancel, done: make(chan struct{})}
	s.flight = f
	past := s.failure
	s.flying.Go(func() { s.fly(ctx, f, past, now) })
	return f
}

// fly is a fetch's goroutine. Past is the failure that it comes after, or nil.
func (s *Source) fly(ctx context.Context, f *flight, past *failure, began time.Time) {
	defer close(f.done)
	defer f.cancel()
	if past.repeats(ctx, s.now()) {
		s.land(f, began, outcome{err: past.backoff(), failed: past.lookedAt(s.now())})
		return
	}
	if s.Observer != nil {
		s.Observer.FetchStarted(f.trigger)
	}
	tok, err := s.Fetcher.Token(ctx)
	if err == nil && (tok == nil || tok.Value == "") {
		err = errors.New("the fetcher returned no token")
	}
	o := outcome{fetched: true, token: tok, err: err}
	if err != nil {
		o.failed = past.next(err, s.now())
	}
	e := s.land(f, began, o)
	if s.Observer != nil {
		s.Observer.FetchEnded(e)
	}
}

// outcome is how a flight ended.
type outcome struct {
	fetched bool // the Fetcher was called
	token   *Token
	err     error
	failed  *failure // what err leaves behind
}

// land notes how f ended.
func (s *Source) land(f *flight, began time.Time, o outcome) Fetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.flight, s.failure = nil, o.failed
	f.token, f.err = nil, o.err
	switch k := s.kept; {
	case s.closed:
		f.err = ErrClosed
	case o.err == nil:
		f.token = s.keepLocked(f, o.token, began)
	case k != nil && k.rejected:
		// There is no better one. Other APIs may well take it, or this one again.
		k.rejected = false
	}
	if o.fetched {
		s.fetches++
		s.lastFetch = now
	}
	s.armLocked()
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
	s.kept = k
	return k.token
}

// lifeOf returns how long tok, asked for at began, may be used.
func (s *Source) lifeOf(tok *Token, began time.Time) time.Duration {
	life := s.Life
	if life <= 0 {
		life = defaultLife
	}
	if tok.life != 0 {
		life = tok.life
	} else if !tok.Expires.IsZero() {
		life = tok.Expires.Sub(began)
	} else if end, ok := jose.UnverifiedExpiry(tok.Value); ok {
		life = end.Sub(began)
	}
	return max(life, minLife)
}

// waitUnlock unlocks s.mu and waits for f.
func (s *Source) waitUnlock(ctx context.Context, f *flight) (*Token, error) {
	if s.waiting >= s.maxWaiting() {
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
