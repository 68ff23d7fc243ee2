package admin

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

const (
	// heartbeat is how often a stream says that it lives, which is also how
	// often it looks whether its token does.
	heartbeat = 15 * time.Second
	// streamStall is how long a follower may take to read what it is sent.
	streamStall = 10 * time.Second
)

// streams bounds those who follow at the same time, for each client and in all.
// The zero value has none.
type streams struct {
	mu    sync.Mutex
	by    map[mintage.Actor]int
	total int
}

// enter counts one more and returns how it leaves, or false when there is no
// room.
func (s *streams) enter(a mintage.Actor) (leave func(), ok bool) {
	a.Address = "" // one client may follow from many places
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[a] >= streamsPerClient || s.total >= maxStreams {
		return nil, false
	}
	if s.by == nil {
		s.by = map[mintage.Actor]int{}
	}
	s.by[a]++
	s.total++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.by[a]--; s.by[a] == 0 {
			delete(s.by, a)
		}
	}, true
}

// stream writes events until the follower leaves, its token ends, the server
// stops or no longer knows of the latest revocations.
func (f *follower) stream(w http.ResponseWriter, r *http.Request) *refusal {
	ctx := r.Context()
	if err := f.foreign(ctx); err != nil {
		return f.h.asRefusal(ctx, err)
	}
	to := http.NewResponseController(w)
	if err := to.SetReadDeadline(time.Time{}); err != nil {
		return f.h.asRefusal(ctx, fmt.Errorf("event stream: %w", err))
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx keeps events back otherwise
	send := func(text []byte) bool {
		if to.SetWriteDeadline(time.Now().Add(streamStall)) != nil {
			return false
		}
		_, err := w.Write(text) // #nosec G705 -- JSON in an event stream, which no browser takes for a page
		return err == nil && to.Flush() == nil
	}
	if !send([]byte("retry: 1000\n\n")) {
		return nil
	}
	ended := time.NewTimer(f.who.expires.Sub(f.h.now()))
	defer ended.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		news := f.h.following.Feed.Wait(f.tenant)
		if !f.tell(ctx, send) {
			return nil
		}
		select {
		case <-news:
		case <-beat.C:
			// An id without data moves the cursor of who reconnects.
			if !send(fmt.Appendf(nil, ": still here\nid: %d\n\n", f.cursor)) {
				return nil
			}
		case <-ended.C:
			return nil
		case <-f.h.following.Stopping:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// tell sends what is new, and reports whether the stream goes on.
func (f *follower) tell(ctx context.Context, send func([]byte) bool) bool {
	if !f.h.healthy() {
		return false // whoever reconnects is told why
	}
	first := f.cursor < 0
	doc, err := f.next(ctx)
	if err != nil {
		return false
	}
	if first || doc.Complete || len(doc.Items) > 0 {
		text, err := event(doc)
		if err != nil || !send(text) {
			return false
		}
	}
	// What ended may be the token that the follower came with.
	return f.who.again(ctx) == nil
}
