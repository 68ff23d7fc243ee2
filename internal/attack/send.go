package attack

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer's body, in bytes.
	maxAnswer = 256 << 10
	// secondWait is how long a second answer is waited for where there may be
	// one.
	secondWait = 50 * time.Millisecond
)

// answer is what came back on a connection. Status zero: nothing that is HTTP.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Second is the status of another answer on the same connection.
	Second int
	Took   time.Duration
}

// sender sends bytes as they are.
type sender struct {
	address string
	tls     *tls.Config // nil: plain
	timeout time.Duration
}

// send writes a request and reads the answers to it. A connection that ends or
// stays silent is an answer with status zero; the error says that there is no
// connection.
func (s *sender) send(ctx context.Context, request []byte, second bool) (a answer, err error) { //nolint:revive // one more answer is read, or not
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return a, err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	// A server that refuses early does not read all: what it says counts.
	_, _ = conn.Write(request)
	r := bufio.NewReader(conn)
	a.read(r, request)
	a.Took = time.Since(began)
	if second && a.Status != 0 {
		_ = conn.SetReadDeadline(time.Now().Add(secondWait))
		var b answer
		b.read(r, nil)
		a.Second = b.Status
	}
	return a, nil
}

func (s *sender) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if s.tls == nil {
		return d.DialContext(ctx, "tcp", s.address)
	}
	return (&tls.Dialer{NetDialer: &d, Config: s.tls}).DialContext(ctx, "tcp", s.address)
}

// read reads one answer; informational ones before it do not count.
func (a *answer) read(r *bufio.Reader, request []byte) {
	method, _, _ := bytes.Cut(request, []byte(" "))
	for range 8 {
		res, err := http.ReadResponse(r, &http.Request{Method: string(method)})
		if err != nil {
			return
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		a.Status, a.Header = res.StatusCode, res.Header
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || len(body) > 0 {
			a.Body = body
		}
		_ = res.Body.Close()
		return
	}
}
