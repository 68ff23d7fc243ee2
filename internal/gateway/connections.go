package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/limit"
)

// Limits are what callers may take together and each address alone, before it
// is known who they are. Less than zero is no limit.
type Limits struct {
	Connections        int  // that are open at a time at one listener
	AddressConnections int  // of one address; trusted proxies and fronts may have any number
	AddressFailures    Rate // of tokens that are not accepted, of one address
}

// Reasons why a connection is refused, in the metrics.
const (
	tooManyConnections = "all"
	tooManyOfAddress   = "address"
)

// connections bounds how many connections of a listener are open at a time: one
// past the limits is closed before a byte of it is read. It is the listener.
type connections struct {
	net.Listener

	g      *Gateway
	name   string
	exempt func(*live, netip.Addr) bool // from the limit of an address

	mu   sync.Mutex
	open int
	from map[netip.Addr]int // by limit.Network
	told time.Time          // when the log last heard of it
}

// Accept implements net.Listener.
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil // of no address
		}
		addr := peerAddress(tcp.RemoteAddr().String())
		from := limit.Network(addr)
		if why := c.take(addr, from); why != "" {
			c.refuse(tcp, addr, why)
			continue
		}
		return &counted{TCPConn: tcp, release: sync.OnceFunc(func() { c.release(from) })}, nil
	}
}

// take counts a connection, or says why not.
func (c *connections) take(addr, from netip.Addr) string {
	l := c.g.live.Load()
	limits := &l.config.Limits
	exempt := c.exempt(l, addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case limits.Connections > 0 && c.open >= limits.Connections:
		return tooManyConnections
	case limits.AddressConnections > 0 && !exempt && c.from[from] >= limits.AddressConnections:
		return tooManyOfAddress
	}
	c.open++
	c.from[from]++
	return ""
}

func (c *connections) release(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.from[from]--; c.from[from] == 0 {
		delete(c.from, from)
	}
}

// refuse closes a connection so that nothing of it is left, here or with the
// caller.
func (c *connections) refuse(conn *net.TCPConn, addr netip.Addr, why string) {
	_ = conn.SetLinger(0) // it is closed in any case
	_ = conn.Close()
	c.g.metrics.ConnectionRefused(why)
	c.mu.Lock()
	quiet := time.Since(c.told) < time.Minute
	if !quiet {
		c.told = time.Now()
	}
	c.mu.Unlock()
	if !quiet {
		c.g.log.LogAttrs(context.Background(), slog.LevelWarn, "connections are refused, and no more is said of it for a minute",
			slog.String("listener", c.name), slog.String("limit", why), slog.String("remote_ip", addr.String()))
	}
}

// len returns how many are open.
func (c *connections) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// counted is a connection that is counted until it is closed.
type counted struct {
	*net.TCPConn

	release func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.release()
	return c.TCPConn.Close()
}
