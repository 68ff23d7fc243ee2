package limit

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// Rate is how often something may happen: Burst times at once, and once more
// each time that Every has passed. The zero Rate has no bound.
type Rate struct {
	Burst int
	Every time.Duration
}

// PerMinute returns the rate of n in a minute, all of them at once if need be.
// Zero or less has no bound.
func PerMinute(n int) Rate {
	if n <= 0 {
		return Rate{}
	}
	return Rate{Burst: n, Every: time.Minute / time.Duration(n)}
}

// wait returns after how long an event is allowed where those before are paid
// for at debt from now.
func (r Rate) wait(debt time.Duration) time.Duration {
	return max(0, debt-time.Duration(r.Burst-1)*r.Every)
}

// Table counts events by key. It is the generic cell rate algorithm: of each
// key one number is kept, the time at which all its events are paid for. A table
// that is full forgets the key that is paid for first. It is safe for concurrent
// use, and no use of it waits for another.
type Table struct {
	seed  maphash.Seed // so that nobody can choose keys that collide
	start time.Time    // years ago, so that a free cell is of the past
	sets  uint64
	// blocks are made when a key first falls into them: a server that few keys
	// come to holds no memory for many.
	blocks []atomic.Pointer[block]
}

// set is the cells that one key may be in, and block is sets that are made at
// once.
type (
	set   [ways]cell
	block [blockSets]set
)

// cell is what is known of one key; zero: it is free. While it changes hands,
// an event of either key may be lost.
type cell struct {
	key  atomic.Uint64
	paid atomic.Int64 // nanoseconds from the table's start
}

// ways is how many cells one key may be in, blockSets makes a block of 4 KiB,
// and longAgo is by how much a clock may be set back before free cells seem
// taken.
const (
	ways      = 8
	blockSets = 32
	longAgo   = 20 * 365 * 24 * time.Hour
)

// NewTable returns a table for at least cells keys at a time, each of 16 bytes.
// It takes their memory as keys come.
func NewTable(cells int) *Table {
	sets := max(1, (cells+ways-1)/ways)
	return &Table{
		seed: maphash.MakeSeed(), start: time.Now().Add(-longAgo), sets: uint64(sets), // #nosec G115 -- positive
		blocks: make([]atomic.Pointer[block], (sets+blockSets-1)/blockSets),
	}
}

// Key is what a table counts by. Make it with Table.Key.
type Key uint64

// Key returns the key of a network and some names, in order. The zero address
// stands for no address.
func (t *Table) Key(from netip.Addr, names ...string) Key {
	var h maphash.Hash
	h.SetSeed(t.seed)
	b := from.As16()
	_, _ = h.Write(b[:])
	for _, name := range names {
		_, _ = h.WriteString(name)
		_ = h.WriteByte(0) // in no name
	}
	return Key(h.Sum64())
}

// Take counts one event of k if r allows it, and returns zero. Otherwise it
// counts nothing and returns after how long it would.
func (t *Table) Take(k Key, r Rate, now time.Time) time.Duration {
	for r.Burst > 0 {
		c := t.cell(k, now)
		was, debt := t.debt(c, now)
		if wait := r.wait(debt); wait > 0 {
			return wait
		}
		if c.paid.CompareAndSwap(was, int64(now.Sub(t.start)+debt+r.Every)) {
			break
		}
	}
	return 0
}

// Note counts one event of k, whether or not r allows it. Past what r allows,
// more events change nothing.
func (t *Table) Note(k Key, r Rate, now time.Time) {
	for r.Burst > 0 {
		c := t.cell(k, now)
		was, debt := t.debt(c, now)
		if r.wait(debt) > 0 || c.paid.CompareAndSwap(was, int64(now.Sub(t.start)+debt+r.Every)) {
			return
		}
	}
}

// Wait returns after how long r allows one more event of k; zero: now.
func (t *Table) Wait(k Key, r Rate, now time.Time) time.Duration {
	c := t.find(k)
	if c == nil || r.Burst <= 0 {
		return 0
	}
	_, debt := t.debt(c, now)
	return r.wait(debt)
}

// Idle reports whether nothing of k is left to be paid for.
func (t *Table) Idle(k Key, now time.Time) bool {
	c := t.find(k)
	if c == nil {
		return true
	}
	_, debt := t.debt(c, now)
	return debt == 0
}

// debt returns what a cell holds, and for how long from now that is.
func (t *Table) debt(c *cell, now time.Time) (paid int64, debt time.Duration) {
	paid = c.paid.Load()
	return paid, max(0, time.Duration(paid)-now.Sub(t.start))
}

// place returns where the set of k is.
func (t *Table) place(k Key) (b *atomic.Pointer[block], at uint64) {
	n := uint64(k) % t.sets
	return &t.blocks[n/blockSets], n % blockSets
}

// set returns the set of k, which it makes when there is none.
func (t *Table) set(k Key) *set {
	p, at := t.place(k)
	b := p.Load()
	if b == nil {
		p.CompareAndSwap(nil, new(block)) // or another was first
		b = p.Load()
	}
	return &b[at]
}

// find returns the cell of k; nil: it has none.
func (t *Table) find(k Key) *cell {
	p, at := t.place(k)
	b := p.Load()
	if b == nil {
		return nil
	}
	set := &b[at]
	for i := range set {
		if set[i].key.Load() == uint64(k) {
			return &set[i]
		}
	}
	return nil
}

// cell returns the cell of k. If it has none, it gets that of the key that is
// paid for first.
func (t *Table) cell(k Key, now time.Time) *cell {
	for {
		if c := t.find(k); c != nil {
			return c
		}
		set := t.set(k)
		best, least := &set[0], time.Duration(-1)
		key, paid := uint64(0), int64(0)
		for i := range set {
			c := &set[i]
			was, debt := t.debt(c, now)
			if least < 0 || debt < least {
				best, least, key, paid = c, debt, c.key.Load(), was
			}
		}
		if best.key.CompareAndSwap(key, uint64(k)) && least > 0 {
			best.paid.CompareAndSwap(paid, 0)
		}
	}
}
