package console

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/manage"
)

func overviewRoutes() []route {
	return []route{{pattern: "GET /t/{tenant}/overview", access: operator, scope: "clients:read", handle: (*console).overview}}
}

// overviewPage is what a tenant opens with: what needs somebody, first.
type overviewPage struct {
	Needs    []need
	Clients  int
	Disabled int
	Unused   int
	Ending   []*clientRow // whose secret ends within 30 days
	Reasons  []reasonTally
	Refused  []tallied // clients
	Total    int64     // refused in a day
	More     bool      // whether the log has more than was counted
	Keys     []keyRow
	Version  string
	MayLog   bool
	MayKeys  bool
}

// need is something that somebody should look at.
type need struct {
	Kind, Text, Link, Action string
}

// reasonTally is how often a reason refused.
type reasonTally struct {
	explain.Reason
	Count int64
	Share int // of the most frequent, in percent
}

const (
	overviewMost = 2000 // records that an overview counts
	overviewTop  = 5
	endingSoon   = 30 * day
)

func (c *console) overview(ctx context.Context, q *request) (*answer, error) {
	d := &overviewPage{Version: c.cfg.Version, MayLog: q.viewer.May("requests:read"), MayKeys: q.viewer.May("keys:read")}
	if err := c.addClients(ctx, q, d); err != nil {
		return nil, err
	}
	if d.MayLog {
		if err := c.addRefused(ctx, q, d); err != nil {
			return nil, err
		}
	}
	if d.MayKeys {
		if err := c.addKeys(ctx, q, d); err != nil {
			return nil, err
		}
	}
	return shown("overview", "overview", "Overview", d), nil
}

func (c *console) addClients(ctx context.Context, q *request, d *overviewPage) error {
	rows, err := c.index.clients(ctx, q.tenant.ID)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	at := link(q.tenant.ID, "clients")
	if len(rows) == 0 {
		d.Needs = append(d.Needs, need{Kind: "plain", Text: "No client yet.", Link: at + "/new", Action: "Add Client"})
	}
	retiring, bare := 0, 0
	for _, r := range rows {
		d.Clients++
		switch {
		case r.Disabled:
			d.Disabled++
			continue
		case r.Secrets == 0:
			bare++
		case !r.Expires.IsZero() && r.Expires.Sub(now) < endingSoon:
			d.Ending = append(d.Ending, r)
		}
		if r.Retiring {
			retiring++
		}
		if r.LastUsed.Before(now.Add(-90*day)) && r.Created.Before(now.Add(-90*day)) {
			d.Unused++
		}
	}
	add := func(n int, kind, what, where, action string) {
		if n > 0 {
			d.Needs = append(d.Needs, need{Kind: kind, Text: count(n) + what, Link: at + where, Action: action})
		}
	}
	add(len(d.Ending), "warn", " secrets end within 30 days.", "?expires=30&sort=expires", "Rotate them")
	add(bare, "bad", " clients have no secret that works.", "?status=no-secret", "See them")
	add(retiring, "plain", " clients are in the middle of a rotation.", "?status=rotating", "See them")
	add(d.Unused, "plain", " clients were not used for 90 days.", "?unused=90", "See them")
	d.Ending = d.Ending[:min(len(d.Ending), overviewTop)]
	return nil
}

func (c *console) addRefused(ctx context.Context, q *request, d *overviewPage) error {
	records, err := c.manager.Requests(ctx, manage.RequestQuery{
		Tenant: q.tenant.ID, Refused: true, Since: c.cfg.Now().Add(-24 * time.Hour), Limit: overviewMost,
	})
	if err != nil {
		return err
	}
	d.More = len(records) == overviewMost
	for _, r := range records {
		d.Total += r.Count
	}
	for i, n := range tally(records, func(r *mintage.RequestRecord) string { return rowOfRequest(q.tenant.ID, r).Reason.Code }) {
		if i == 2*overviewTop {
			break
		}
		reason, _ := explain.Lookup(n.Key)
		t := reasonTally{Reason: reason, Count: n.Count, Share: 100}
		if len(d.Reasons) > 0 {
			t.Share = max(1, int(100*n.Count/d.Reasons[0].Count))
		}
		d.Reasons = append(d.Reasons, t)
	}
	for _, n := range tally(records, func(r *mintage.RequestRecord) string { return r.ClientID }) {
		if n.Key != "" && len(d.Refused) < overviewTop {
			d.Refused = append(d.Refused, n)
		}
	}
	return nil
}

func (c *console) addKeys(ctx context.Context, q *request, d *overviewPage) error {
	rows, err := c.keyRows(ctx, q)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.State != string(mintage.KeyGone) {
			d.Keys = append(d.Keys, r)
		}
	}
	return nil
}
