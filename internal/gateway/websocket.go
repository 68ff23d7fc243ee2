package gateway

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// frameConn is the caller's connection of a WebSocket, as the backend's side
// writes to it. It follows the frames, so that a close frame of our own can be
// put between two of them when the token ends (RFC 6455 §5.5.1).
type frameConn struct {
	net.Conn

	bound time.Duration // for a part of what is written

	mu     sync.Mutex
	opened bool // the answer 101 was written
	marks  frameMarks
	ending *oauth.Error
	closed bool // the close frame was written
}

// policyViolation is the status code of the close frame (RFC 6455 §7.4.1): of
// those that a library lets its users see, the one for a connection that is not
// allowed to go on.
const policyViolation = 1008

// Write implements net.Conn. What comes after the close frame is dropped: the
// backend learns of the end when the connection is closed.
func (c *frameConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return len(p), nil
	}
	if !c.opened { // the header of the answer comes in one piece
		c.opened = true
		n, err := c.Conn.Write(p)
		c.closeIfEnding()
		return n, err
	}
	out := p
	if c.ending != nil {
		out = p[:c.marks.next(p)]
	}
	c.marks.pass(out)
	if err := c.SetWriteDeadline(time.Now().Add(c.bound)); err != nil {
		return 0, err
	}
	if n, err := c.Conn.Write(out); err != nil {
		return n, err
	}
	c.closeIfEnding()
	return len(p), nil
}

// end closes the WebSocket at the end of the frame that is under way.
func (c *frameConn) end(why *oauth.Error) {
	time.AfterFunc(endGrace+lingering, func() { _ = c.Close() }) // whatever the caller does: a Write may hold the lock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = why
	if c.opened {
		c.closeIfEnding()
	}
}

// closeIfEnding writes the close frame between two frames.
func (c *frameConn) closeIfEnding() {
	if c.ending == nil || c.closed || !c.marks.at() {
		return
	}
	c.closed = true
	reason := c.ending.Reason
	frame := []byte{0x88, byte(2 + len(reason))} //nolint:gosec // FIN and close; reason codes are short
	frame = binary.BigEndian.AppendUint16(frame, policyViolation)
	_ = c.SetWriteDeadline(time.Now().Add(lingering))
	_, _ = c.Conn.Write(append(frame, reason...)) // the caller may be gone
	_ = c.SetReadDeadline(time.Now().Add(lingering))
}

// CloseWrite ends the half towards the caller.
func (c *frameConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("the connection has no halves")
	}
	return half.CloseWrite()
}

// frameMarks follows the frames of a WebSocket (RFC 6455 §5.2).
type frameMarks struct {
	head [14]byte
	have int
	left uint64 // of the payload
}

// need returns how long the head is, as far as what there is says.
func (m *frameMarks) need() int {
	if m.have < 2 {
		return 2
	}
	n := 2
	switch m.head[1] & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if m.head[1]&0x80 != 0 {
		n += 4 // the mask
	}
	return n
}

func (m *frameMarks) length() uint64 {
	switch n := m.head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(m.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(m.head[2:])
	default:
		return uint64(n)
	}
}

func (m *frameMarks) pass(p []byte) {
	for len(p) > 0 {
		if m.left > 0 {
			n := min(m.left, uint64(len(p)))
			m.left -= n
			p = p[n:]
			continue
		}
		n := copy(m.head[m.have:m.need()], p)
		m.have += n
		p = p[n:]
		if m.have >= 2 && m.have == m.need() {
			m.have, m.left = 0, m.length()
		}
	}
}

func (m *frameMarks) at() bool { return m.left == 0 && m.have == 0 }

// next returns how much of p ends the frame that is under way, len(p) where all
// of it does not.
func (m *frameMarks) next(p []byte) int {
	if m.at() {
		return 0
	}
	look := *m
	for i := 0; i < len(p); {
		n := 1
		if look.left > 0 {
			n = int(min(look.left, uint64(len(p)-i))) //nolint:gosec // at most len(p)
		}
		look.pass(p[i : i+n])
		if i += n; look.at() {
			return i
		}
	}
	return len(p)
}
