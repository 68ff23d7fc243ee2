package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// smallBody is read whole before anything is sent, in bytes: head and body
	// then leave in one write, and the body can be sent again.
	smallBody = 64 << 10
	// drainFor is how long a body that is still arriving may take to become
	// one that can be sent again.
	drainFor = 5 * time.Second
)

// body is what the caller sends, kept for a second time as far as a bound
// allows. One reader at a time.
type body struct {
	length int64 // bytes; -1 when unknown

	mu    sync.Mutex
	src   io.Reader
	kept  []byte
	bound int64
	lost  bool // more was read than is kept
	err   error
}

func newBody(r *http.Request, bound int64) *body {
	return &body{src: r.Body, length: r.ContentLength, bound: bound}
}

// small reads the body whole when it is announced to be small.
func (b *body) small() (ok bool, err error) {
	if b.length < 0 || b.length > min(smallBody, b.bound) {
		return false, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil {
		b.kept = make([]byte, b.length)
		if _, err := io.ReadFull(b.src, b.kept); err != nil {
			return false, callerError(err)
		}
		b.err = io.EOF
	}
	return true, nil
}

// errCaller marks that it is the caller's connection that broke.
var errCaller = errors.New("the request's body could not be read")

func callerError(err error) error {
	return &Error{Status: http.StatusBadRequest, Cause: errors.Join(errCaller, err)}
}

// reader returns the body from its beginning, for one sending of it.
func (b *body) reader() *bodyReader { return &bodyReader{body: b} }

// bodyReader reads a body. After Close it reads no more of the caller's.
type bodyReader struct {
	body   *body
	at     int // in what is kept
	mu     sync.Mutex
	closed bool
}

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return 0, errors.New("relay: the body is closed")
	case r.at < len(r.body.kept):
		n := copy(p, r.body.kept[r.at:])
		r.at += n
		return n, nil
	}
	n, err := r.body.read(p)
	r.at += n
	return n, err
}

// Close implements io.Closer.
func (r *bodyReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}

// read reads on from the caller and keeps what it can.
func (b *body) read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	if !b.lost && int64(len(b.kept)+n) <= b.bound {
		b.kept = append(b.kept, p[:n]...)
	} else if n > 0 {
		b.lost, b.kept = true, nil
	}
	b.err = err
	return n, err
}

// again reports whether the body can be sent once more. One that is still
// arriving is read to its end, within its bound and a few seconds.
func (b *body) again(ctx context.Context) bool {
	if b == nil {
		return true
	}
	if b.length > b.bound {
		return false
	}
	done := make(chan bool, 1)
	go func() { // ends with the caller's connection at the latest
		b.mu.Lock()
		defer b.mu.Unlock()
		p := make([]byte, 32<<10)
		for b.err == nil && !b.lost {
			if ctx.Err() != nil {
				break
			}
			_, _ = b.read(p)
		}
		done <- !b.lost && errors.Is(b.err, io.EOF)
	}()
	t := time.NewTimer(drainFor)
	defer t.Stop()
	select {
	case ok := <-done:
		return ok
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// whole returns a reader of a body that is kept whole, for a second sending.
func (b *body) whole() *bytes.Reader { return bytes.NewReader(b.kept) }

// isWhole reports whether all of the body is kept.
func (b *body) isWhole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.lost && errors.Is(b.err, io.EOF)
}
