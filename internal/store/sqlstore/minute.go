package sqlstore

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/mintage-auth/mintage"
)

// minutes are the minute in which tokens end and the one in which they were
// made, by the time in their keys, both since 1970.
type minutes struct{ expires, made int64 }

func minutesOf(rec *mintage.TokenRecord) minutes {
	var ms [8]byte
	copy(ms[2:], rec.Key[:6])
	return minutes{
		expires: minute(rec.Expires.Unix()),
		made:    int64(binary.BigEndian.Uint64(ms[:])) / time.Minute.Milliseconds(), //nolint:gosec // 48 bits
	}
}

// minute returns the minute that a second is in.
func minute(second int64) int64 {
	m := second / 60
	if second%60 < 0 {
		m--
	}
	return m
}

func scanMinutes(row scanner) (minutes, error) {
	var m minutes
	err := row.Scan(&m.expires, &m.made)
	return m, err
}

// over reports whether the minute in which the tokens end is past at second.
func (m minutes) over(second int64) bool { return m.expires < minute(second) }

// keys returns the range of the keys made in the minute: from is in it, to is
// not.
func (m minutes) keys() (from, to []byte) {
	return firstKey(m.made), firstKey(m.made + 1)
}

// firstKey returns what is not above any key of a minute and above every
// earlier key.
func firstKey(made int64) []byte {
	ms := uint64(made) * uint64(time.Minute.Milliseconds()) //nolint:gosec // 48 bits and never negative
	if ms >= 1<<48 {
		return bytes.Repeat([]byte{0xff}, len(mintage.TokenRecord{}.Key)+1)
	}
	return binary.BigEndian.AppendUint64(nil, ms)[2:]
}
