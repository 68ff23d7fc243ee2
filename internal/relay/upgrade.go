package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// switchOver hands both connections to the protocol that both sides agreed on,
// and returns when one of them has ended.
func (u *Upstream) switchOver(w http.ResponseWriter, o *outgoing, a *answer) error {
	c := a.conn
	defer c.drop()
	if !strings.EqualFold(first(a.values("Upgrade")), o.upgrade) {
		c.unfollow()
		return &Error{Status: http.StatusBadGateway, Cause: malformed("it switches to another protocol than was asked for")}
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		c.unfollow()
		return &Error{Status: http.StatusBadGateway, Cause: fmt.Errorf("the caller's connection cannot switch protocols: %w", err)}
	}
	defer func() { _ = client.Close() }()
	if !c.unfollow() {
		return nil // the caller is gone
	}
	c.waitLong()
	_ = client.SetDeadline(time.Time{})
	head := []byte("HTTP/1.1 101 Switching Protocols\r\n")
	for _, f := range a.fields {
		if !hopByHop(f.name) {
			head = appendField(head, f.name, f.value)
		}
	}
	head = appendField(head, "Connection", "Upgrade")
	head = append(appendField(head, "Upgrade", o.upgrade), "\r\n"...)
	if _, err := client.Write(head); err != nil {
		return nil
	}
	tunnel(client, buffered.Reader, c)
	return nil
}

// tunnel copies both ways. When one side has ended its half, the other may
// finish what it says; when one breaks, both end.
func tunnel(client net.Conn, fromClient *bufio.Reader, c *conn) {
	up := make(chan error, 1)
	go func() {
		err := pump(c.Conn, fromClient)
		if err != nil {
			_ = client.Close()
			c.drop()
		}
		up <- err
	}()
	if err := pump(client, c.r); err != nil {
		_ = client.Close()
		c.drop()
	}
	<-up
}

// pump copies until src ends, and then ends dst's half.
func pump(dst net.Conn, src io.Reader) error {
	b := getBuffer()
	defer putBuffer(b)
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, *b)
	if err != nil {
		return err
	}
	half, ok := dst.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("the connection has no halves")
	}
	return half.CloseWrite()
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
