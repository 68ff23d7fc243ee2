package consume

import (
	"errors"
	"io"
	"net/http"
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
	t := &tape{src: r.Body, most: most, held: true}
	r.Body = &reel{tape: t}
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
type tape struct {
	mu     sync.Mutex
	src    io.ReadCloser
	most   int64
	kept   []byte
	err    error // of src, once it has ended
	lost   bool  // kept is not all that was read
	held   bool  // src stays open when its first reader closes it
	closed bool  // its first reader has
	reel   int   // which reader counts
}

// reel is one reader of a tape.
type reel struct {
	tape *tape
	nth  int
	at   int
}

func (r *reel) Read(p []byte) (int, error) {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.nth != t.reel:
		return 0, errReplayed
	case r.at < len(t.kept):
		n := copy(p, t.kept[r.at:])
		r.at += n
		return n, nil
	case t.err != nil:
		return 0, t.err
	}
	n, err := t.src.Read(p)
	t.err = err
	switch {
	case !t.held: // nobody will ask for it again
		t.kept = nil
		r.at = 0
	case int64(len(t.kept)+n) > t.most:
		t.lost, t.kept, r.at = true, nil, 0
		t.held = false
	default:
		t.kept = append(t.kept, p[:n]...)
		r.at += n
	}
	return n, err
}

func (r *reel) Close() error {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.nth != t.reel {
		return nil
	}
	t.closed = true
	if t.held {
		return nil
	}
	return t.src.Close()
}

// again returns a reader from the start. Whoever reads the first one gets an
// error from now on.
func (t *tape) again() (io.ReadCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost {
		return nil, errTooLong
	}
	t.reel++
	t.held = false
	return &reel{tape: t, nth: t.reel}, nil
}

// release closes the source if its first reader has, or lets it do so.
func (t *tape) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reel > 0 {
		return
	}
	t.held = false
	if t.closed {
		_ = t.src.Close()
	}
}
