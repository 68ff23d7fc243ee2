package issue

import (
	"crypto/sha256"
	"sync"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// maxVerified is how many verified tokens are remembered at most: about 1 KB
// each.
const maxVerified = 8 << 10

// verified remembers JWTs whose signature was right, by their SHA-256, so that
// one that is asked about again and again is verified once. Only good tokens get
// in, so that nobody drives them out with bad ones.
//
// It answers nothing but what the token says: whether the key still counts,
// whose issuer it is, whether it has expired or was revoked, and who may ask, is
// looked at each time.
//
// It is safe for concurrent use, and the zero value is empty.
type verified struct {
	mu         sync.RWMutex
	young, old map[tokenSum]*verifiedToken
}

// tokenSum is the hash of a tenant and a token.
type tokenSum [sha256.Size]byte

// verifiedToken is what a token says, and what it was verified with.
type verifiedToken struct {
	info   *tokenInfo
	key    *jose.Key
	issuer string
}

// sumOf covers the tenant too: what one issuer verified is nothing to another.
func sumOf(tenant, token string) tokenSum {
	var room [1 << 10]byte
	text := append(append(append(room[:0], tenant...), 0), token...) // a tenant's identifier has no zero byte
	return sha256.Sum256(text)
}

// get returns what is known of a token that still has to be verified with key
// and come from the issuer of t, or nil.
func (v *verified) get(sum tokenSum) *verifiedToken {
	v.mu.RLock()
	tok, young := v.young[sum]
	if !young {
		tok = v.old[sum]
	}
	v.mu.RUnlock()
	if tok != nil && !young {
		v.put(sum, tok)
	}
	return tok
}

// holds reports whether the token would be verified now: with the same key, and
// from the issuer that t has.
func (tok *verifiedToken) holds(t *mintage.Tenant, key *jose.Key) bool {
	return tok.key == key && tok.issuer == t.Issuer
}

// put remembers a token. What was not asked about for as long as it took to get
// half of the room filled is forgotten.
func (v *verified) put(sum tokenSum, tok *verifiedToken) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.young) >= maxVerified/2 {
		v.old, v.young = v.young, nil
	}
	if v.young == nil {
		v.young = map[tokenSum]*verifiedToken{}
	}
	v.young[sum] = tok
}

// drop forgets a token.
func (v *verified) drop(sum tokenSum) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.young, sum)
	delete(v.old, sum)
}
