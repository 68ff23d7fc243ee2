package secret

import (
	"crypto/rand"
	"hash/crc32"
	"strings"
)

// The form of a generated secret. Scanners of leaked credentials look for the
// prefix and trust the checksum.
const (
	prefixLive    = "mint_live_"
	prefixTest    = "mint_test_"
	prefixSession = "mint_sess_" // as long as those of secrets

	randomLength   = 43 // base62 digits: 62^43 > 2^256
	checksumLength = 6  // base62 digits: 62^6 > 2^32
	secretLength   = len(prefixLive) + randomLength + checksumLength

	clientIDPrefix = "mc_"
	clientIDLength = 16 // base62 digits: 95 bits, for identifiers are no secrets
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Generate returns a new client secret of 256 random bits: mint_live_ for
// production, else mint_test_, then 43 random characters and 6 of checksum, all
// unreserved, so that form encoding leaves it alone (RFC 6749 §2.3.1).
func Generate(production bool) string { //nolint:revive // a flag is what the caller has: Tenant.Protected
	s := make([]byte, 0, secretLength)
	if production {
		s = append(s, prefixLive...)
	} else {
		s = append(s, prefixTest...)
	}
	s = appendRandom(s, randomLength)
	return string(appendChecksum(s))
}

// NewSessionToken returns the token of a new session of the command line, in the
// form of a client secret, which it is not.
func NewSessionToken() string {
	return string(appendChecksum(appendRandom([]byte(prefixSession), randomLength)))
}

// IsSessionToken reports whether s has the form that NewSessionToken gives,
// checksum included.
func IsSessionToken(s string) bool { return wellFormed(s, prefixSession) }

// NewClientID returns a new client identifier.
func NewClientID() string {
	return string(appendRandom([]byte(clientIDPrefix), clientIDLength))
}

// WellFormed reports whether s has the form of a generated secret, checksum
// included. It says nothing about whose it is.
func WellFormed(s string) bool { return wellFormed(s, prefixLive) || wellFormed(s, prefixTest) }

func wellFormed(s, prefix string) bool {
	if len(s) != secretLength || !strings.HasPrefix(s, prefix) {
		return false
	}
	for i := len(prefixLive); i < len(s); i++ {
		if strings.IndexByte(base62, s[i]) < 0 {
			return false
		}
	}
	body := s[:secretLength-checksumLength]
	return string(appendChecksum([]byte(body))) == s
}

// LooksGenerated reports whether s begins like a generated secret, in any letter
// case, as one that was cut off or mistyped still does.
func LooksGenerated(s string) bool {
	if len(s) < len(prefixLive) {
		return false
	}
	begin := strings.ToLower(s[:len(prefixLive)])
	return begin == prefixLive || begin == prefixTest
}

// hintLength is how many characters of a secret a hint shows. Those of a
// generated secret belong to its checksum.
const hintLength = 4

// Hint returns what may be shown of s for ever: the prefix, if we made it, and
// the last four characters. It is empty for brought secrets below 32
// characters, of which four would be too much.
func Hint(s string) string {
	const longEnough = 32
	switch {
	case WellFormed(s):
		return s[:len(prefixLive)] + "…" + s[len(s)-hintLength:]
	case len(s) >= longEnough && printable(s):
		return "…" + s[len(s)-hintLength:]
	}
	return ""
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// appendRandom appends n random base62 digits, each of them equally likely:
// bytes that would favour some are drawn again. A failing random source stops
// the process (crypto/rand).
func appendRandom(dst []byte, n int) []byte {
	const fair = 256 / len(base62) * len(base62)
	var buf [64]byte
	for n > 0 {
		rand.Read(buf[:])
		for _, b := range buf {
			if int(b) < fair && n > 0 {
				dst = append(dst, base62[int(b)%len(base62)])
				n--
			}
		}
	}
	return dst
}

// appendChecksum appends the CRC-32 of s, most significant digit first.
func appendChecksum(s []byte) []byte {
	sum := crc32.ChecksumIEEE(s)
	var digits [checksumLength]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return append(s, digits[:]...)
}
