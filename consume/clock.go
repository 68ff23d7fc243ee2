package consume

import (
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// dateError is how far a Date header may be off from what we expect with
	// both clocks right: it has whole seconds, and the answer took a while.
	dateError = 2 * time.Second
	// clockChange is how much another offset must differ for a request to be
	// worth sending again with it. Servers allow for a difference of some seconds.
	clockChange = 5 * time.Second
)

// clock knows how far a server's clock is ahead of ours, by what its answers
// said. The zero value is a clock that agrees.
type clock struct{ offset atomic.Int64 }

// at returns what the server's clock shows when ours shows now.
func (c *clock) at(now time.Time) time.Time { return now.Add(time.Duration(c.offset.Load())) }

// learn takes note of an answer's Date (RFC 9110 §6.6.1) that arrived at now for
// what was sent at sent. It reports whether it changed the offset by more than
// servers forgive.
func (c *clock) learn(h http.Header, sent, now time.Time) (changed bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" { // from a cache: who knows when
		return false
	}
	middle := sent.Add(now.Sub(sent) / 2)
	offset := date.Add(time.Second / 2).Sub(middle.Round(0)) // by the wall clock
	if offset.Abs() <= dateError+now.Sub(sent)/2 {
		offset = 0
	}
	before := time.Duration(c.offset.Swap(int64(offset)))
	return (offset - before).Abs() > clockChange
}

// local returns the time by our clock, with the monotonic reading of sent, at
// which the server's clock shows end.
func (c *clock) local(end, sent time.Time) time.Time {
	return sent.Add(end.Sub(c.at(sent).Round(0)))
}
