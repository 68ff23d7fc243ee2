package consume

import (
	"context"
	"errors"
	"time"
)

// kept is a token with what is known of its life. Times are offsets from since,
// so that only the monotonic clock counts.
type kept struct {
	token      *Token
	since      time.Time // when it was asked for
	renew, end time.Duration

	// hold is how old the token must be before a refusal counts. It is zero
	// unless the token was fetched because its predecessor was refused.
	hold time.Duration

	rejected bool // an API refused it and there is none yet in its place
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
	k := s.kept
	if k == nil || k.rejected {
		return nil
	}
	age := s.now().Sub(k.since)
	if age >= k.end {
		return nil
	}
	if age >= k.renew {
		_, _ = s.joinLocked(TriggerAhead, nil) // what stands in its way is remembered
	} else {
		s.armLocked()
	}
	return k.token
}

// orSpare returns a token that will do where none could be fetched: one that an
// API refused and that has not ended, or one that has ended within Grace. Else
// it returns err.
func (s *Source) orSpare(err error) (*Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, f := s.kept, s.failure
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

// armLocked says whether callers may have the token without a look, and has the
// timer go off when they must look again, or, with KeepFresh, when the next
// fetch is due.
func (s *Source) armLocked() {
	var wake time.Duration // zero: nothing to wait for
	now, k := s.now(), s.kept
	var ready *Token
	if k != nil && !k.rejected && s.Now == nil {
		until := k.end
		switch {
		case s.flight != nil:
		case s.failure != nil:
			until = min(k.end, s.failure.again().Sub(k.since))
		default:
			until = k.renew
		}
		if wake = until - now.Sub(k.since); wake > 0 {
			ready = k.token
		}
	}
	s.ready.Store(ready)
	if s.KeepFresh && s.flight == nil {
		due := now
		switch {
		case s.failure != nil:
			due = s.failure.again()
		case k != nil:
			due = k.since.Add(k.renew)
		}
		if d := max(due.Sub(now), time.Nanosecond); wake <= 0 || d < wake {
			wake = d
		}
	}
	if wake <= 0 || s.closed {
		return
	}
	s.wake = time.Now().Add(wake)
	if s.timer == nil {
		s.timer = time.AfterFunc(wake, s.timeUp)
	} else {
		s.timer.Reset(wake)
	}
}

// timeUp ends the time in which callers need not look.
func (s *Source) timeUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || time.Now().Before(s.wake) { // it was set again meanwhile
		return
	}
	s.ready.Store(nil)
	if s.KeepFresh {
		_, _ = s.joinLocked(TriggerAhead, nil) // what stands in its way is remembered
	}
}
