package console

import (
	"crypto/rand"
	"sync"
	"time"
)

// once keeps a form that makes something from being sent twice, by a reload or
// an impatient second click. It knows the forms of this process of the last
// hour; it guards against accidents and is no security.
type once struct {
	now func() time.Time

	mu   sync.Mutex
	sent map[string]time.Time
}

const (
	onceLife = time.Hour
	onceMost = 10_000
	onceLong = 64 // bytes of a mark
)

// mark draws the mark of a new form.
func (o *once) mark() string { return rand.Text() }

// first reports whether the form with that mark was not sent before. A form
// without one always is.
func (o *once) first(mark string) bool {
	if mark == "" || len(mark) > onceLong {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if len(o.sent) >= onceMost {
		for m, at := range o.sent {
			if now.Sub(at) > onceLife || len(o.sent) >= onceMost {
				delete(o.sent, m)
			}
		}
	}
	_, again := o.sent[mark]
	o.sent[mark] = now
	return !again
}

// again takes a mark back: nothing was made of the form.
func (o *once) again(mark string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sent, mark)
}
