package explain

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// traceEncoding is Crockford's alphabet in lower case: identifiers sort as
// their times do, and no letter looks like a digit.
var traceEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewTraceID returns an identifier for a request that came at now: req_ and 16
// characters that hold 48 bits of Unix milliseconds and 32 random ones.
func NewTraceID(now time.Time) string {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16) // 48 bits last until the year 10889
	_, _ = rand.Read(b[6:10])                                      // never fails
	id := [20]byte{'r', 'e', 'q', '_'}
	traceEncoding.Encode(id[4:], b[:10])
	return string(id[:])
}
