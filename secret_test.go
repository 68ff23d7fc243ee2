package mintage_test

import (
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
)

// A secret that retires keeps what its end was, so that it can be taken back;
// its own end stays when it comes sooner.
func TestRetire(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	soon, late := start.Add(time.Hour), start.Add(100*time.Hour)
	for _, c := range []struct{ before, want time.Time }{{time.Time{}, start.Add(24 * time.Hour)}, {soon, soon}, {late, start.Add(24 * time.Hour)}} {
		s := mintage.Secret{Expires: c.before}
		s.Retire(start, start.Add(24*time.Hour))
		if !s.Expires.Equal(c.want) || !s.PreviousExpires.Equal(c.before) || !s.Retires(start) {
			t.Errorf("retired from %s: %+v, want the end %s", c.before, s, c.want)
		}
		s.Retire(start.Add(time.Minute), start.Add(time.Minute))
		if !s.PreviousExpires.Equal(c.before) || !s.Retiring.Equal(start) {
			t.Errorf("retired again: %+v", s)
		}
	}
}
