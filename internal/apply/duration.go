package apply

import (
	"strconv"
	"time"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// Duration is a whole number of seconds that is written 90d, 1h or 30s. Zero
// is written never.
type Duration time.Duration

const (
	day   = 24 * time.Hour
	never = "never"
)

// ParseDuration reads a duration as files have it: a whole number and one of
// the units s, m, h and d, or never, which is zero.
func ParseDuration(s string) (Duration, error) {
	if s == never {
		return 0, nil
	}
	d, err := yamlfile.ParseDuration(s)
	return Duration(d), err
}

// String returns the shortest form: 90d, not 7776000s.
func (d Duration) String() string {
	v := time.Duration(d)
	switch {
	case v == 0:
		return never
	case v%day == 0:
		return strconv.FormatInt(int64(v/day), 10) + "d"
	case v%time.Hour == 0:
		return strconv.FormatInt(int64(v/time.Hour), 10) + "h"
	case v%time.Minute == 0:
		return strconv.FormatInt(int64(v/time.Minute), 10) + "m"
	}
	return strconv.FormatInt(int64(v/time.Second), 10) + "s"
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
