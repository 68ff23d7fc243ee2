package console

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage/internal/usage"
)

// clientUse is what came of a client's requests in 24 hours.
type clientUse struct {
	Issued, Refused int64
	Spark           spark
}

// spark is a small chart of bars, one for each hour.
type spark struct {
	Width int
	Rects []rect
	Said  string
}

// Size of a spark in its own units; the page scales it.
const (
	sparkHours  = 24
	sparkSlot   = 4
	sparkHeight = 20
)

// addUses adds the tokens of 24 hours of the clients on the page, by one query.
func (c *console) addUses(ctx context.Context, q *request, d *clientList) error {
	if c.cfg.Usage == nil || !q.viewer.May("usage:read") || len(d.Rows) == 0 {
		return nil
	}
	ids := make([]string, len(d.Rows))
	for i, r := range d.Rows {
		ids[i] = r.ID
	}
	since := c.cfg.Now().UTC().Truncate(time.Hour).Add(-(sparkHours - 1) * time.Hour)
	sums, err := c.cfg.Usage.Sums(ctx, usage.Query{Tenant: q.tenant.ID, Clients: ids, Since: since, Step: time.Hour, ByClient: true})
	if err != nil {
		return err
	}
	hours := map[string]*[sparkHours]int64{}
	d.Uses = map[string]*clientUse{}
	for _, id := range ids {
		d.Uses[id], hours[id] = &clientUse{}, &[sparkHours]int64{}
	}
	for _, s := range sums {
		u, at := d.Uses[s.ClientID], int(s.Start.Sub(since)/time.Hour)
		if u == nil || at < 0 || at >= sparkHours {
			continue
		}
		u.Issued, u.Refused = u.Issued+s.Issued, u.Refused+s.Refused
		hours[s.ClientID][at] += s.Issued
	}
	for id, u := range d.Uses {
		u.Spark = sparkOf(hours[id])
	}
	return nil
}

func sparkOf(hours *[sparkHours]int64) spark {
	s := spark{Width: sparkHours * sparkSlot}
	var most, all int64
	for _, n := range hours {
		most, all = max(most, n), all+n
	}
	for i, n := range hours {
		if n > 0 {
			h := max(1, int(sparkHeight*n/most))
			s.Rects = append(s.Rects, rect{X: i * sparkSlot, Y: sparkHeight - h, W: sparkSlot - 1, H: h})
		}
	}
	s.Said = fmt.Sprintf("%d tokens in 24 hours, at most %d in an hour", all, most)
	return s
}
