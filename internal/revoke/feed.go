package revoke

import (
	"sync"

	"github.com/mintage-auth/mintage"
)

// feedLength is how many revocations a Feed remembers for those who follow it.
// Who lags more reads them all again.
const feedLength = 16_384

// Feed is the revocations of all tenants in the order in which they were made,
// as far back as it remembers, for those who follow them as they come. It is
// filled by whoever reads the change feed, and its cursors are numbers of that
// feed, so that a cursor of one node means the same on another. It is safe for
// concurrent use, and the zero value knows nothing yet.
type Feed struct {
	mu      sync.Mutex
	begun   bool
	from    int64   // nothing after this one is missing
	to      int64   // the change feed was read so far
	entries []entry // by seq
	waiting map[string]chan struct{}
}

type entry struct {
	seq int64
	r   *mintage.Revocation
}

// Begin forgets everything and says that the change feed was read to seq. Those
// who follow are woken, since what they wait for may have been missed.
func (f *Feed) Begin(seq int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun, f.from, f.to, f.entries = true, seq, seq, nil
	for tenant := range f.waiting {
		f.wake(tenant)
	}
}

// Add adds a revocation, which change seq made, and wakes who follows its
// tenant. One that was added before is not added again.
func (f *Feed) Add(seq int64, r *mintage.Revocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq <= f.to || !f.begun {
		return
	}
	f.to = seq
	f.entries = append(f.entries, entry{seq, r})
	if len(f.entries) > feedLength {
		f.from = f.entries[0].seq
		f.entries[0] = entry{}
		f.entries = f.entries[1:] // append moves what is left when the array is full
	}
	f.wake(r.Tenant)
}

// Advance says that the change feed was read to seq.
func (f *Feed) Advance(seq int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = max(f.to, seq)
}

// After returns the tenant's revocations after the cursor and the cursor after
// them. It is false where some may be missing: the cursor is from before what
// the feed remembers, or from another database.
func (f *Feed) After(tenant string, cursor int64) (rs []*mintage.Revocation, next int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun || cursor < f.from {
		return nil, cursor, false
	}
	first := len(f.entries)
	for first > 0 && f.entries[first-1].seq > cursor {
		first--
	}
	for _, e := range f.entries[first:] {
		if e.r.Tenant == tenant {
			rs = append(rs, e.r)
		}
	}
	return rs, max(cursor, f.to), true
}

// Wait returns a channel that is closed at the tenant's next revocation. Ask
// for it before After, so that nothing happens in between.
func (f *Feed) Wait(tenant string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch, ok := f.waiting[tenant]
	if !ok {
		if f.waiting == nil {
			f.waiting = map[string]chan struct{}{}
		}
		ch = make(chan struct{})
		f.waiting[tenant] = ch
	}
	return ch
}

func (f *Feed) wake(tenant string) {
	if ch, ok := f.waiting[tenant]; ok {
		close(ch)
		delete(f.waiting, tenant)
	}
}
