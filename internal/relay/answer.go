package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"
	"time"
)

// discardUpTo is how much of a refused answer's body is read so that its
// connection can be used again, in bytes.
const discardUpTo = 64 << 10

// buffers are what bodies are copied with.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

func getBuffer() *[]byte {
	if b, ok := buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 32<<10)
	return &b
}

func putBuffer(b *[]byte) { buffers.Put(b) }

// answer is the head of an answer, with its body to be read.
type answer struct {
	status  int
	fields  []field
	named   []string // names that the answer's Connection lists
	framing framing
	head    bool // no body follows, whatever the head says

	conn *conn // nil: over a Transport
	res  *http.Response
}

func newAnswer(c *conn, o *outgoing, status int) (*answer, error) {
	f, err := c.head.framing(o.method, status)
	if err != nil {
		return nil, err
	}
	if status == http.StatusSwitchingProtocols && o.upgrade == "" {
		return nil, malformed("101 that nobody asked for")
	}
	return &answer{
		status: status, fields: c.head.fields, named: f.named, framing: f, conn: c,
		head: f.length == 0,
	}, nil
}

// values returns the values of a field.
func (a *answer) values(name string) []string {
	var all []string
	for _, f := range a.fields {
		if f.name == name {
			all = append(all, f.value)
		}
	}
	return all
}

// body returns what reads the body.
func (a *answer) body() io.Reader {
	switch {
	case a.res != nil:
		return a.res.Body
	case a.framing.chunked:
		return httputil.NewChunkedReader(a.conn.r)
	case a.framing.length >= 0:
		return io.LimitReader(a.conn.r, a.framing.length)
	}
	return a.conn.r
}

// copyHead fills the answer to the caller.
func (a *answer) copyHead(to http.Header) {
	values := make([]string, 0, len(a.fields))
	for _, f := range a.fields {
		if hopByHop(f.name) || len(a.named) > 0 && slices.Contains(a.named, f.name) {
			continue
		}
		if have, twice := to[f.name]; twice {
			to[f.name] = append(have, f.value)
			continue
		}
		values = append(values, f.value)
		to[f.name] = values[len(values)-1 : len(values) : len(values)]
	}
	if _, ok := to["Content-Type"]; !ok {
		to["Content-Type"] = nil // or net/http would guess one
	}
	if a.framing.chunked {
		delete(to, "Content-Length")
	}
}

// deliver writes the answer to w. What of it has not come yet ends with ctx.
func (a *answer) deliver(ctx context.Context, w http.ResponseWriter) error {
	a.copyHead(w.Header())
	a.announce(w.Header())
	w.WriteHeader(a.status)
	ok := false
	defer func() {
		a.finish(ok)
		if !ok {
			panic(http.ErrAbortHandler)
		}
	}()
	if a.head && a.res == nil {
		ok = true
		return nil
	}
	if a.conn != nil && !a.framing.chunked && a.framing.length >= 0 && int64(a.conn.r.Buffered()) >= a.framing.length {
		whole, err := a.conn.r.Peek(int(a.framing.length))
		if err != nil {
			return err
		}
		if _, err := w.Write(whole); err != nil {
			return err
		}
		_, err = a.conn.r.Discard(len(whole))
		ok = err == nil
		return err
	}
	if a.conn != nil {
		a.conn.follow(ctx)
		a.conn.waitLong()
	}
	if ok = a.copyBody(w); ok {
		ok = a.copyTrailers(w)
	}
	return nil
}

// copyBody copies the body, and hands on at once what came without a length:
// an event stream must not wait for a buffer to fill.
func (a *answer) copyBody(w http.ResponseWriter) bool {
	src, buffer := a.body(), getBuffer()
	defer putBuffer(buffer)
	flush := a.framing.length < 0
	rc := http.NewResponseController(w)
	if flush {
		_ = rc.Flush() // the head
	}
	left := a.framing.length
	for {
		n, err := src.Read(*buffer)
		if n > 0 {
			if _, err := w.Write((*buffer)[:n]); err != nil {
				return false
			}
			if flush && rc.Flush() != nil {
				return false
			}
			left -= int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return a.framing.length < 0 || a.res != nil || left == 0
		case err != nil:
			return false
		}
	}
}

// announce names the trailers that will come, where that is known before.
func (a *answer) announce(to http.Header) {
	if a.res == nil {
		for _, v := range a.values("Trailer") {
			to.Add("Trailer", v)
		}
		return
	}
	for name := range a.res.Trailer {
		to.Add("Trailer", name)
	}
}

// copyTrailers passes on what comes after the body.
func (a *answer) copyTrailers(w http.ResponseWriter) bool {
	to := w.Header()
	if a.res != nil {
		for name, values := range a.res.Trailer {
			for _, v := range values {
				to.Add(http.TrailerPrefix+name, v)
			}
		}
		return true
	}
	if !a.framing.chunked {
		return true
	}
	raw, err := readLines(a.conn.r, nil)
	if err != nil {
		return false
	}
	fields, err := parseFields(nil, string(raw))
	for _, f := range fields {
		if !forbiddenTrailer(f.name) {
			to.Add(http.TrailerPrefix+f.name, f.value)
		}
	}
	return err == nil
}

// discard ends an answer that nobody reads.
func (a *answer) discard() {
	if a.res != nil {
		_, _ = io.CopyN(io.Discard, a.res.Body, discardUpTo)
		_ = a.res.Body.Close()
		return
	}
	whole := a.framing.length >= 0 && a.framing.length <= discardUpTo
	if whole {
		a.conn.wait(time.Second)
		_, err := io.CopyN(io.Discard, a.conn.r, a.framing.length)
		whole = err == nil
	}
	a.finish(whole)
}

// finish gives the connection back, or ends it where the answer was not read
// to its end or the request not sent to its end.
func (a *answer) finish(whole bool) { //nolint:revive // says what happened
	if a.res != nil {
		_ = a.res.Body.Close()
		return
	}
	c := a.conn
	running := c.unfollow() // false: the caller is gone and the deadline in the past
	if !running || !whole || a.framing.close || c.r.Buffered() > 0 || !c.bodySent() {
		c.drop()
		return
	}
	c.pool.put(c)
}

// bodySent reports whether the request's body went out whole.
func (c *conn) bodySent() bool {
	if c.sent == nil {
		return true
	}
	select {
	case <-c.sent:
		return c.lost == nil
	default:
		return false
	}
}
