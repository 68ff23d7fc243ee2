package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// NonceLife is how long a nonce is the newest; it is taken for as long again.
const NonceLife = 3 * time.Minute

// Nonces makes the nonces of one server and knows them again (RFC 9449 §8, §9).
// They come from a key and the time: whoever has the same of both makes the same
// ones, nobody else can tell one beforehand, and nothing is kept.
type Nonces struct {
	// Purpose is where the nonces count. Those of one purpose are none of
	// another, even under one key: an authorization server's are not those of a
	// resource (RFC 9449 §9).
	Purpose string
	Key     [sha256.Size]byte
}

// At returns the nonce that proofs made at now have to carry.
func (n *Nonces) At(now time.Time) string {
	mac := hmac.New(sha256.New, n.Key[:])
	mac.Write([]byte(n.Purpose))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/int64(NonceLife/time.Second)))) //nolint:gosec // a count of minutes
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// takes says whether a nonce is the newest or the one before.
func (n *Nonces) takes(sent string, now time.Time) bool {
	newest, before := n.At(now), n.At(now.Add(-NonceLife))
	return subtle.ConstantTimeCompare([]byte(sent), []byte(newest))|
		subtle.ConstantTimeCompare([]byte(sent), []byte(before)) == 1
}
