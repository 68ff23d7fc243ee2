package linelog

import (
	"io"
	"sync"
	"time"
)

// Delay is how long a line may wait for others.
const Delay = 10 * time.Millisecond

// bufferSize is how many bytes wait at most; a line that does not fit is
// written, with all before it, by whoever logs it.
const bufferSize = 32 << 10

// Writer collects lines for another writer. Make one with NewWriter and Close
// it. It is safe for concurrent use, and the writer below is called by one
// goroutine at a time.
type Writer struct {
	out   io.Writer
	timer *time.Timer

	mu      sync.Mutex
	lines   []byte
	waiting bool // the timer runs
	closed  bool // lines are written at once
	err     error

	writing sync.Mutex // held while out is called; taken before mu
	spare   []byte     // guarded by writing
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out}
	w.timer = time.AfterFunc(time.Hour, func() { _ = w.Flush() }) // the next Write or Close gets the error
	w.timer.Stop()
	return w
}

// Write takes one line. The error is that of a write of earlier lines, which
// are lost then, once.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	full := len(w.lines) > 0 && len(w.lines)+len(line) > bufferSize
	if full {
		w.mu.Unlock()
		_ = w.Flush() // the error is kept for below
		w.mu.Lock()
	}
	w.lines = append(w.lines, line...)
	now := w.closed
	if !w.waiting && !now {
		w.waiting = true
		w.timer.Reset(Delay)
	}
	err := w.err
	w.err = nil
	w.mu.Unlock()
	if now {
		err = w.Flush()
	}
	return len(line), err
}

// Flush writes all lines that were taken before it was called.
func (w *Writer) Flush() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	lines := w.lines
	w.lines, w.spare = w.spare[:0], nil
	w.waiting = false
	w.mu.Unlock()
	var err error
	if len(lines) > 0 {
		_, err = w.out.Write(lines)
	}
	if cap(lines) <= 2*bufferSize {
		w.spare = lines[:0]
	}
	if err != nil {
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
	}
	return err
}

// Close writes what waits. Lines that are logged later are written at once.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.timer.Stop()
	return w.Flush()
}
