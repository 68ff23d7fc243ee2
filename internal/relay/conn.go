package relay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// deadlineSlack is by how much later than promised a wait may end: the
	// deadline of a busy connection is then set once a second.
	deadlineSlack = time.Second
	// quickAnswer is how long an answer may take before the end of the caller's
	// connection is to end the wait for it: to listen for that end costs more
	// than all else that is done for an answer that comes at once.
	quickAnswer = 100 * time.Millisecond
	// quickSlack is by how much later that may be; see deadlineSlack.
	quickSlack = 100 * time.Millisecond
	// quickHead is what can be written without waiting for the server to read
	// on, in bytes: less than the smallest buffer of a socket.
	quickHead = 4 << 10
	// continueWait is how long a server may take to say 100 (Continue) before
	// the body is sent without.
	continueWait = time.Second
	// maxWriteBuffer is what a connection keeps of its buffer, in bytes.
	maxWriteBuffer = 64 << 10
)

// errNoAnswer marks that the connection broke before a byte of an answer.
var errNoAnswer = errors.New("the server closed the connection without an answer")

// conn is a connection to the upstream, for one request at a time.
type conn struct {
	net.Conn
	raw    net.Conn // below TLS
	pool   *pool
	r      *bufio.Reader
	out    []byte
	head   head
	since  time.Time // when it became idle
	until  time.Time // read deadline; zero: none
	reused bool
	stop   func() bool // ends follow; nil: nobody listens
	ended  atomic.Bool // follow has ended what is under way
	// sent is closed when the body that is being sent is, or could not be.
	sent chan struct{}
	lost error // why not; valid after sent

	mu       sync.Mutex
	answered bool // the head of the answer is there; under mu
}

func (c *conn) drop() { _ = c.Close() }

// wait sets the read deadline to within d from now, or d and a second.
func (c *conn) wait(d time.Duration) { c.waitWithin(d, deadlineSlack) }

func (c *conn) waitWithin(d, slack time.Duration) {
	now := time.Now()
	if left := c.until.Sub(now); left < d || left > d+slack {
		c.until = now.Add(d + slack)
		_ = c.SetReadDeadline(c.until)
	}
}

// waitLong lifts the read deadline.
func (c *conn) waitLong() {
	if !c.until.IsZero() {
		c.until = time.Time{}
		_ = c.SetReadDeadline(c.until)
	}
}

// longAgo is a deadline that ends what is under way.
var longAgo = time.Unix(1, 0)

// follow has the end of ctx end whatever is under way on the connection.
func (c *conn) follow(ctx context.Context) {
	if c.stop == nil {
		c.stop = context.AfterFunc(ctx, func() {
			c.ended.Store(true)
			_ = c.SetDeadline(longAgo)
		})
	}
}

// SetReadDeadline implements net.Conn. No deadline that comes later than the end
// of what is followed puts it off.
func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if c.ended.Load() {
		err = c.SetDeadline(longAgo)
	}
	return err
}

// unfollow ends follow. It reports whether the connection can still be used.
func (c *conn) unfollow() bool {
	stop := c.stop
	c.stop = nil
	return stop == nil || stop()
}

// exchange sends o and reads the head of the answer. Informational answers go
// to w on the way.
func (c *conn) exchange(ctx context.Context, w http.ResponseWriter, o *outgoing, timeout time.Duration) (*answer, error) {
	c.sent, c.lost, c.answered = nil, nil, false
	a, err := c.try(ctx, w, o, timeout)
	if err != nil {
		c.unfollow()
		c.drop()                                            // ends the sending of a body too
		if ctx.Err() != nil && !errors.Is(err, errCaller) { // whose connection's end ends the context too
			err = ctx.Err()
		}
		return nil, err
	}
	return a, nil
}

func (c *conn) try(ctx context.Context, w http.ResponseWriter, o *outgoing, timeout time.Duration) (*answer, error) {
	c.out = o.appendHead(c.out[:0])
	quick := o.body == nil && len(c.out) <= quickHead && !endsSoon(ctx)
	if !quick {
		c.follow(ctx)
	}
	begin, err := c.begin(w, o, timeout)
	if err != nil {
		return nil, err
	}
	if cap(c.out) > maxWriteBuffer {
		c.out = nil
	}
	if !quick || !c.answersAtOnce() {
		c.await(ctx, timeout)
	}
	for {
		status := begin
		if status == 0 {
			if status, err = c.head.read(c.r); err != nil {
				return nil, c.explain(err)
			}
		}
		begin = 0
		if status >= 200 || status == http.StatusSwitchingProtocols {
			c.isAnswered()
			return newAnswer(c, o, status)
		}
		if status != http.StatusContinue {
			c.head.inform(w, status)
		}
		c.await(ctx, timeout)
	}
}

