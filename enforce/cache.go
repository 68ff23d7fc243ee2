package enforce

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"sync"
)

// defaultCacheSize is how many tokens a TokenCache keeps that does not say.
const defaultCacheSize = 10_000

// cacheShards is a power of two: each has its own lock.
const cacheShards = 16

// TokenCache keeps JWTs whose signature was verified, so that a client that
// comes with the same token again costs a hash and no signature. What may have
// changed since is checked at every hit: issuer, key, audience, times,
// revocation, binding and scopes. It holds tokens in memory, as any server that
// reads them does, and nowhere else.
//
// The zero value is ready. It is safe for concurrent use, may serve several
// Verifiers, and must not be copied.
type TokenCache struct {
	// Size is how many tokens are kept; zero means 10,000. A token takes about
	// 3 kB. Beyond it those that did not come lately are dropped.
	Size int

	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu      sync.Mutex
	entries map[cacheID]*cacheEntry
	ring    []*cacheEntry // all entries, in a circle
	hand    int           // where the next that did not come lately is looked for
}

type cacheEntry struct {
	id     cacheID
	signed *signed // nil: dropped
	recent bool    // came since the hand passed
	index  int     // in ring
}

// cacheID is a hash of the audience and of the whole token, which holds its
// issuer.
type cacheID [sha256.Size]byte

// id returns what a token is kept under; no Verifier finds what one for another
// audience has put there.
func (c *TokenCache) id(v *Verifier, raw string) cacheID {
	if c == nil {
		return cacheID{}
	}
	// On the stack, for all but unusually long tokens. The lengths stand first,
	// so that no two inputs are written the same.
	var short [2048]byte
	buf := short[:0]
	if n := len(v.Audience) + len(raw) + 17; n > len(short) {
		buf = make([]byte, 0, n)
	}
	mode := byte(0)
	if v.AnyAudience {
		mode = 1
	}
	buf = append(buf, mode)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(v.Audience)))
	buf = append(buf, v.Audience...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(raw)))
	buf = append(buf, raw...)
	return sha256.Sum256(buf)
}

func (c *TokenCache) shard(id cacheID) *cacheShard { return &c.shards[id[0]%cacheShards] }

func (c *TokenCache) get(id cacheID) *signed {
	if c == nil {
		return nil
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	if e == nil {
		return nil
	}
	e.recent = true
	return e.signed
}

func (c *TokenCache) put(id cacheID, sig *signed) {
	if c == nil {
		return
	}
	// What came with a request shares its memory with all of its headers.
	sig.token.value = strings.Clone(sig.token.value)
	size := c.Size
	if size <= 0 {
		size = defaultCacheSize
	}
	c.shard(id).put(id, sig, max(size/cacheShards, 1))
}

func (s *cacheShard) put(id cacheID, sig *signed, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = map[cacheID]*cacheEntry{}
	}
	if e := s.entries[id]; e != nil {
		e.signed = sig
		return
	}
	e := &cacheEntry{id: id, signed: sig}
	s.entries[id] = e
	if len(s.ring) < size {
		e.index = len(s.ring)
		s.ring = append(s.ring, e)
		return
	}
	for s.ring[s.hand].recent { // ends: each that it passes is recent no more
		s.ring[s.hand].recent = false
		s.hand = (s.hand + 1) % size
	}
	delete(s.entries, s.ring[s.hand].id)
	e.index = s.hand
	s.ring[s.hand] = e
	s.hand = (s.hand + 1) % size
}

// drop forgets a token that is accepted no more.
func (c *TokenCache) drop(id cacheID) {
	if c == nil {
		return
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	if e == nil {
		return
	}
	delete(s.entries, id)
	last := s.ring[len(s.ring)-1]
	s.ring[e.index], last.index = last, e.index
	s.ring[len(s.ring)-1] = nil
	s.ring = s.ring[:len(s.ring)-1]
	if s.hand >= len(s.ring) {
		s.hand = 0
	}
}

// Len returns how many tokens are kept.
func (c *TokenCache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.entries)
		s.mu.Unlock()
	}
	return n
}
