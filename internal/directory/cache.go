package directory

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

const (
	// negativeLife is how long it is believed that something does not exist,
	// where the feed does not say otherwise before.
	negativeLife = time.Second
	// fillTimeout bounds one read of the database, which serves all who wait
	// for the same thing and therefore has no caller's deadline.
	fillTimeout = 5 * time.Second
)

// cache keeps at most capacity values, and an eighth as many keys that do not
// exist, so that asking for made-up names drives out nothing that exists. What
// was not used since the hand passed it last is dropped first.
type cache[K comparable, V any] struct {
	fill func(ctx context.Context, key K) (V, error) // ErrNotFound, wrapped, when there is none
	now  func() time.Time

	mu      sync.RWMutex
	present ring[K, V]
	absent  ring[K, absence]
	flights map[K]*flight[V]
}

type absence struct {
	err   error
	until time.Time
}

// flight is one read that any number of callers wait for.
type flight[V any] struct {
	done  chan struct{} // closed when value and err are set
	value V
	err   error
	stale bool // what is being read changed meanwhile: do not keep it; guarded by cache.mu
}

func newCache[K comparable, V any](capacity int, now func() time.Time, fill func(context.Context, K) (V, error)) *cache[K, V] {
	return &cache[K, V]{
		fill: fill, now: now, flights: map[K]*flight[V]{},
		present: ring[K, V]{capacity: capacity},
		absent:  ring[K, absence]{capacity: max(capacity/8, 1)},
	}
}

// get returns the value of key. It waits for the database only when the value
// is not there, and then no longer than the caller's context allows, unless the
// caller is the one that reads.
func (c *cache[K, V]) get(ctx context.Context, key K) (V, error) {
	c.mu.RLock()
	v, ok := c.present.get(key)
	c.mu.RUnlock()
	if ok {
		return v, nil
	}
	f, mine, err := c.join(key)
	switch {
	case err != nil:
		return v, err
	case mine:
		c.read(ctx, key, f)
		return f.value, f.err
	}
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// join returns the flight for key and whether the caller is to fly it, or an
// error when key is known not to exist.
func (c *cache[K, V]) join(key K) (f *flight[V], mine bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.present.get(key); ok { // filled since we looked
		f = &flight[V]{done: make(chan struct{}), value: v}
		close(f.done)
		return f, false, nil
	}
	if a, ok := c.absent.get(key); ok {
		if c.now().Before(a.until) {
			return nil, false, a.err
		}
		c.absent.drop(key)
	}
	if f, ok := c.flights[key]; ok {
		return f, false, nil
	}
	f = &flight[V]{done: make(chan struct{})}
	c.flights[key] = f
	return f, true, nil
}

// read fills f and keeps what it got, unless a change arrived while it read.
// The caller may go away: others wait for the same answer.
func (c *cache[K, V]) read(ctx context.Context, key K, f *flight[V]) {
	ctx, cancel := store.WithPatience(context.WithoutCancel(ctx), fillTimeout)
	defer cancel()
	f.err = errors.New("the read was abandoned") // what waiters get if fill panics
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.flights[key] == f {
			delete(c.flights, key)
		}
		switch {
		case f.stale:
		case f.err == nil:
			c.present.put(key, f.value)
		case errors.Is(f.err, mintage.ErrNotFound):
			c.absent.put(key, absence{err: f.err, until: c.now().Add(negativeLife)})
		}
		close(f.done)
	}()
	f.value, f.err = c.fill(ctx, key)
}

// drop forgets key. A read under way is not kept, and whoever asks from now on
// does not wait for it.
func (c *cache[K, V]) drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present.drop(key)
	c.absent.drop(key)
	if f, ok := c.flights[key]; ok {
		f.stale = true
		delete(c.flights, key)
	}
}

// clear forgets everything.
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present.clear()
	c.absent.clear()
	for _, f := range c.flights {
		f.stale = true
	}
	clear(c.flights)
}

// peek returns the value of key if it is there. When a read of it is under way
// that read is not kept: the caller is about to change what is there.
func (c *cache[K, V]) peek(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.absent.drop(key)
	if f, ok := c.flights[key]; ok {
		f.stale = true
		delete(c.flights, key)
	}
	return c.present.get(key)
}

// each calls fn with every value. fn must not use the cache.
func (c *cache[K, V]) each(fn func(V)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i := range c.present.slots {
		fn(c.present.slots[i].value)
	}
}

// size returns how many values and absent keys are held.
func (c *cache[K, V]) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.present.slots) + len(c.absent.slots)
}

// ring is a bounded map that gives a second chance to what was used. Only get
// may be called under a read lock.
type ring[K comparable, V any] struct {
	capacity int
	at       map[K]int // index into slots
	slots    []*slot[K, V]
	hand     int
}

type slot[K comparable, V any] struct {
	key   K
	value V
	used  atomic.Bool
}

func (r *ring[K, V]) get(key K) (v V, ok bool) {
	i, ok := r.at[key]
	if !ok {
		return v, false
	}
	s := r.slots[i]
	if !s.used.Load() { // a write would make every reader's cache line dirty
		s.used.Store(true)
	}
	return s.value, true
}

func (r *ring[K, V]) put(key K, v V) {
	if r.at == nil {
		r.at = map[K]int{}
	}
	s := &slot[K, V]{key: key, value: v}
	if i, ok := r.at[key]; ok {
		r.slots[i] = s
		return
	}
	if len(r.slots) < r.capacity {
		r.at[key] = len(r.slots)
		r.slots = append(r.slots, s)
		return
	}
	for r.slots[r.hand].used.CompareAndSwap(true, false) {
		r.hand = (r.hand + 1) % len(r.slots)
	}
	delete(r.at, r.slots[r.hand].key)
	r.slots[r.hand] = s
	r.at[key] = r.hand
	r.hand = (r.hand + 1) % len(r.slots)
}

func (r *ring[K, V]) drop(key K) {
	i, ok := r.at[key]
	if !ok {
		return
	}
	last := len(r.slots) - 1
	r.slots[i] = r.slots[last]
	r.at[r.slots[i].key] = i
	r.slots[last] = nil
	r.slots = r.slots[:last]
	delete(r.at, key)
	if r.hand >= len(r.slots) {
		r.hand = 0
	}
}

func (r *ring[K, V]) clear() { r.at, r.slots, r.hand = nil, nil, 0 }
