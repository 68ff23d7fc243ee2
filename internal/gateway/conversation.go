package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// conversation is an HTTP/1.1 connection on which a front asks again and again.
// With the first question it is taken over from net/http, whose way to an answer
// without a body costs more than the answer: net/http's parser goes on reading
// the questions, and each answer is written in one piece.
type conversation struct {
	f       *forwardHandler
	conn    net.Conn
	remote  string // address and port of the front
	peer    netip.Addr
	limited *headReader
	in      *bufio.Reader
	out     []byte
	waits   atomic.Bool // for the next question

	until time.Time // the end of the time for reading that is set
	wrote time.Time // when the time for writing was last set
}

// converses reports whether the connection of a question is taken over.
func (f *forwardHandler) converses(r *http.Request, peer netip.Addr) bool {
	return r.ProtoMajor == 1 && r.ProtoMinor == 1 && !r.Close && r.Body == http.NoBody && isForwardPath(r.RequestURI) &&
		f.g.live.Load().front.lists(peer)
}

func isForwardPath(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	return path == forwardPath
}

// converse takes over the connection of the question r and stays until its end.
// It returns false where that cannot be done, and has done nothing then.
func (f *forwardHandler) converse(w http.ResponseWriter, r *http.Request, peer netip.Addr) bool {
	c := &conversation{f: f, peer: peer, remote: r.RemoteAddr}
	if !f.g.conversations.enter(c) {
		return false
	}
	defer f.g.conversations.leave(c)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // whatever is wrong with it, it is over
	f.g.conversations.open(c, conn)
	_ = conn.SetDeadline(time.Time{}) // net/http's own
	var from io.Reader = conn
	if n := rw.Reader.Buffered(); n > 0 {
		ahead, _ := rw.Peek(n) // it is there
		from = io.MultiReader(bytes.NewReader(bytes.Clone(ahead)), conn)
	}
	c.limited = &headReader{from: from}
	c.in = bufio.NewReader(c.limited)
	for r != nil && c.answer(r) {
		r = c.next()
	}
	return true
}

// next reads the next question, nil where there is none.
func (c *conversation) next() *http.Request {
	b := &c.f.g.live.Load().config.Bounds
	now := time.Now()
	if c.until.Sub(now) < b.IdleTimeout/8*7 { // not each time: it costs
		c.readBy(now.Add(b.IdleTimeout))
	}
	c.limited.left = b.Header + 4<<10 // as net/http has it
	c.waits.Store(true)
	if c.f.g.conversations.closing.Load() {
		return nil
	}
	_, err := c.in.Peek(1)
	c.waits.Store(false)
	if err != nil {
		return nil
	}
	if ahead, _ := c.in.Peek(c.in.Buffered()); !bytes.Contains(ahead, []byte("\r\n\r\n")) {
		c.readBy(time.Now().Add(b.HeaderTimeout))
		c.until = time.Time{}
	}
	r, err := http.ReadRequest(c.in)
	switch {
	case err == nil && r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 && r.Host != "":
		r.RemoteAddr = c.remote
		return r
	case errors.Is(err, errHeadTooLarge):
		c.giveUp(http.StatusRequestHeaderFieldsTooLarge)
	case err == nil, !isGone(err):
		c.giveUp(http.StatusBadRequest)
	}
	return nil
}

