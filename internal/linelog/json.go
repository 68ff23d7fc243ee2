package linelog

import (
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// appendRecord appends the line of r as slog.JSONHandler spells it, or reports
// false when r has something that takes the library.
func appendRecord(dst []byte, r *slog.Record) ([]byte, bool) {
	dst = append(dst, '{')
	if !r.Time.IsZero() {
		dst = append(dst, `"time":`...)
		var ok bool
		if dst, ok = appendTime(dst, r.Time.Round(0)); !ok {
			return dst, false
		}
		dst = append(dst, ',')
	}
	dst = append(dst, `"level":"`...)
	dst = append(dst, r.Level.String()...)
	dst = append(dst, `","msg":`...)
	var ok bool
	if dst, ok = appendString(dst, r.Message); !ok {
		return dst, false
	}
	r.Attrs(func(a slog.Attr) bool {
		dst, ok = appendAttr(dst, &a)
		return ok
	})
	return append(dst, '}', '\n'), ok
}

// appendAttr appends a comma and a member, nothing for an empty Attr, and all
// members of a group without a name.
func appendAttr(dst []byte, a *slog.Attr) ([]byte, bool) {
	if a.Key == "" {
		if a.Value.Kind() != slog.KindGroup {
			return dst, false
		}
		group := a.Value.Group()
		for i := range group {
			var ok bool
			if dst, ok = appendAttr(dst, &group[i]); !ok {
				return dst, false
			}
		}
		return dst, true
	}
	dst, ok := appendString(append(dst, ','), a.Key)
	if !ok {
		return dst, false
	}
	return appendValue(append(dst, ':'), &a.Value)
}

func appendValue(dst []byte, v *slog.Value) ([]byte, bool) {
	switch v.Kind() {
	case slog.KindString:
		return appendString(dst, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10), true
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10), true
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool()), true
	case slog.KindDuration:
		return strconv.AppendInt(dst, int64(v.Duration()), 10), true
	case slog.KindTime:
		return appendTime(dst, v.Time())
	case slog.KindFloat64:
		const least, most = 1e-6, 1e21 // encoding/json writes others with an exponent
		f := v.Float64()
		if abs := math.Abs(f); f == 0 || abs < least || abs >= most || math.IsNaN(f) {
			return dst, false
		}
		return strconv.AppendFloat(dst, f, 'f', -1, 64), true
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
	}
	return dst, false
}

// appendTime appends a time of RFC 3339.
func appendTime(dst []byte, t time.Time) ([]byte, bool) {
	if y := t.Year(); y < 0 || y > 9999 {
		return dst, false
	}
	dst = t.AppendFormat(append(dst, '"'), time.RFC3339Nano)
	return append(dst, '"'), true
}

// appendString appends s in quotes when nothing in it has to be escaped. What
// it leaves to the library is rare.
func appendString(dst []byte, s string) ([]byte, bool) {
	for i := range len(s) {
		if !stands[s[i]] {
			if !plain(s[i:]) {
				return dst, false
			}
			break
		}
	}
	return append(append(append(dst, '"'), s...), '"'), true
}

// stands says which bytes stand as they are.
var stands = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// plain reports whether nothing in s has to be escaped.
func plain(s string) bool {
	for i, r := range s {
		if r < ' ' || r == '"' || r == '\\' || r == '\u2028' || r == '\u2029' || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return false
		}
	}
	return true
}
