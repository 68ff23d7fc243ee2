// Package revoke answers whether a token ended before its time. A Set holds
// the revocations of one tenant in memory, so that asking costs no I/O.
//
// One thing is always true of it: where the order of a mint and a revocation
// cannot be told, the token has ended.
package revoke

import (
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

// Set is the revocations of one tenant. It is safe for concurrent use, and the
// zero value is an empty set.
type Set struct {
	mu      sync.RWMutex
	tokens  map[string]time.Time // jti → when the record may be dropped
	clients map[string]cutOff
	keys    map[string]time.Time // key id → when the record may be dropped
}

// cutOff ends all tokens of a client that were issued up to before.
type cutOff struct {
	before  time.Time // zero: all
	expires time.Time
}

// New returns the set of the given revocations, which must be of one tenant.
func New(rs []*mintage.Revocation) *Set {
	s := &Set{}
	for _, r := range rs {
		s.Add(r)
	}
	return s
}

// Add adds r. Adding only ever ends more tokens: of two revocations of the same
// client the later instant counts, and of a revocation that is there already
// the later expiry.
func (s *Set) Add(r *mintage.Revocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.JTI != "" {
		s.tokens = keep(s.tokens, r.JTI, r.Expires)
	}
	if r.KeyID != "" {
		s.keys = keep(s.keys, r.KeyID, r.Expires)
	}
	if r.ClientID == "" {
		return
	}
	next := cutOff{before: r.Before, expires: r.Expires}
	if have, ok := s.clients[r.ClientID]; ok {
		next.expires = later(have.expires, next.expires)
		if have.before.IsZero() || !next.before.IsZero() && have.before.After(next.before) {
			next.before = have.before
		}
	}
	if s.clients == nil {
		s.clients = map[string]cutOff{}
	}
	s.clients[r.ClientID] = next
}

func keep(m map[string]time.Time, id string, expires time.Time) map[string]time.Time {
	if m == nil {
		m = map[string]time.Time{}
	}
	if have, ok := m[id]; ok {
		expires = later(have, expires)
	}
	m[id] = expires
	return m
}

// later returns the later of two expiries, of which the zero one never comes.
func later(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && a.After(b) {
		return a
	}
	return b
}

// Ended reports whether a revocation ends the token: with this jti, of this
// client, signed by this key (empty for tokens that no key signed) and issued
// at issued, its iat.
//
// A client's revocation compares with when the token was made, never with now.
// That is known to the millisecond where the jti is a UUID of version 7
// (RFC 9562 §5.7) that agrees with iat, else to the second; a token of the very
// millisecond or second of the revocation has ended.
func (s *Set) Ended(jti, clientID, keyID string, issued time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, ok := s.tokens[jti]; ok && jti != "" {
		return true
	}
	if _, ok := s.keys[keyID]; ok && keyID != "" {
		return true
	}
	c, ok := s.clients[clientID]
	if !ok || clientID == "" {
		return false
	}
	return c.before.IsZero() || c.ends(jti, issued)
}

func (c cutOff) ends(jti string, issued time.Time) bool {
	second := issued.Unix()
	if ms, ok := milliseconds(jti); ok && ms/1000 == second {
		return ms <= c.before.UnixMilli()
	}
	return second <= c.before.Unix()
}

// Sweep forgets the revocations that expired before now, which end no token
// that could still be alive.
func (s *Set) Sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := func(expires time.Time) bool { return !expires.IsZero() && expires.Before(now) }
	for id, expires := range s.tokens {
		if over(expires) {
			delete(s.tokens, id)
		}
	}
	for id, expires := range s.keys {
		if over(expires) {
			delete(s.keys, id)
		}
	}
	for id, c := range s.clients {
		if over(c.expires) {
			delete(s.clients, id)
		}
	}
}

// Len returns how many tokens, clients and keys have a revocation.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.tokens) + len(s.clients) + len(s.keys)
}

// milliseconds returns the Unix time in a UUID of version 7, and false for any
// other string (RFC 9562 §5.7).
func milliseconds(id string) (int64, bool) {
	const form = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx"
	if len(id) != len(form) {
		return 0, false
	}
	var ms int64
	for i, digits := 0, 0; i < len(form); i++ {
		d := hexDigit(id[i])
		switch form[i] {
		case 'x':
			if d < 0 {
				return 0, false
			}
			if digits < 12 { // the first 48 bits
				ms = ms<<4 | int64(d)
				digits++
			}
		case 'v':
			if d < 8 || d > 11 { // variant 10
				return 0, false
			}
		default:
			if id[i] != form[i] {
				return 0, false
			}
		}
	}
	return ms, true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
