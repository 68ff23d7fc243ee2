package enforce

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// nonceLife is how long a nonce is the newest; it is taken for as long again.
const nonceLife = 3 * time.Minute

// Nonce returns the nonce that proofs made now have to carry, for the header
// DPoP-Nonce, or "" where none is demanded. Nobody can tell it beforehand.
func (d *DPoP) Nonce(now time.Time) string {
	if d == nil || !d.Nonces {
		return ""
	}
	return d.nonce(now)
}

func (d *DPoP) nonce(at time.Time) string {
	d.once.Do(func() {
		if len(d.NonceKey) > 0 {
			d.secret = sha256.Sum256(d.NonceKey)
			return
		}
		_, _ = rand.Read(d.secret[:]) // never fails: the program ends instead
	})
	mac := hmac.New(sha256.New, d.secret[:])
	// A nonce of an authorization server is no nonce of a resource (RFC 9449
	// §9), even where somebody gave both the same key.
	mac.Write([]byte("mintage resource server DPoP nonce"))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/int64(nonceLife/time.Second)))) //nolint:gosec // a count of minutes
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// nonceOK says whether a proof's nonce is the newest or the one before.
func (d *DPoP) nonceOK(sent string, now time.Time) bool {
	if !d.Nonces {
		return true
	}
	newest, before := d.nonce(now), d.nonce(now.Add(-nonceLife))
	return subtle.ConstantTimeCompare([]byte(sent), []byte(newest))|
		subtle.ConstantTimeCompare([]byte(sent), []byte(before)) == 1
}
