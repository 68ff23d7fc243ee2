package agent

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	// maxEntries bounds the cache of one endpoint.
	maxEntries = 10_000
	// Pauses after an answer that may be another next time.
	shortestPause, longestPause = time.Second, 30 * time.Second
	// longestRetryAfter bounds what is believed of a Retry-After.
	longestRetryAfter = 10 * time.Minute
)

// entry is what is known of one request. Its fields are under cache.mu.
type entry struct {
	good    *reply    // with a token that lives, or nil
	bad     *reply    // the last refusal, or nil
	until   time.Time // when bad is forgotten
	pause   time.Duration
	flight  *flight // the request under way, or nil
	touched time.Time
}

// flight is one request to the server that any number of callers wait for.
type flight struct {
	done  chan struct{}
	reply *reply // set when done is closed
}

// cache keeps answers.
type cache struct {
	mu      sync.Mutex
	entries map[cacheKey]*entry
	waiting int
}

// Results of a request at a caching endpoint, as metrics name them.
const (
	resultHit       = "hit"       // from the cache
	resultMiss      = "miss"      // this request went to the server
	resultCoalesced = "coalesced" // it waited for one that did
	resultRefused   = "refused"   // an earlier refusal was repeated
	resultForwarded = "forwarded" // not for the cache
	resultError     = "error"     // the agent answered itself
)

// get returns the answer to a request: one that is kept, or that of fetch,
// which is called once for any number of equal requests. While a token that is
// nearly over is kept it stands in for an answer without one. Nil means that
// too many wait.
func (c *cache) get(ctx context.Context, key cacheKey, now time.Time, most int, fetch func() *flight) (p *reply, how string) {
	c.mu.Lock()
	e := c.entry(key, now)
	e.touched = now
	resting := e.bad != nil && now.Before(e.until)
	var old *reply
	if e.good.lives(now) {
		old = e.good
	}
	switch {
	case old != nil && (!old.spent(now) || resting && e.flight == nil || c.waiting >= most):
		if e.flight == nil && !resting && now.Sub(old.at) >= old.renew {
			e.flight = fetch()
		}
		c.mu.Unlock()
		return old, resultHit
	case resting && e.flight == nil:
		p = e.bad
		c.mu.Unlock()
		return p, resultRefused
	case c.waiting >= most:
		c.mu.Unlock()
		return nil, resultError
	}
	how = resultCoalesced
	if e.flight == nil {
		e.flight, how = fetch(), resultMiss
	}
	f := e.flight
	c.waiting++
	c.mu.Unlock()
	select {
	case <-f.done:
		p = f.reply
	case <-ctx.Done():
		how = resultError
	}
	c.mu.Lock()
	c.waiting--
	c.mu.Unlock()
	if old != nil && p != nil && p.status != http.StatusOK && p.passes() {
		return old, resultHit
	}
	return p, how
}

// landed notes the answer of a flight.
func (c *cache) landed(key cacheKey, f *flight, p *reply, now time.Time, refusedFor time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.reply = p
	close(f.done)
	e := c.entries[key]
	if e == nil || e.flight != f {
		return
	}
	e.flight = nil
	switch {
	case p.status == http.StatusOK && p.life > 0:
		e.good, e.bad, e.pause = p, nil, 0
		return
	case p.status == http.StatusOK: // with a token that is not kept
		delete(c.entries, key)
		return
	}
	e.bad = p
	wait := refusedFor
	if p.passes() {
		e.pause = min(max(2*e.pause, shortestPause), longestPause)
		wait = e.pause/2 + rand.N(e.pause/2+1) //nolint:gosec // jitter
	} else {
		e.good, e.pause = nil, 0 // the credentials are no longer those of the token
	}
	e.until = now.Add(max(wait, min(p.retry, longestRetryAfter)))
}

// passes reports whether another answer may come by waiting alone.
func (p *reply) passes() bool {
	return p.status >= http.StatusInternalServerError || p.status == http.StatusTooManyRequests || p.status == http.StatusRequestTimeout
}

// entry returns the entry of a key and makes room for it.
func (c *cache) entry(key cacheKey, now time.Time) *entry {
	if e := c.entries[key]; e != nil {
		return e
	}
	if len(c.entries) >= maxEntries {
		c.evict(now)
	}
	e := &entry{}
	c.entries[key] = e
	return e
}

// evict takes out what has ended, else refusals, else what was not asked for
// the longest. Entries with a request under way stay.
func (c *cache) evict(now time.Time) {
	var oldest cacheKey
	var when time.Time
	for key, e := range c.entries {
		switch {
		case e.flight != nil:
		case !e.good.lives(now):
			delete(c.entries, key)
		case when.IsZero() || e.touched.Before(when):
			oldest, when = key, e.touched
		}
	}
	if len(c.entries) >= maxEntries && !when.IsZero() {
		delete(c.entries, oldest)
	}
}

// kept counts the tokens that live.
func (c *cache) kept(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.entries {
		if e.good.lives(now) {
			n++
		}
	}
	return n
}
