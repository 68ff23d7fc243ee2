package usage

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

// Interval is how often what was counted is written. It divides a minute, so
// that what is written at once is of one minute.
const Interval = 5 * time.Second

const (
	// shards keep cores that count at the same time apart. One client may be in
	// all of them.
	shards = 16
	// perShard bounds the sums that are kept in mind: 64 K in all, about 15 MB.
	perShard = 4 << 10
	// maxWaiting bounds the sums that wait for a database that is away.
	maxWaiting = 256 << 10
	// batch is how many sums one transaction writes, so that no other writer
	// waits long.
	batch = 2000
	// lastWords bounds the write at shutdown.
	lastWords = 5 * time.Second
)

// Store keeps counts: store.Usage has more to say of it.
type Store interface {
	AddUsage(ctx context.Context, counts []*mintage.UsageCount) error
	RollUsage(ctx context.Context, from, to time.Duration, before time.Time, limit int) (int, error)
}

// Ended says how a token request ended.
type Ended struct {
	Tenant   string
	ClientID string   // of a client that is known; empty: of nobody
	Reason   string   // reason code of the refusal; empty: a token was issued
	Audience []string // of the token
	Scope    []string
	Lifetime int64 // of the token, in seconds
}

// Counter counts how token requests end. Make one with New. It is safe for
// concurrent use.
type Counter struct {
	store  Store
	now    func() time.Time
	log    *slog.Logger
	shards [shards]shard
	full   chan struct{} // holds one element when a shard is full

	writing sync.Mutex // the fields below are of who flushes
	begun   time.Time  // when what is in the shards began to be counted
	waiting []*mintage.UsageCount
}

type shard struct {
	mu      sync.Mutex
	clients map[string]*sum // by client; several of a client are a list
	n       int
	dropped int64
	_       [32]byte // the next shard is in another cache line
}

// sum is what is known of one Ended.
type sum struct {
	Ended
	count int64
	next  *sum
}

// same reports whether s counts requests that ended as e did, by the same
// client. What is compared is mostly one and the same string.
func (s *sum) same(e *Ended) bool {
	return s.Reason == e.Reason && s.Tenant == e.Tenant && slices.Equal(s.Scope, e.Scope) && slices.Equal(s.Audience, e.Audience)
}

// New returns a Counter that writes to st when Run runs.
func New(st Store, now func() time.Time, log *slog.Logger) *Counter {
	c := &Counter{store: st, now: now, log: log, full: make(chan struct{}, 1), begun: now()}
	for i := range c.shards {
		c.shards[i].clients = map[string]*sum{}
	}
	return c
}

// Count counts one request. Any spread will do, but it should be another one
// for each request: by it, cores keep out of each other's way. Count keeps
// nothing of e.
func (c *Counter) Count(spread byte, e *Ended) {
	sh := &c.shards[spread%shards]
	sh.mu.Lock()
	for s := sh.clients[e.ClientID]; s != nil; s = s.next {
		if s.same(e) {
			s.count++
			s.Lifetime = max(s.Lifetime, e.Lifetime)
			sh.mu.Unlock()
			return
		}
	}
	full := !sh.begin(e)
	sh.mu.Unlock()
	if full {
		select {
		case c.full <- struct{}{}:
		default:
		}
	}
}

// begin makes the first sum of its kind, and reports whether there was room.
func (sh *shard) begin(e *Ended) bool {
	if sh.n >= perShard {
		sh.dropped++
		return false
	}
	sh.n++
	s := &sum{Ended: *e, count: 1, next: sh.clients[e.ClientID]}
	s.Audience, s.Scope = slices.Clone(e.Audience), slices.Clone(e.Scope)
	sh.clients[e.ClientID] = s
	return true
}

// take appends what the shard has to counts, and empties it.
func (sh *shard) take(counts []*mintage.UsageCount, start time.Time) (_ []*mintage.UsageCount, dropped int64) {
	sh.mu.Lock()
	taken := sh.clients
	sh.clients, dropped = make(map[string]*sum, len(taken)), sh.dropped
	sh.n, sh.dropped = 0, 0
	sh.mu.Unlock()
	for _, s := range taken {
		for ; s != nil; s = s.next {
			counts = append(counts, &mintage.UsageCount{
				Tenant: s.Tenant, ClientID: s.ClientID, Reason: s.Reason, Audience: strings.Join(s.Audience, " "), Scope: strings.Join(s.Scope, " "),
				Start: start, Step: time.Minute, Count: s.count, Lifetime: s.Lifetime,
			})
		}
	}
	return counts, dropped
}

// Run writes what was counted once an Interval until ctx ends, and then what is
// left.
func (c *Counter) Run(ctx context.Context) {
	for {
		// Intervals begin with the clock's, so that each is within a minute.
		timer := time.NewTimer(Interval - c.now().Sub(c.now().Truncate(Interval)))
		select {
		case <-ctx.Done():
			timer.Stop()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
			defer cancel()
			c.flushLogged(last)
			return
		case <-timer.C:
		case <-c.full:
			timer.Stop()
		}
		c.flushLogged(ctx)
	}
}

func (c *Counter) flushLogged(ctx context.Context) {
	if err := c.Flush(ctx); err != nil && ctx.Err() == nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "usage is not written yet", slog.Any("err", err))
	}
}

// Flush writes what was counted. When it fails, that is kept for the next time,
// within bounds.
func (c *Counter) Flush(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	now := c.now()
	start := c.begun
	if now.Sub(start) > 2*Interval { // nobody wrote for long: it is more likely of now
		start = now
	}
	c.begun = now
	dropped := int64(0)
	fresh := c.waiting
	for i := range c.shards {
		var lost int64
		fresh, lost = c.shards[i].take(fresh, start.UTC().Truncate(time.Minute))
		dropped += lost
	}
	c.waiting = mintage.MergeUsage(fresh)
	if over := len(c.waiting) - maxWaiting; over > 0 {
		for _, u := range c.waiting[:over] {
			dropped += u.Count
		}
		c.waiting = slices.Clone(c.waiting[over:])
	}
	if dropped > 0 {
		c.log.LogAttrs(ctx, slog.LevelWarn, "requests are missing in the usage", slog.Int64("requests", dropped))
	}
	for len(c.waiting) > 0 {
		n := min(batch, len(c.waiting))
		if err := c.store.AddUsage(ctx, c.waiting[:n]); err != nil {
			return err
		}
		c.waiting = c.waiting[n:]
	}
	c.waiting = nil
	return nil
}
