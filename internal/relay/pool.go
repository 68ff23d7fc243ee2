package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// readBuffer is what is read of an answer at once, in bytes.
const readBuffer = 8 << 10

// checkAfter is how long a connection may have been idle before it is looked at
// again: an answer that came without a request must not become that of the next.
const checkAfter = 100 * time.Millisecond

// pool keeps connections to one server, the one used last on top.
type pool struct {
	addr    string
	dialer  *net.Dialer
	tls     *tls.Config // nil: plain
	timeout time.Duration
	maxIdle int
	maxAge  time.Duration

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(c Config, dialer *net.Dialer) *pool {
	p := &pool{
		dialer: dialer, timeout: dialer.Timeout,
		maxIdle: or(c.MaxIdle, defaultMaxIdle), maxAge: or(c.IdleTimeout, defaultIdle),
	}
	port := c.URL.Port()
	if c.URL.Scheme == "https" {
		p.tls = tlsConfig(c)
		p.tls.NextProtos = []string{"http/1.1"}
		port = or(port, "443")
	}
	p.addr = net.JoinHostPort(c.URL.Hostname(), or(port, "80"))
	return p
}

func tlsConfig(c Config) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS != nil {
		t = c.TLS.Clone()
	}
	t.ServerName = or(t.ServerName, c.URL.Hostname())
	return t
}

// get returns an idle connection or a new one. Repeatable says that the request
// can be sent again, so that a connection that was closed meanwhile costs only
// time; without it every idle one is looked at first.
func (p *pool) get(ctx context.Context, repeatable bool) (*conn, error) { //nolint:revive // a fact of the request
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return p.dial(ctx)
		}
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		now := time.Now()
		idle := now.Sub(c.since)
		if idle > p.maxAge || (idle > checkAfter || !repeatable) && c.readable() {
			c.drop()
			continue
		}
		c.reused = true
		return c, nil
	}
}

func (p *pool) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	raw, err := p.dialer.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, raw: raw, pool: p}
	if p.tls != nil {
		t := tls.Client(raw, p.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		c.Conn = t
	}
	c.r = bufio.NewReaderSize(c.Conn, readBuffer)
	return c, nil
}

// put takes a connection back whose answer was read to its end.
func (p *pool) put(c *conn) {
	c.since = time.Now()
	p.mu.Lock()
	if p.closed || len(p.idle) >= p.maxIdle {
		p.mu.Unlock()
		c.drop()
		return
	}
	p.idle = append(p.idle, c)
	var old *conn
	if c.since.Sub(p.idle[0].since) > p.maxAge { // the bottom of the stack is the oldest
		old = p.idle[0]
		p.idle = append(p.idle[:0], p.idle[1:]...)
	}
	p.mu.Unlock()
	if old != nil {
		old.drop()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.drop()
	}
}

// readable reports whether an idle connection has something to read: its end,
// or bytes that nobody asked for.
func (c *conn) readable() bool {
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	if err := raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	}); err != nil {
		return true
	}
	return !quiet
}
