package consume

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
)

var (
	// errReplayed is what reads of a body get that is being sent a second time.
	errReplayed = errors.New("the request is being sent again")
	// errTooLong says that not all of a body was kept.
	errTooLong = errors.New("the body is too long to be sent again")
)

// outgoing is a request's body that may have to be sent twice.
type outgoing struct {
	again func() (io.ReadCloser, error) // the body from its start
	tape  *tape                         // where again is of it
}

// prepare makes r's body one that can be sent again: by its GetBody, or by
// keeping up to most bytes of it while they are read. r is the caller's own
// copy.
func prepare(r *http.Request, most int64) *outgoing {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return &outgoing{again: func() (io.ReadCloser, error) { return r.Body, nil }}
	case r.GetBody != nil:
		return &outgoing{again: r.GetBody}
	case r.ContentLength > most || most <= 0:
		return &outgoing{again: func() (io.ReadCloser, error) { return nil, errTooLong }}
	}
	t := &tape{src: r.Body, most: most, ctx: r.Context(), held: true}
	t.reel = &reel{tape: t, gone: make(chan struct{})}
	r.Body = t.reel
	return &outgoing{again: t.again, tape: t}
}

// release says that the body is not sent again.
func (o *outgoing) release() {
	if o.tape != nil {
		o.tape.release()
	}
}

// tape keeps the beginning of a body while it is read, so that it can be read
// from its start once more. It does not wait for more than its reader asks for:
// a body may be a stream.
//
// While it is held, a goroutine reads src, which may take as long as it likes:
// whoever reads the tape is let go when it is closed, replaced or out of time,
// and what the goroutine gets after that is there for the next reader. Then the
// last reader reads src itself, and Close closes it.
type tape struct {
	src  io.ReadCloser
	most int64
	ctx  context.Context //nolint:containedctx // the request's, whose end ends a read

	mu      sync.Mutex // never held while src is read or closed
	kept    []byte
	err     error         // of src, once it has ended
	held    bool          // all that was read is kept, and src stays open when its reader closes it
	shut    bool          // src was closed
	reading chan struct{} // closed when the goroutine has read; nil: there is none
	reel    *reel         // the reader that counts
}

// reel is one reader of a tape.
type reel struct {
	tape   *tape
	at     int // in what is kept
	closed bool
	gone   chan struct{} // closed when it is, or when another counts
}

func (r *reel) Read(p []byte) (int, error) {
	t := r.tape
	for len(p) > 0 {
		t.mu.Lock()
		switch {
		case t.reel != r:
			t.mu.Unlock()
			return 0, errReplayed
		case r.closed:
			t.mu.Unlock()
			return 0, http.ErrBodyReadAfterClose
		case r.at < len(t.kept):
			n := copy(p, t.kept[r.at:])
			r.at += n
			t.mu.Unlock()
			return n, nil
		case t.err != nil:
			t.mu.Unlock()
			return 0, t.err
		case t.reading == nil && !t.held: // nobody will ask for it again
			t.kept, r.at = nil, 0
			t.mu.Unlock()
			return t.src.Read(p)
		case t.reading == nil:
			t.readLocked(len(p))
		}
		read := t.reading
		t.mu.Unlock()
		select {
		case <-read:
		case <-r.gone:
		case <-t.ctx.Done():
			return 0, t.ctx.Err()
		}
	}
	return 0, nil
}

// readLocked starts a read of up to n bytes, and no more than one too many.
func (t *tape) readLocked(n int) {
	n = int(min(int64(n)-1, t.most-int64(len(t.kept)))) + 1
	t.kept = slices.Grow(t.kept, n)
	p := t.kept[len(t.kept) : len(t.kept)+n]
	read := make(chan struct{})
	t.reading = read
	go func() { // ends with src's Read: Close ends that, where anything does
		n, err := t.src.Read(p)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.kept = t.kept[:len(t.kept)+n]
		t.err, t.reading = err, nil
		if int64(len(t.kept)) > t.most {
			t.held = false
		}
		close(read)
	}()
}

func (r *reel) Close() error {
	t := r.tape
	t.mu.Lock()
	if t.reel != r || r.closed {
		t.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.gone)
	if t.held {
		t.mu.Unlock()
		return nil
	}
	t.shut = true
	t.mu.Unlock()
	return t.src.Close()
}

// again returns a reader from the start. Whoever reads the first one gets an
// error from now on.
func (t *tape) again() (io.ReadCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.held {
		return nil, errTooLong
	}
	t.held = false
	if !t.reel.closed {
		close(t.reel.gone)
	}
	t.reel = &reel{tape: t, gone: make(chan struct{})}
	return t.reel, nil
}

// release closes the source if its reader has closed the tape, or lets it do so.
func (t *tape) release() {
	t.mu.Lock()
	t.held = false
	shut := t.reel.closed && !t.shut
	t.shut = t.shut || shut
	busy := t.reading != nil
	t.mu.Unlock()
	switch {
	case shut && busy: // some, as a server's own, are closed no sooner than they are read
		go func() { _ = t.src.Close() }()
	case shut:
		_ = t.src.Close()
	}
}
