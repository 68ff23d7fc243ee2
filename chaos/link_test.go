package chaos_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// link is the way between one node and the database, which the test may cut or
// hold up in either direction. It is a socket of PostgreSQL's in a folder of its
// own.
type link struct {
	dir string
	to  string // socket of the database
	ln  net.Listener
	wg  sync.WaitGroup

	mu    sync.Mutex
	turn  *sync.Cond
	state linkState
	conns map[net.Conn]bool
}

// linkState is what becomes of what passes.
type linkState struct {
	cut  bool // connections end, and none begins
	up   bool // what the node says does not get through
	down bool // what the database says does not get through
	over bool // the test is over
	// each is how much later each message arrives, in either direction.
	each time.Duration
}

func newLink(t *testing.T, d *database) *link {
	t.Helper()
	dir, err := os.MkdirTemp("", "mintage-link-") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	l := &link{dir: dir, to: filepath.Join(d.dir, socket), conns: map[net.Conn]bool{}}
	l.turn = sync.NewCond(&l.mu)
	var lc net.ListenConfig
	if l.ln, err = lc.Listen(context.Background(), "unix", filepath.Join(dir, socket)); err != nil {
		t.Fatal(err)
	}
	l.wg.Go(l.serve)
	t.Cleanup(func() {
		l.set(linkState{cut: true, over: true})
		_ = l.ln.Close()
		l.wg.Wait()
		_ = os.RemoveAll(dir)
	})
	return l
}

func (l *link) url() string { return "postgres://mintage@/postgres?sslmode=disable&host=" + l.dir }

// set changes what becomes of what passes. The zero value is a link that is well.
func (l *link) set(s linkState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	if s.cut {
		for c := range l.conns {
			_ = c.Close()
		}
	}
	l.turn.Broadcast()
}

func (l *link) serve() {
	for {
		node, err := l.ln.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() { l.carry(node) })
	}
}

// hold keeps a connection, so that a cut ends it; it is false while the link is
// cut.
func (l *link) hold(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.cut {
		return false
	}
	l.conns[c] = true
	return true
}

// carry carries one connection until it ends.
func (l *link) carry(node net.Conn) {
	defer func() { _ = node.Close() }()
	if !l.hold(node) {
		return
	}
	var d net.Dialer
	database, err := d.DialContext(context.Background(), "unix", l.to)
	if err == nil && l.hold(database) {
		var both sync.WaitGroup
		pass := func(to, from net.Conn, held func() bool) {
			_, _ = io.Copy(&holdUp{Writer: to, link: l, held: held}, from)
			_ = to.Close()
			_ = from.Close()
		}
		both.Go(func() { pass(database, node, func() bool { return l.state.up }) })
		both.Go(func() { pass(node, database, func() bool { return l.state.down }) })
		both.Wait()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, node)
	if database != nil {
		_ = database.Close()
		delete(l.conns, database)
	}
}

// holdUp writes when the link lets it.
type holdUp struct {
	io.Writer
	link *link
	held func() bool
}

func (w *holdUp) Write(b []byte) (int, error) {
	w.link.mu.Lock()
	for w.held() && !w.link.state.cut {
		w.link.turn.Wait()
	}
	late := w.link.state.each
	w.link.mu.Unlock()
	time.Sleep(late) // a network
	return w.Writer.Write(b)
}
