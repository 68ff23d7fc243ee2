package mint

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// newJTI returns a UUIDv7 (RFC 9562 §5.7): the milliseconds of now, by which a
// mint and a revocation within one second are ordered, and 74 random bits.
func newJTI(now time.Time) string {
	var id [16]byte
	rand.Read(id[6:])
	putMillis(id[:], now)
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // variant
	var s [36]byte
	at := 0
	for i, b := range id {
		switch i {
		case 4, 6, 8, 10:
			s[at] = '-'
			at++
		}
		hex.Encode(s[at:], []byte{b})
		at += 2
	}
	return string(s[:])
}

// putMillis writes the Unix time in milliseconds into the first six bytes, big
// endian.
func putMillis(dst []byte, t time.Time) {
	ms := uint64(t.UnixMilli())
	for i := range 6 {
		dst[i] = byte(ms >> (40 - 8*i)) //nolint:gosec // the low byte is what is wanted
	}
}
