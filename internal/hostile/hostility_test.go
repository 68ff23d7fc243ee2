package hostile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/hostile"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want hostile.Hostility
		bad  string // part of the error
	}{
		{"refuse=5", hostile.Hostility{RefusePercent: 5}, ""},
		{"refuse=5%,503=10,retry-after=2s", hostile.Hostility{RefusePercent: 5, UnavailablePercent: 10, RetryAfter: 2 * time.Second}, ""},
		{"clock=-30s,rotate=1m,delay=50ms", hostile.Hostility{ClockOffset: -30 * time.Second, RotateKeysEvery: time.Minute, Delay: 50 * time.Millisecond}, ""},
		{hostile.Preset().String(), hostile.Preset(), ""},
		{"", hostile.Hostility{}, `"" is not name=value`},
		{"refuse", hostile.Hostility{}, `"refuse" is not name=value`},
		{"refuse=5,refuse=6", hostile.Hostility{}, "twice"},
		{"refuse=-1", hostile.Hostility{}, "from 0 to 100"},
		{"refuse=half", hostile.Hostility{}, "whole number"},
		{"delay=5", hostile.Hostility{}, "200ms"},
		{"delay=1h", hostile.Hostility{}, "delay"},
		{"rotate=1ms", hostile.Hostility{}, "rotate"},
		{"clock=1000h", hostile.Hostility{}, "clock"},
		{"retry-after=1500ms", hostile.Hostility{}, "whole seconds"},
		{"refuse-after=-1s", hostile.Hostility{}, "refuse-after"},
		{"429=50,503=50,reset=1", hostile.Hostility{}, "100 percent"},
		{"500=50", hostile.Hostility{}, "none of refuse"},
	} {
		got, err := hostile.Parse(c.text)
		switch {
		case c.bad == "" && (err != nil || got != c.want):
			t.Errorf("%s: got %+v, %v, want %+v", c.text, got, err, c.want)
		case c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)):
			t.Errorf("%s: got %+v, %v, want an error with %q", c.text, got, err, c.bad)
		}
	}
}

// What parses prints back the same, and is within the bounds.
func FuzzParse(f *testing.F) {
	f.Add(hostile.Preset().String())
	f.Add("refuse=5%,refuse-after=1h,clock=-1s")
	f.Add("429=100")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := hostile.Parse(text)
		if err != nil {
			return
		}
		if err := h.Validate(); err != nil {
			t.Errorf("%q parses and is not valid: %v", text, err)
		}
		if h == (hostile.Hostility{}) {
			return // which has no form of its own
		}
		again, err := hostile.Parse(h.String())
		if err != nil || again != h {
			t.Errorf("%q prints as %q, which is %+v, %v", text, h, again, err)
		}
	})
}
