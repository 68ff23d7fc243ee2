package consume

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// patiently calls try until it returns a token, an error that another try would
// not mend, or until ctx is done or Patience is over: it waits for the next try
// each time. With no Patience it calls it once.
func (s *Source) patiently(ctx context.Context, try func(context.Context) (*Token, error)) (*Token, error) {
	tok, err := try(ctx)
	if err == nil || s.Patience <= 0 {
		return tok, err
	}
	for until := s.now().Add(s.Patience); err != nil; {
		if failed := s.awaitTry(ctx, err, until); failed != nil {
			return nil, failed
		}
		tok, err = try(ctx)
	}
	return tok, nil
}

// awaitTry waits until the next try after err is due. It returns err where none
// is before until, or what ended the wait.
func (s *Source) awaitTry(ctx context.Context, err error, until time.Time) error {
	s.mu.Lock()
	f := s.failure
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrClosed
	case ctx.Err() != nil, errors.Is(err, ErrQueueFull), errors.Is(err, ErrJustRenewed), errors.Is(err, ErrSameToken),
		f != nil && (f.latched || f.retryAt.After(until)):
		s.mu.Unlock()
		return err
	case f == nil: // somebody has got a token meanwhile
		s.mu.Unlock()
		return nil
	case s.waiting >= s.maxWaiting():
		s.mu.Unlock()
		return ErrQueueFull
	}
	s.waiting++
	if s.closing == nil {
		s.closing = make(chan struct{})
	}
	closing := s.closing
	s.mu.Unlock()
	timer := time.NewTimer(f.retryAt.Sub(s.now()))
	defer timer.Stop()
	defer func() {
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}()
	select {
	case <-timer.C:
		return nil
	case <-closing:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("waiting for a token: %w, after %w", ctx.Err(), err)
	}
}

// maxWaiting returns MaxWaiting or its default.
func (s *Source) maxWaiting() int {
	if s.MaxWaiting <= 0 {
		return defaultMaxWaiting
	}
	return s.MaxWaiting
}
