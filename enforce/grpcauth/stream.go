package grpcauth

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

// Stream is a grpc.StreamServerInterceptor. The stream ends with Unauthenticated
// when its token expires or is revoked: the context of the handler ends, its
// next message is refused, and the client is told without waiting for the
// handler.
func (g *Guard) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	tok, err := g.authenticate(ss.Context(), info.FullMethod)
	switch {
	case err != nil:
		return err
	case tok == nil:
		return handler(srv, ss)
	}
	ctx, cancel := g.Verifier.Watch(enforce.WithToken(ss.Context(), tok), tok)
	defer cancel()
	need, _ := g.scopes(info.FullMethod)
	ended := func() error { return g.refuse(ctx, info.FullMethod, context.Cause(ctx), need) }
	done := make(chan result, 1)
	// The handler may wait for a message of the client. When this function
	// returns the stream is over, which ends that wait and the goroutine.
	go func() {
		r := result{panicked: true}
		defer func() {
			if r.panicked {
				r.value = recover()
			}
			done <- r
		}()
		r.err = handler(srv, &watched{ServerStream: ss, of: func() context.Context { return ctx }})
		r.panicked = false
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		if tokenEnded(ctx) {
			return ended()
		}
		r = <-done // the client left: the handler learns it by itself
	}
	switch {
	case r.panicked:
		panic(r.value) // here, where other interceptors may expect it
	case tokenEnded(ctx):
		return ended()
	}
	return r.err
}

// result is how a handler ended.
type result struct {
	err      error
	panicked bool
	value    any
}

// tokenEnded says whether a context ended because of the token.
func tokenEnded(ctx context.Context) bool {
	_, ok := errors.AsType[*oauth.Error](context.Cause(ctx))
	return ctx.Err() != nil && ok
}

// watched is a stream whose context ends with the token.
type watched struct {
	grpc.ServerStream
	of func() context.Context
}

// Context ends when the token does.
func (w *watched) Context() context.Context { return w.of() }

// RecvMsg takes no message after the token's end.
func (w *watched) RecvMsg(m any) error {
	if err := w.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return w.live()
}

// SendMsg sends no message after the token's end.
func (w *watched) SendMsg(m any) error {
	if err := w.live(); err != nil {
		return err
	}
	return w.ServerStream.SendMsg(m)
}

func (w *watched) live() error {
	ctx := w.of()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
