package secret

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// slots bounds how many slow hashes run at once, and how many wait.
type slots struct {
	free     chan struct{} // holds one element per slot taken
	waiting  atomic.Int64
	queue    int64         // how many may wait
	patience time.Duration // how long one waits
}

// A slow hash takes about 25 ms: a queue of 64 drains within the patience of
// two seconds, and longer ones would only make everybody time out.
const (
	queuePerSlot = 64
	patience     = 2 * time.Second
)

func newSlots(n int) *slots {
	return &slots{free: make(chan struct{}, n), queue: int64(n) * queuePerSlot, patience: patience}
}

// take waits for a slot. The error wraps ErrBusy.
func (s *slots) take(ctx context.Context) error {
	select {
	case s.free <- struct{}{}:
		return nil
	default:
	}
	if s.waiting.Add(1) > s.queue {
		s.waiting.Add(-1)
		return ErrBusy
	}
	defer s.waiting.Add(-1)
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case s.free <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
}

// release gives a slot back.
func (s *slots) release() { <-s.free }
