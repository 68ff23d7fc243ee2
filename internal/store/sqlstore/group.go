package sqlstore

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// maxBatch bounds how many rows share a commit.
const maxBatch = 256

// group writes rows of many callers: all that wait when it gets the database go
// into one transaction, and each caller is answered after its commit.
type group[R groupRow] struct {
	write   func(context.Context, []R) // stores a batch and answers its callers
	stopped chan struct{}

	mu     sync.Mutex
	queue  []R           // in the order in which they came; each has a caller that waits
	closed bool          // nothing is queued any more
	wake   chan struct{} // holds an element while the queue may not be what run last saw
}

// groupRow is a row that a caller waits for.
type groupRow interface {
	comparable
	// outcome receives once what became of the row. It has room for that.
	outcome() chan error
}

// newGroup starts a group. close stops it.
func newGroup[R groupRow](write func(context.Context, []R)) *group[R] {
	g := &group[R]{write: write, stopped: make(chan struct{}), wake: make(chan struct{}, 1)}
	go g.run()
	return g
}

// create hands r to the group and waits for the commit.
func (g *group[R]) create(ctx context.Context, r R) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !g.enqueue(r) {
		return errClosed
	}
	select {
	case err := <-r.outcome():
		return err
	case <-ctx.Done():
		g.forget(r)
		if late(ctx) {
			return errLate(ctx.Err())
		}
		return ctx.Err()
	}
}

// enqueue is false after close. The caller goes to sleep once, for the outcome:
// handing the row over does not wait for the writer.
func (g *group[R]) enqueue(r R) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.queue = append(g.queue, r)
	if len(g.queue) == 1 {
		g.rouse()
	}
	return true
}

// rouse makes run look at the queue.
func (g *group[R]) rouse() {
	select {
	case g.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// forget drops a row whose caller has left, unless it is being written: while
// the database does not answer, no row is kept that nobody waits for.
func (g *group[R]) forget(r R) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue, r); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
}

// close writes what is queued and stops the group.
func (g *group[R]) close() {
	g.mu.Lock()
	g.closed = true
	g.rouse()
	g.mu.Unlock()
	<-g.stopped
}

func (g *group[R]) run() {
	defer close(g.stopped)
	batch := make([]R, 0, maxBatch)
	for {
		<-g.wake
		for {
			// Requests that can run add their rows first: they share the commit
			// instead of waiting for it.
			runtime.Gosched()
			var closed bool
			if batch, closed = g.collect(batch[:0]); len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			// Callers that leave do not stop what others wait for.
			g.write(context.Background(), batch)
			clear(batch)
		}
	}
}

// collect moves what waits to batch, and tells whether more may come.
func (g *group[R]) collect(batch []R) (_ []R, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.queue), maxBatch)
	batch = append(batch, g.queue[:n]...)
	g.queue = slices.Delete(g.queue, 0, n)
	return batch, g.closed
}
