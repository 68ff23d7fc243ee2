package yamlfile

import (
	"errors"
	"strconv"
	"time"
)

// ErrDuration says how a duration is written.
var ErrDuration = errors.New("write a duration as a whole number and one of s, m, h, d, such as 90d, 1h or 30s")

const maxDuration = 100 * 366 * 24 * time.Hour

// ParseDuration reads a duration as all our files have it: a whole number that
// is not zero, and one of the units s, m, h and d.
func ParseDuration(s string) (time.Duration, error) {
	if len(s) < 2 || s[0] < '0' || s[0] > '9' {
		return 0, ErrDuration
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	unit, ok := units[s[len(s)-1]]
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
	switch {
	case !ok || err != nil:
		return 0, ErrDuration
	case n == 0:
		return 0, errors.New("a duration of nothing means nothing: write at least 1s")
	case n > int64(maxDuration/unit):
		return 0, errors.New("the duration is longer than a hundred years")
	}
	return time.Duration(n) * unit, nil
}