// await prepares for a longer wait for an answer. While a body is being sent,
// the end of that begins it.
func (c *conn) await(ctx context.Context, timeout time.Duration) {
	if c.sent == nil {
		c.follow(ctx)
		c.wait(timeout)
	}
}

// answersAtOnce reports whether the whole head of an answer is there before
// long, or the connection broke, so that reading it waits for nothing.
func (c *conn) answersAtOnce() bool {
	c.waitWithin(quickAnswer, quickSlack)
	if _, err := c.r.Peek(1); err != nil {
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	there, err := c.r.Peek(c.r.Buffered())
	return err == nil && bytes.Contains(there, endOfHead)
}

// endsSoon reports whether ctx may end before a quick answer is given up.
func endsSoon(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < quickAnswer+quickSlack
}

// endOfHead is the empty line after the fields.
var endOfHead = []byte("\r\n\r\n")

// isAnswered lifts the deadline that the end of a body has set or would set.
func (c *conn) isAnswered() {
	if c.sent == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = true
	c.until = time.Time{}
	_ = c.SetReadDeadline(c.until)
}

// isSent begins the wait for an answer when a body is sent: an upload takes as
// long as it takes.
func (c *conn) isSent(timeout time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answered {
		_ = c.SetReadDeadline(time.Now().Add(timeout))
	}
}

// explain prefers what went wrong with sending to what it led to.
func (c *conn) explain(err error) error {
	if c.sent != nil {
		select {
		case <-c.sent:
			if c.lost != nil && errors.Is(c.lost, errCaller) {
				return c.lost
			}
		default:
		}
	}
	return err
}

// begin sends the head and the body, or has the body sent beside. It returns
// the status of an answer that came before the body.
func (c *conn) begin(w http.ResponseWriter, o *outgoing, timeout time.Duration) (status int, err error) {
	if o.body == nil {
		return 0, c.write(c.out)
	}
	if o.expect {
		if err := c.write(c.out); err != nil {
			return 0, err
		}
		if status, err = c.awaitContinue(w); err != nil || status != 0 {
			return status, err
		}
		c.out = c.out[:0]
	} else if small, err := o.body.small(); err != nil {
		return 0, err
	} else if small {
		c.out = append(c.out, o.body.kept...)
		return 0, c.write(c.out)
	}
	if err := c.write(c.out); err != nil {
		return 0, err
	}
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 is so anyway
	r := o.body.reader()
	c.waitLong()
	sent := make(chan struct{})
	c.sent = sent
	go func() { // ends with the connection, which exchange and deliver see to
		err := c.copyBody(o, r)
		if c.lost = err; err == nil {
			c.isSent(timeout)
		}
		close(sent) // before the connection breaks, so that whoever waits for the answer learns why
		if err != nil {
			c.cut() // a message without its end, or the server would believe it whole
		}
	}()
	return 0, nil
}

// awaitContinue waits until the server asks for the body or answers without it.
func (c *conn) awaitContinue(w http.ResponseWriter) (status int, err error) {
	c.until = time.Now().Add(continueWait)
	_ = c.SetReadDeadline(c.until)
	defer c.waitLong()
	for {
		status, err := c.head.read(c.r)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, nil
		case err != nil:
			return 0, err
		case status == http.StatusContinue:
			return 0, nil
		case status >= 200 || status == http.StatusSwitchingProtocols:
			return status, nil
		}
		c.head.inform(w, status)
	}
}

func (c *conn) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := c.Write(b); err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return nil
}

// copyBody sends a body whose length is not known or not small.
func (c *conn) copyBody(o *outgoing, r io.Reader) error {
	buffer := getBuffer()
	defer putBuffer(buffer)
	if o.body.length >= 0 {
		n, err := io.CopyBuffer(struct{ io.Writer }{c.Conn}, io.LimitReader(r, o.body.length), *buffer)
		if err == nil && n < o.body.length {
			err = callerError(io.ErrUnexpectedEOF)
		}
		return err
	}
	chunks := httputil.NewChunkedWriter(c.Conn)
	for {
		n, err := r.Read(*buffer)
		if n > 0 {
			if _, werr := chunks.Write((*buffer)[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return c.endChunks(o)
		case err != nil:
			return callerError(err)
		}
	}
}

// endChunks writes the last chunk and the trailers (RFC 9112 §7.1.2).
func (c *conn) endChunks(o *outgoing) error {
	end := []byte("0\r\n")
	for name, values := range o.trailer {
		if forbiddenTrailer(name) {
			continue
		}
		for _, v := range values {
			end = appendField(end, name, v)
		}
	}
	_, err := c.Write(append(end, "\r\n"...))
	return err
}

// cut ends the connection: what was sent on it has no end.
func (c *conn) cut() { _ = c.Close() }
