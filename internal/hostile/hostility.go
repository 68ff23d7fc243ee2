package hostile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hostility says how an issuer misbehaves. The zero value is an issuer that
// does not. Package mintagetest explains the members.
type Hostility struct {
	RefusePercent      int
	RefuseAfter        time.Duration
	TooManyPercent     int
	UnavailablePercent int
	RetryAfter         time.Duration
	ResetPercent       int
	Delay              time.Duration
	RotateKeysEvery    time.Duration
	ClockOffset        time.Duration
}

// Bounds of a Hostility.
const (
	// maxDelay is less than the server gives an answer.
	maxDelay = 20 * time.Second
	// minRotation leaves time to make an RSA key.
	minRotation = time.Second
	// MaxClockOffset is less than keys are made in advance in tests, and than
	// they sign for.
	MaxClockOffset = 28 * 24 * time.Hour
)

// Preset is what --hostile means where nothing is said: something of all, of
// which a well-made client notices nothing.
func Preset() Hostility {
	return Hostility{
		RefusePercent: 5, TooManyPercent: 2, UnavailablePercent: 5, RetryAfter: time.Second, ResetPercent: 2,
		Delay: 50 * time.Millisecond, RotateKeysEvery: time.Minute, ClockOffset: 5 * time.Second,
	}
}

// setting is one member in the one-line form.
type setting struct {
	name    string
	percent func(*Hostility) *int // nil: it is a time
	time    func(*Hostility) *time.Duration
}

// settings are the members in the order in which they are printed.
func settings() []setting {
	return []setting{
		{name: "refuse", percent: func(h *Hostility) *int { return &h.RefusePercent }},
		{name: "refuse-after", time: func(h *Hostility) *time.Duration { return &h.RefuseAfter }},
		{name: "429", percent: func(h *Hostility) *int { return &h.TooManyPercent }},
		{name: "503", percent: func(h *Hostility) *int { return &h.UnavailablePercent }},
		{name: "retry-after", time: func(h *Hostility) *time.Duration { return &h.RetryAfter }},
		{name: "reset", percent: func(h *Hostility) *int { return &h.ResetPercent }},
		{name: "delay", time: func(h *Hostility) *time.Duration { return &h.Delay }},
		{name: "rotate", time: func(h *Hostility) *time.Duration { return &h.RotateKeysEvery }},
		{name: "clock", time: func(h *Hostility) *time.Duration { return &h.ClockOffset }},
	}
}

// Parse reads the one-line form, such as refuse=5,503=10,retry-after=2s. Percent
// signs may follow percentages. The error says what is wrong and what there is.
func Parse(s string) (Hostility, error) {
	var h Hostility
	seen := map[string]bool{}
	for part := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return Hostility{}, fmt.Errorf("%q is not name=value", part)
		}
		if seen[name] {
			return Hostility{}, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if err := h.set(name, value); err != nil {
			return Hostility{}, err
		}
	}
	return h, h.Validate()
}

func (h *Hostility) set(name, value string) error {
	var names []string
	for _, st := range settings() {
		names = append(names, st.name)
		switch {
		case st.name != name:
		case st.percent != nil:
			n, err := strconv.Atoi(strings.TrimSuffix(value, "%"))
			if err != nil {
				return fmt.Errorf("%s=%s: a percentage is a whole number from 0 to 100", name, value)
			}
			*st.percent(h) = n
			return nil
		default:
			d, err := time.ParseDuration(value)
			if err != nil {
				return fmt.Errorf("%s=%s: a time is written such as 200ms, 5s or 1m", name, value)
			}
			*st.time(h) = d
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
}

// String returns the one-line form, without what is zero; empty for the zero
// value.
func (h Hostility) String() string {
	var parts []string
	for _, st := range settings() {
		switch {
		case st.percent != nil && *st.percent(&h) != 0:
			parts = append(parts, st.name+"="+strconv.Itoa(*st.percent(&h)))
		case st.time != nil && *st.time(&h) != 0:
			parts = append(parts, st.name+"="+st.time(&h).String())
		}
	}
	return strings.Join(parts, ",")
}

// Validate says what an issuer cannot do.
func (h Hostility) Validate() error {
	for _, st := range settings() {
		if st.percent == nil {
			continue
		}
		if n := *st.percent(&h); n < 0 || n > 100 {
			return fmt.Errorf("%s=%d: a percentage is from 0 to 100", st.name, n)
		}
	}
	switch {
	case h.TooManyPercent+h.UnavailablePercent+h.ResetPercent > 100:
		return errors.New("429, 503 and reset share the same requests: they come to 100 percent at most")
	case h.RetryAfter < 0 || h.RetryAfter%time.Second != 0:
		return errors.New("retry-after is a number of whole seconds") // RFC 9110 §10.2.3
	case h.RefuseAfter < 0:
		return errors.New("refuse-after is a time from the token's issue on, zero or more")
	case h.Delay < 0 || h.Delay > maxDelay:
		return fmt.Errorf("delay is from 0 to %v", maxDelay)
	case h.RotateKeysEvery != 0 && h.RotateKeysEvery < minRotation:
		return fmt.Errorf("rotate is %v or more", minRotation)
	case max(h.ClockOffset, -h.ClockOffset) > MaxClockOffset:
		return fmt.Errorf("clock is wrong by %v at most", MaxClockOffset)
	}
	return nil
}

// fault is what happens to a request.
type fault int

const (
	faultNone fault = iota
	faultReset
	faultTooMany
	faultUnavailable
)

// plan is what happens to a hundred requests, one after the other.
type plan [100]fault

// plan spreads the faults evenly, the first of each as late as the others allow.
func (h Hostility) plan() (p plan) {
	for _, kind := range []struct {
		fault   fault
		percent int
	}{{faultReset, h.ResetPercent}, {faultTooMany, h.TooManyPercent}, {faultUnavailable, h.UnavailablePercent}} {
		for i := range kind.percent {
			at := (2*i + 1) * len(p) / (2 * kind.percent)
			for p[at] != faultNone {
				at = (at + 1) % len(p)
			}
			p[at] = kind.fault
		}
	}
	return p
}
