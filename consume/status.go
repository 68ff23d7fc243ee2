package consume

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// State is how a Source's token is.
type State string

// The states.
const (
	StateNone    State = "none"    // there is no token
	StateFresh   State = "fresh"   // it is handed out
	StateStale   State = "stale"   // it is handed out while the next one is being got
	StateExpired State = "expired" // callers wait for the next one
)

// Status is what a Source knows, for people and metrics. Times are zero where
// there is none.
type Status struct {
	State     State
	Expires   time.Time // when the token ends
	RenewAt   time.Time // when the next one is asked for, if somebody wants a token then
	Waiting   int       // callers that wait for a token
	Fetches   uint64    // calls of the Fetcher that have ended
	Served    uint64    // tokens handed out
	LastFetch time.Time // when the last call of the Fetcher ended
	LastError error     // of the last call of the Fetcher; nil where it got a token
	RetryAt   time.Time // when the next try is due after an error
}

// Status returns how s is.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{State: StateNone, Waiting: s.waiting, Fetches: s.fetches, LastFetch: s.lastFetch, Served: s.served.sum()}
	if f := s.failure; f != nil {
		st.LastError, st.RetryAt = f.err, f.retryAt
	}
	k := s.kept
	if k == nil {
		return st
	}
	st.Expires, st.RenewAt = k.since.Add(k.end), k.since.Add(k.renew)
	switch age := s.now().Sub(k.since); {
	case age >= k.end:
		st.State = StateExpired
	case age >= k.renew || k.rejected:
		st.State = StateStale
	default:
		st.State = StateFresh
	}
	return st
}

// endedLocked describes the end of f.
func (s *Source) endedLocked(f *flight, began, now time.Time) Fetch {
	e := Fetch{Trigger: f.trigger, Duration: now.Sub(began), Err: f.err}
	if f.token != nil {
		e.Expires = f.token.Expires
	}
	if s.failure != nil {
		e.RetryAt = s.failure.retryAt
		if k := s.kept; k != nil {
			e.Left = max(k.end-now.Sub(k.since), 0)
		}
	}
	return e
}

// counter counts without making its callers wait for one another.
type counter struct {
	parts [16]struct {
		n atomic.Uint64
		_ [120]byte // on a cache line of its own
	}
}

func (c *counter) add() {
	c.parts[rand.Uint32()%uint32(len(c.parts))].n.Add(1) //nolint:gosec // any part will do
}

func (c *counter) sum() uint64 {
	var n uint64
	for i := range c.parts {
		n += c.parts[i].n.Load()
	}
	return n
}
