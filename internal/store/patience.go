package store

import (
	"context"
	"time"
)

// patienceKey finds what WithPatience put into a context.
type patienceKey struct{}

// WithPatience returns a context whose calls of a store give up after d, with
// mintage.ErrUnavailable: for callers who must not wait as long as a statement may
// take when the database says nothing at all. Unlike the end of ctx, which only
// keeps further statements from beginning, the end of patience gives up the one
// that runs, and an engine may lose its connection by it. The caller must call
// the function that it returns when the calls are over.
func WithPatience(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	own, cancelOwn := context.WithTimeout(context.WithoutCancel(ctx), d)
	return context.WithValue(ctx, patienceKey{}, own), func() {
		cancelOwn()
		cancel()
	}
}

// WithLimit returns a context whose calls of a store give up when limit ends: for
// work in the background, which waits for as long as it takes until the process is
// to end.
func WithLimit(ctx, limit context.Context) context.Context {
	return context.WithValue(ctx, patienceKey{}, limit)
}

// Patience returns the context under which an engine runs the statements of a
// call with ctx: it ends with the patience of the caller, or never.
func Patience(ctx context.Context) context.Context {
	if own, ok := ctx.Value(patienceKey{}).(context.Context); ok {
		return own
	}
	return context.WithoutCancel(ctx)
}
