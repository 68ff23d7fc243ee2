package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// pipes is a listener whose connections are pipes within the process.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return loopback{c}, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return here() }

func here() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000} }

// loopback is a pipe that says that it comes from this machine.
type loopback struct{ net.Conn }

// RemoteAddr implements net.Conn.
func (loopback) RemoteAddr() net.Addr { return here() }

// side is a server that answers on pipes.
type side struct {
	pipes *pipes
	ended chan error
}

func serve(do func(net.Listener) error) *side {
	s := &side{pipes: newPipes(), ended: make(chan error, 1)}
	go func() { s.ended <- do(s.pipes) }()
	return s
}

// close stops the server.
func (s *side) close() error {
	_ = s.pipes.Close() // it never fails
	if err := <-s.ended; !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// client sends one request again and again.
type client struct {
	net.Conn
	answer [16 << 10]byte
}

// dial returns a client on a new connection.
func (s *side) dial() *client {
	ours, theirs := net.Pipe()
	s.pipes.conns <- theirs
	return &client{Conn: ours}
}

// ask sends a request and returns the answer, which must be a 200 and is valid
// until the next call. Servers write short answers at once.
func (c *client) ask(request []byte) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	n, err := c.Read(c.answer[:])
	if err != nil {
		return nil, err
	}
	got := c.answer[:n]
	if !bytes.HasPrefix(got, []byte("HTTP/1.1 200 ")) {
		return nil, fmt.Errorf("the answer is %.300q", got)
	}
	_, body, _ := bytes.Cut(got, []byte("\r\n\r\n"))
	return body, nil
}
