package secret

import (
	"context"
	"time"
)

// NewSized returns a Hasher with so many slots and places in its memory, whose
// callers wait that long for a slot.
func NewSized(pepper []byte, slots, memory int, patience time.Duration) *Hasher {
	h := newHasher(pepper, slots, memory)
	h.slots.patience = patience
	return h
}

// TakeSlot takes a slot, as a slow hash does; release gives it back.
func (h *Hasher) TakeSlot(ctx context.Context) (release func(), err error) {
	t, err := h.slots.take(ctx, asker{})
	return func() { h.slots.release(t) }, err
}

// Waiting returns how many wait for a slot.
func (h *Hasher) Waiting() int {
	h.slots.mu.Lock()
	defer h.slots.mu.Unlock()
	return h.slots.waiting
}

// Remembered returns how many candidates are remembered.
func (h *Hasher) Remembered() int {
	h.right.mu.RLock()
	defer h.right.mu.RUnlock()
	return len(h.right.known)
}
