package gateway

import (
	"hash/maphash"
	"sync"
	"time"
)

// Bounds of a limiter's memory.
const (
	limitShards = 64
	// shardSize is how many keys one shard remembers. A key is a verified
	// client at a route, so that strangers cannot fill them.
	shardSize = 4096
)

// limitKey is who is limited where.
type limitKey struct{ route, issuer, client string }

// limiter holds rates by the generic cell rate algorithm: for each key the time
// at which all that was let through is paid for, and nothing else.
type limiter struct {
	seed   maphash.Seed
	shards [limitShards]limitShard
}

type limitShard struct {
	mu   sync.Mutex
	paid map[limitKey]int64 // nanoseconds since 1970
}

func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// take lets one request through and returns 0, or says after how long one would
// be let through.
func (l *limiter) take(key limitKey, r Rate, now time.Time) time.Duration {
	if r.isZero() {
		return 0
	}
	each := int64(r.Per) / int64(r.Count)
	burst := each * int64(max(r.Burst, 1))
	at := now.UnixNano()
	s := &l.shards[maphash.Comparable(l.seed, key)%limitShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	paid := max(s.paid[key], at)
	if wait := paid + each - burst - at; wait > 0 {
		return time.Duration(wait)
	}
	if s.paid == nil {
		s.paid = map[limitKey]int64{}
	}
	if _, known := s.paid[key]; !known && len(s.paid) >= shardSize {
		s.makeRoom(at)
	}
	s.paid[key] = paid + each
	return 0
}

// makeRoom drops keys that say nothing any more, or any where all do.
func (s *limitShard) makeRoom(now int64) {
	for key, paid := range s.paid {
		if paid <= now {
			delete(s.paid, key)
		}
	}
	for key := range s.paid {
		if len(s.paid) < shardSize {
			return
		}
		delete(s.paid, key)
	}
}
