package issue

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/oauth"
)

// exposes reports whether a secret came in the URL of x, where it was refused.
func (x *exchange) exposes(h *Handler) bool {
	return h.Exposed != nil && x.shown != nil && x.shown.QuerySecret != "" &&
		!slices.Contains(x.who.Weak, mintage.RungQueryCredentials)
}

// expose tells of a secret that came in a URL, if it opens anything: proxies
// and logs on the way have it now.
func (l *look) expose(ctx context.Context) {
	client, found := l.h.Auth.Match(ctx, l.t, l.peer, claimedBy(&l.shown), l.shown.QuerySecret)
	if found == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("trace_id", l.traceID), slog.String("tenant", l.t.ID),
		slog.String("client_id", client.ID), slog.Any("secret", found),
	}
	level, err := slog.LevelWarn, l.h.Exposed(ctx, l.t.ID, client.ID, found.ID)
	if err != nil {
		level, attrs = slog.LevelError, append(attrs, slog.Any("err", err))
	}
	l.h.Log.LogAttrs(ctx, level, "a live secret was sent in a URL", attrs...)
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
