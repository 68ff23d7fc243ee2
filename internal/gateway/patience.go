package gateway

import (
	"net/http"
	"sync"
	"time"
)

// patience bounds how long a caller may take to read a part of an answer. Over
// HTTP/1.1 that is the time for writing of its connection. Over HTTP/2 many
// answers share one, and what holds an answer back is the caller's flow control:
// a timer runs while something is being written, and ends that answer alone.
//
// Its lock is not the answer's, which a Write holds for as long as the caller
// does not read.
type patience struct {
	control *http.ResponseController
	bound   time.Duration

	mu      sync.Mutex
	shared  bool        // others are on the same connection: HTTP/2
	since   time.Time   // when the time for writing was last set; HTTP/1.1
	timer   *time.Timer // runs during a write; HTTP/2
	settled bool        // nothing changes it any more
}

// begin is the start of a request.
func (p *patience) begin(control *http.ResponseController, bound time.Duration, shared bool) { //nolint:revive // a fact of the protocol
	p.control, p.bound, p.shared = control, bound, shared
	if !shared {
		p.since = time.Now()
		_ = control.SetWriteDeadline(p.since.Add(bound)) // net/http can
	}
}

// write gives the caller the whole time from now on, for what is about to be
// written.
func (p *patience) write() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.settled:
	case p.shared && p.timer == nil:
		p.timer = time.AfterFunc(p.bound, p.cut)
	case p.shared:
		p.timer.Reset(p.bound)
	default:
		if now := time.Now(); now.Sub(p.since) > min(time.Second, p.bound/8) {
			p.since = now
			_ = p.control.SetWriteDeadline(now.Add(p.bound)) // it could before
		}
	}
}

// wrote says that it is written: a backend may now be silent for as long as it
// wants.
func (p *patience) wrote() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// cut ends an answer of HTTP/2 that waits for its caller.
func (p *patience) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settled {
		p.settled = true
		_ = p.control.SetWriteDeadline(time.Unix(1, 0)) // HTTP/2 resets the stream
	}
}

// settle gives the caller the last time for reading: nothing that is written
// takes longer, whatever the caller does.
func (p *patience) settle(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settled {
		p.settled = true
		_ = p.control.SetWriteDeadline(time.Now().Add(d)) // HTTP/1.1 and 2 can
	}
}

// leave says that the handler is about to return. What is still to be written
// has the time that it would have had before.
func (p *patience) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil && !p.settled {
		p.timer.Stop()
		_ = p.control.SetWriteDeadline(time.Now().Add(p.bound)) // it could before
	}
	p.settled = true
}
