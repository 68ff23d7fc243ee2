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
	return formatJTI(id)
}

// formatJTI spells a UUID.
func formatJTI(id [16]byte) string {
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

// parseJTI reads what formatJTI writes.
func parseJTI(s string) (id [16]byte, ok bool) {
	const groups = 4 // end with a hyphen
	var digits [2 * len(id)]byte
	if len(s) != len(digits)+groups {
		return id, false
	}
	n := 0
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return id, false
			}
			continue
		}
		digits[n] = s[i]
		n++
	}
	_, err := hex.Decode(id[:], digits[:])
	return id, err == nil
}

// millisOf reads what putMillis writes.
func millisOf(src []byte) int64 {
	var ms int64
	for i := range 6 {
		ms = ms<<8 | int64(src[i])
	}
	return ms
}

// putMillis writes the Unix time in milliseconds into the first six bytes, big
// endian.
func putMillis(dst []byte, t time.Time) {
	ms := uint64(t.UnixMilli())
	for i := range 6 {
		dst[i] = byte(ms >> (40 - 8*i)) //nolint:gosec // the low byte is what is wanted
	}
}
