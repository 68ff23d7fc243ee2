package adminclient

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// attempts bounds how often a request with an idempotency key is sent.
	attempts = 3
	// firstPause is what comes before the second attempt; before the next it is
	// twice that. Longest bounds what a server may ask for instead.
	firstPause = 200 * time.Millisecond
	longest    = 5 * time.Second
)

type keyContext struct{}

// WithIdempotencyKey returns a context for one call that creates or does
// something, which then has this key instead of one that is made for the call: 1
// to 128 letters, digits and -_.:~+/=. Whoever keeps the key can send the same
// request again after a crash, within 24 hours, and gets the answer of the first
// time. Another request with the same key is refused (code idempotency.reused).
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyContext{}, key)
}

// keyFor returns the key of a request: what is done more often when it is sent
// more often has one, so that it may be.
func keyFor(ctx context.Context, method string) string {
	if method != http.MethodPost {
		return ""
	}
	if key, ok := ctx.Value(keyContext{}).(string); ok {
		return key
	}
	return rand.Text()
}

// tried is how one attempt ended.
type tried struct {
	err   error
	after string // what the answer says in Retry-After
}

// again reports whether the request is worth another attempt: whether it was
// sent and its answer was lost, or there will be one in a moment. A server that
// was not reached, and time that ran out, are for the caller.
func (t tried) again() bool {
	if p, ok := errors.AsType[*Problem](t.err); ok {
		return p.Code == "idempotency.running" || p.Status == http.StatusBadGateway || p.Status == http.StatusServiceUnavailable ||
			p.Status == http.StatusGatewayTimeout
	}
	if _, ok := errors.AsType[*unsentError](t.err); ok || t.err == nil {
		return false
	}
	if op, ok := errors.AsType[*net.OpError](t.err); ok && op.Op == "dial" {
		return false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](t.err); ok {
		return false
	}
	timeout, ok := errors.AsType[net.Error](t.err)
	return !ok || !timeout.Timeout()
}

// unsentError says that no request was sent, or that its answer came and is of
// no use.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// pause waits before the next attempt, after so many.
func (t tried) pause(ctx context.Context, done int) error {
	wait := firstPause << (done - 1)
	if n, err := strconv.ParseUint(t.after, 10, 16); err == nil {
		wait = min(time.Duration(n)*time.Second, longest)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