// isGone reports whether the front has left or says nothing more.
func isGone(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (c *conversation) readBy(t time.Time) {
	c.until = t
	_ = c.conn.SetReadDeadline(t) // a connection can
}

// giveUp answers what is no question, and is the last answer.
func (c *conversation) giveUp(status int) {
	c.out = appendStatus(c.out[:0], status)
	c.out = append(c.out, "Connection: close\r\nContent-Length: 0\r\n\r\n"...)
	_ = c.write(time.Now()) // it is the last in any case
}

func (c *conversation) write(now time.Time) error {
	bound := c.f.g.live.Load().config.Bounds.WriteTimeout
	if now.Sub(c.wrote) > min(time.Second, bound/8) { // not each time: it costs
		c.wrote = now
		_ = c.conn.SetWriteDeadline(now.Add(bound)) // a connection can
	}
	_, err := c.conn.Write(c.out)
	return err
}

// answer answers a question, and reports whether there may be another.
func (c *conversation) answer(r *http.Request) bool {
	if !isForwardPath(r.RequestURI) {
		c.giveUp(http.StatusMisdirectedRequest) // RFC 9110 §15.5.20: on another connection it is answered
		return false
	}
	keep := !r.Close && c.discard(r)
	a := c.f.g.ask(viaForward, c.peer)
	defer a.done()
	a.read(r, c.peer)
	var status, size int
	c.out, status, size = a.appendAnswer(c.out[:0], keep, r.Method == http.MethodHead)
	err := c.write(a.began)
	a.end(r.Context(), status, size)
	return keep && err == nil
}

// maxDiscarded is how much of a body that nobody wants is read, in bytes.
const maxDiscarded = 256 << 10

// discard reads the body of a question, which has none to speak of, and reports
// whether the connection can go on.
func (c *conversation) discard(r *http.Request) bool {
	if r.Body == http.NoBody {
		return true
	}
	if len(r.TransferEncoding) > 0 || r.Header.Get("Expect") != "" {
		return false // where it ends is not worth knowing
	}
	c.readBy(time.Now().Add(unwanted))
	c.until = time.Time{}
	c.limited.left = maxDiscarded + 4<<10
	_, err := io.CopyN(io.Discard, r.Body, maxDiscarded)
	return errors.Is(err, io.EOF)
}

// appendAnswer appends the whole answer as HTTP/1.1 has it, with nothing but the
// head for a question by HEAD. The size is that of the body.
func (a *asking) appendAnswer(b []byte, keep, head bool) (answer []byte, status, size int) { //nolint:revive // facts of the question
	status = http.StatusOK
	var body []byte
	if a.decided.Allow {
		b = append(b, "HTTP/1.1 200 OK\r\n"...)
		b = a.appendIdentity(b)
		b = appendLine(b, "X-Request-Id", a.trace)
		if warning := a.warning(); warning != "" {
			b = appendLine(b, "Mintage-Warning", warning)
		}
		b = append(b, "Cache-Control: no-store\r\n"...)
	} else {
		h := http.Header{}
		d := a.refusal(h)
		d.Header(h)
		h.Set("X-Request-Id", a.trace)
		body, status = d.Body(a.trace), a.decided.Status
		b = appendStatus(b, d.Status)
		var lines bytes.Buffer
		_ = h.Write(&lines) // into memory
		b = append(b, lines.Bytes()...)
	}
	if !keep {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "Date: "...)
	b = a.began.UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	if head {
		return b, status, 0
	}
	return append(b, body...), status, len(body)
}

// appendIdentity appends the identity headers, whose values are those of fields
// (isFieldValue).
func (a *asking) appendIdentity(b []byte) []byte {
	i := a.decided.identity
	if i == nil {
		for _, name := range a.live.front.identity {
			b = appendLine(b, name, "")
		}
		return b
	}
	own := a.decided.Set[len(i.set):] // the internal token
	for _, line := range i.answer {
		value := line.values[0]
		for _, f := range own {
			if http.CanonicalHeaderKey(f.Name) == line.name {
				value = f.Value
			}
		}
		b = appendLine(b, line.name, value)
	}
	return b
}

func appendLine(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func appendStatus(b []byte, status int) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	return append(b, "\r\n"...)
}

// headReader bounds what the head of one question may take.
type headReader struct {
	from io.Reader
	left int // bytes
}

var errHeadTooLarge = errors.New("the head of the question is too large")

// Read implements io.Reader.
func (h *headReader) Read(p []byte) (int, error) {
	if h.left <= 0 {
		return 0, errHeadTooLarge
	}
	n, err := h.from.Read(p[:min(len(p), h.left)])
	h.left -= n
	return n, err
}

// conversations are those that go on. The zero value is ready.
type conversations struct {
	closing atomic.Bool
	mu      sync.Mutex
	all     map[*conversation]bool
	running sync.WaitGroup
}

// enter notes one that begins; false: no more do.
func (s *conversations) enter(c *conversation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.all == nil {
		s.all = map[*conversation]bool{}
	}
	s.all[c] = true
	s.running.Add(1)
	return true
}

// open notes the connection of a conversation.
func (s *conversations) open(c *conversation, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.conn = conn
}

func (s *conversations) leave(c *conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c)
	s.running.Done()
}

// end lets answers under way finish and ends all, at the end of ctx at the
// latest.
func (s *conversations) end(ctx context.Context) {
	s.each(func(c *conversation) {
		if c.waits.Load() {
			_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // it waits no more
		}
	})
	over := make(chan struct{})
	go func() {
		s.running.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-ctx.Done():
		s.cut()
	}
}

// cut ends all, whatever is under way.
func (s *conversations) cut() { s.each(func(c *conversation) { _ = c.conn.Close() }) }

func (s *conversations) each(do func(*conversation)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for c := range s.all {
		if c.conn != nil {
			do(c)
		}
	}
}
