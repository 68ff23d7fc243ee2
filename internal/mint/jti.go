package mint

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// uuid is a UUID in binary.
type uuid = [16]byte

// newJTI returns a UUIDv7 (RFC 9562 §5.7): the milliseconds of now, by which a
// mint and a revocation within one second are ordered, and 74 random bits.
func newJTI(now time.Time) uuid {
	var id uuid
	rand.Read(id[6:])
	putMillis(id[:], now)
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // variant
	return id
}

// formatJTI spells a UUID.
func formatJTI(id [16]byte) string {
	var s [36]byte
	hex.Encode(s[0:], id[0:4])
	hex.Encode(s[9:], id[4:6])
	hex.Encode(s[14:], id[6:8])
	hex.Encode(s[19:], id[8:10])
	hex.Encode(s[24:], id[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
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
