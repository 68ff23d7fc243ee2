package usage

import (
	"context"
	"time"
)

// How long counts are kept by the minute, by the hour and by the day.
const (
	MinutesKept = 3 * time.Hour
	HoursKept   = 45 * 24 * time.Hour
	DaysKept    = 400 * 24 * time.Hour
)

// rolledAtOnce is how many counts one transaction moves, so that no other
// writer waits long.
const rolledAtOnce = 2000

// Roll moves counts that are old to longer spans, and deletes the oldest.
func (c *Counter) Roll(ctx context.Context) error {
	const day = 24 * time.Hour
	now := c.now()
	for _, r := range []struct{ from, to, keep time.Duration }{
		{time.Minute, time.Hour, MinutesKept}, {time.Hour, day, HoursKept}, {day, 0, DaysKept},
	} {
		before := now.Add(-r.keep)
		if r.to > 0 {
			before = before.Truncate(r.to) // a span moves whole
		}
		for {
			n, err := c.store.RollUsage(ctx, r.from, r.to, before, rolledAtOnce)
			if err != nil {
				return err
			}
			if n < rolledAtOnce {
				break
			}
		}
	}
	return nil
}
