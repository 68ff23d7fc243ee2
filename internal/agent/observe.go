package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

// observer logs and counts what a source does. It implements consume.Observer.
type observer struct {
	upstream atomic.Pointer[string] // the name that it is counted under
	log      *slog.Logger
	metrics  *telemetry.Agent
}

// FetchStarted is not noted: its end is.
func (*observer) FetchStarted(consume.Trigger) {}

// FetchEnded counts a fetch and says what went wrong with it: quietly while the
// old token is good, loudly when requests begin to fail.
func (o *observer) FetchEnded(f consume.Fetch) {
	result := "ok"
	if f.Err != nil {
		result = "error"
		if e, ok := errors.AsType[*consume.Error](f.Err); ok && !e.Temporary() {
			result = "refused"
		}
	}
	name := *o.upstream.Load()
	o.metrics.Refresh(name, string(f.Trigger), result)
	attrs := []slog.Attr{
		slog.String("upstream", name), slog.String("trigger", string(f.Trigger)), slog.Int64("took_ms", f.Duration.Milliseconds()),
	}
	if f.Err == nil {
		o.log.LogAttrs(context.Background(), slog.LevelInfo, "a new token", append(attrs, slog.Time("expires", f.Expires))...)
		return
	}
	level := slog.LevelWarn
	if f.Left <= 0 {
		level = slog.LevelError
	}
	o.log.LogAttrs(context.Background(), level, "no new token", append(attrs, slog.String("error", f.Err.Error()),
		slog.Time("retry_at", f.RetryAt), slog.Int64("old_token_left_s", int64(f.Left.Seconds())))...)
}

// Waited is not noted: how many wait is a gauge.
func (*observer) Waited(time.Duration, error) {}

// Replayed is not called by the agent's own relay.
func (*observer) Replayed(int, error) {}

// seldom lets one line of a kind through in a while: a program that is refused
// is refused at every turn.
type seldom struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// every is how long equal lines are left out for.
const every = 10 * time.Second

func (s *seldom) now(kind string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[kind]; ok && now.Sub(last) < every {
		return false
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[kind] = now
	return true
}
