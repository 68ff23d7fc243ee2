package enforce

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// endings is the revocations of one issuer. The zero value is empty.
type endings struct {
	tokens  map[string]int64 // jti → when it may be forgotten; zero: never
	keys    map[string]int64 // kid → the same
	clients map[string]cutOff
}

// cutOff ends the tokens of a client that were made up to an instant.
type cutOff struct {
	before  int64 // milliseconds since 1970; zero: all
	expires int64
}

// add adds a revocation. Of several of one client the latest instant counts. It
// says whether the set has changed.
func (e *endings) add(r oauth.Revocation) bool {
	switch {
	case r.ID != "":
		return keepLonger(&e.tokens, r.ID, r.Expires)
	case r.KeyID != "":
		return keepLonger(&e.keys, r.KeyID, r.Expires)
	case r.ClientID == "":
		return false
	}
	if e.clients == nil {
		e.clients = map[string]cutOff{}
	}
	next := cutOff{before: r.BeforeMilli, expires: r.Expires}
	have, ok := e.clients[r.ClientID]
	if ok {
		next.expires = later(have.expires, next.expires)
		next.before = later(have.before, next.before)
	}
	e.clients[r.ClientID] = next
	return !ok || next != have
}

func keepLonger(m *map[string]int64, id string, expires int64) bool {
	if *m == nil {
		*m = map[string]int64{}
	}
	have, ok := (*m)[id]
	if ok {
		expires = later(have, expires)
	}
	(*m)[id] = expires
	return !ok || have != expires
}

// later returns the later of two instants, of which zero is the latest.
func later(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// has reports whether t has ended.
func (e *endings) has(t *Token) bool {
	if _, ok := e.tokens[t.ID]; ok && t.ID != "" {
		return true
	}
	if _, ok := e.keys[t.KeyID]; ok && t.KeyID != "" {
		return true
	}
	c, ok := e.clients[t.ClientID]
	if !ok || t.ClientID == "" {
		return false
	}
	if c.before == 0 {
		return true
	}
	// Where the two are the same instant, the token has ended.
	if ms, ok := milliseconds(t.ID); ok && ms/1000 == t.IssuedAt {
		return ms <= c.before
	}
	return t.IssuedAt <= c.before/1000
}

// sweep forgets what ends no token that could still be alive.
func (e *endings) sweep(now time.Time) {
	over := func(expires int64) bool { return expires != 0 && expires < now.Unix() }
	for id, expires := range e.tokens {
		if over(expires) {
			delete(e.tokens, id)
		}
	}
	for id, expires := range e.keys {
		if over(expires) {
			delete(e.keys, id)
		}
	}
	for id, c := range e.clients {
		if over(c.expires) {
			delete(e.clients, id)
		}
	}
}

func (e *endings) len() int { return len(e.tokens) + len(e.keys) + len(e.clients) }

// milliseconds returns the Unix time in a UUID of version 7 (RFC 9562 §5.7), and
// false for any other string.
func milliseconds(id string) (int64, bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7' || id[18] != '-' || id[23] != '-' ||
		!strings.ContainsRune("89abAB", rune(id[19])) {
		return 0, false
	}
	var text [32]byte
	digits := append(text[:0], id[:8]...)
	digits = append(digits, id[9:13]...)
	digits = append(digits, id[14:18]...)
	digits = append(digits, id[19:23]...)
	digits = append(digits, id[24:]...)
	var b [16]byte
	if _, err := hex.Decode(b[:], digits); err != nil {
		return 0, false
	}
	var ms int64
	for _, x := range b[:6] {
		ms = ms<<8 | int64(x)
	}
	return ms, true
}
