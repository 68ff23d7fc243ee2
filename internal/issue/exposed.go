package issue

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/oauth"
)

// Bounds of the second look, which nobody waits for.
const (
	maxLooks    = 4               // at a time; more are not made
	lookTimeout = 5 * time.Second // enough for a slow hash under load
)

// secondLook finds out whether a secret that came in a URL, where it was
// refused, opens anything: proxies and logs on the way have it now. It runs
// after the answer, so that the time of the answer does not tell.
type secondLook struct {
	running atomic.Int32
	done    sync.WaitGroup
}

func (s *secondLook) wait() { s.done.Wait() }

// look starts a second look at the credentials in the URL of x, if there are
// any that were not allowed there.
func (s *secondLook) look(ctx context.Context, h *Handler, x *exchange) {
	if h.Exposed == nil || x.shown == nil || x.shown.QuerySecret == "" ||
		slices.Contains(x.who.Weak, mintage.RungQueryCredentials) {
		return
	}
	if s.running.Add(1) > maxLooks {
		s.running.Add(-1)
		return
	}
	t, traceID := x.t, x.out.TraceID
	id, candidate := claimedBy(x.shown), x.shown.QuerySecret
	ctx = context.WithoutCancel(ctx)
	s.done.Go(func() {
		defer s.running.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		client, found := h.Auth.Match(ctx, t, id, candidate)
		if found == nil {
			return
		}
		attrs := []slog.Attr{
			slog.String("trace_id", traceID), slog.String("tenant", t.ID),
			slog.String("client_id", client.ID), slog.Any("secret", found),
		}
		level, err := slog.LevelWarn, h.Exposed(ctx, t.ID, client.ID, found.ID)
		if err != nil {
			level, attrs = slog.LevelError, append(attrs, slog.Any("err", err))
		}
		h.Log.LogAttrs(ctx, level, "a live secret was sent in a URL", attrs...)
	})
}

// claimedBy returns the identifier that goes with a secret in the URL, wherever
// in the request it is.
func claimedBy(shown *clientauth.Request) string {
	if len(shown.Authorization) == 1 && shown.QueryClientID == "" && shown.ClientID == "" {
		if basic, err := oauth.ParseBasic(shown.Authorization[0]); err == nil {
			decoded, ok := basic.Decoded()
			if ok {
				return decoded.ID
			}
			return basic.ID
		}
	}
	return cmp.Or(shown.QueryClientID, shown.ClientID)
}
