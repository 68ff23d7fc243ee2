package sqlstore

import (
	"context"
	"database/sql"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgConns are the connections that a process has. The zero value has none.
type pgConns struct {
	mu    sync.Mutex
	conns map[*impatientConn]bool
	ended bool // nothing is waited for any more
}

// pool returns a pool of at most size connections, which wait so long for an
// answer.
func (p *pgConns) pool(conf *pgx.ConnConfig, size int, wait time.Duration) *sql.DB {
	conf = conf.Copy()
	dial := conf.DialFunc
	conf.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return p.hold(&impatientConn{Conn: c, wait: wait, all: p})
	}
	db := stdlib.OpenDB(*conf)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(idleFor)
	db.SetConnMaxLifetime(connLife)
	return db
}

// hold keeps a connection until it is closed.
func (p *pgConns) hold(c *impatientConn) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		_ = c.Conn.Close()
		return nil, net.ErrClosed
	}
	if p.conns == nil {
		p.conns = map[*impatientConn]bool{}
	}
	p.conns[c] = true
	return c, nil
}

// giveUp ends all connections, and what waits for an answer on them.
func (p *pgConns) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for c := range p.conns {
		_ = c.Conn.Close()
	}
}

// impatientConn gives up on a server that does not answer. Nothing is read
// while a connection is idle.
type impatientConn struct {
	net.Conn
	wait time.Duration
	all  *pgConns

	mu sync.Mutex
	// bounded is set while somebody else bounds what is waited for: a caller whose
	// patience ended a moment ago must not be made to wait by the next read.
	bounded bool
}

func (c *impatientConn) Read(b []byte) (int, error) {
	if err := c.expect(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *impatientConn) expect() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bounded {
		return nil
	}
	return c.Conn.SetReadDeadline(time.Now().Add(c.wait))
}

// SetDeadline implements net.Conn.
func (c *impatientConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounded = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *impatientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounded = !t.IsZero()
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *impatientConn) Close() error {
	c.all.mu.Lock()
	delete(c.all.conns, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}
