// Package slogobserver logs what a consume.Source does: a fetched token quietly,
// a failure loudly, and louder when there is no good token any more.
//
// One thing is always true of it: it logs neither tokens nor secrets.
package slogobserver

import (
	"context"
	"log/slog"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// Observer is a consume.Observer that logs. It is safe for concurrent use.
//
// A fetched token is logged at the level debug; a failed fetch as a warning, or as
// an error where no token is left that is still good; a request that was sent
// again at info.
type Observer struct {
	Log *slog.Logger // must be set

	// Name is an attribute of each line, so that several sources can be told
	// apart; empty means none.
	Name string
}

// FetchStarted logs nothing.
func (*Observer) FetchStarted(consume.Trigger) {}

// FetchEnded logs a fetch.
func (o *Observer) FetchEnded(f consume.Fetch) {
	attrs := []slog.Attr{slog.String("trigger", string(f.Trigger)), slog.Duration("duration", f.Duration)}
	if f.Err == nil {
		o.log(slog.LevelDebug, "token fetched", append(attrs, slog.Time("expires", f.Expires))...)
		return
	}
	attrs = append(attrs, slog.String("error", f.Err.Error()), slog.Time("retry_at", f.RetryAt), slog.Duration("left", f.Left))
	if f.Left > 0 {
		o.log(slog.LevelWarn, "token not renewed", attrs...)
	} else {
		o.log(slog.LevelError, "no token", attrs...)
	}
}

// Waited logs nothing: what callers wait for is logged once.
func (*Observer) Waited(time.Duration, error) {}

// Replayed logs a request that was sent again.
func (o *Observer) Replayed(status int, err error) {
	attrs := []slog.Attr{slog.Int("status", status)}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	o.log(slog.LevelInfo, "request sent again with another token", attrs...)
}

// log writes a line.
func (o *Observer) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if o.Name != "" {
		attrs = append([]slog.Attr{slog.String("source", o.Name)}, attrs...)
	}
	o.Log.LogAttrs(context.Background(), level, msg, attrs...) //nolint:sloglint // our own constants, above
}
