package console

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/usage"
)

func overviewRoutes() []route {
	return []route{{pattern: "GET /t/{tenant}/overview", access: operator, scope: "clients:read", handle: (*console).overview}}
}

// overviewPage is what a tenant opens with: what needs somebody, first.
type overviewPage struct {
	Needs    []need
	Clients  int
	Many     bool // whether there are too many to look at each
	Disabled int
	Unused   int
	Ending   []*clientRow // whose secret ends within 30 days
	KeysDue  []keyRow     // that are replaced within 30 days
	Bars     *bars        // what came of requests in a day; nil: nobody counts
	Rate     string       // tokens a second in the last minutes
	Mean     string       // the same in a day
	Reasons  []reasonTally
	Refused  []usageRow // clients
	Total    int64      // refused in a day
	Keys     []keyRow
	Server   *ServerState
	Backup   string // good or warn
	Drifted  int
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
	overviewTop = 5
	endingSoon  = 30 * day
	rateOver    = 5 * time.Minute // that a rate is the mean of
)

func (c *console) overview(ctx context.Context, q *request) (*answer, error) {
	d := &overviewPage{
		Version: c.cfg.Version, MayLog: q.viewer.May("requests:read"), MayKeys: q.viewer.May("keys:read"), Server: c.state(ctx),
	}
	d.Backup = d.Server.BackupKind(c.cfg.Now())
	for _, add := range []func(context.Context, *request, *overviewPage) error{
		c.addServer, c.addKeys, c.addClients, c.addDrift, c.addUsage,
	} {
		if err := add(ctx, q, d); err != nil {
			return nil, err
		}
	}
	return shown("overview", "overview", "Overview", d), nil
}

// addServer adds what needs whoever runs the server.
func (c *console) addServer(_ context.Context, _ *request, d *overviewPage) error {
	if !d.Server.Ready {
		for _, ch := range d.Server.Checks {
			d.Needs = append(d.Needs, need{Kind: "bad", Text: "The server is not ready: " + ch.Name + ": " + ch.Said + "."})
		}
	}
	if !d.Server.Backups || d.Backup == "good" {
		return nil
	}
	text := "No backup is known."
	if at := d.Server.LastBackup; !at.IsZero() {
		text = "The last backup was made " + momentOf(at, c.cfg.Now()).Said + "."
	}
	d.Needs = append(d.Needs, need{Kind: "warn", Text: text, Link: c.cfg.DocsURL() + "/howto/back-up", Action: "How to back up"})
	return nil
}

func (c *console) addClients(ctx context.Context, q *request, d *overviewPage) error {
	rows, err := c.index.clients(ctx, q.tenant.ID)
	if errors.Is(err, errMany) {
		return c.addManyClients(ctx, q, d)
	}
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
	add(bare, "bad", " clients have no secret that works.", "?status=no-secret", "See them")
	add(len(d.Ending), "warn", " secrets end within 30 days.", "?expires=30&sort=expires", "Rotate them")
	add(retiring, "plain", " clients are in the middle of a rotation.", "?status=rotating", "See them")
	add(d.Unused, "plain", " clients were not used for 90 days.", "?unused=90", "See them")
	slices.SortStableFunc(d.Ending, func(a, b *clientRow) int { return a.Expires.Compare(b.Expires) })
	d.Ending = d.Ending[:min(len(d.Ending), overviewTop)]
	return nil
}

// addUsage adds the chart of a day, rates, the most frequent reasons and the
// clients that were refused most.
func (c *console) addUsage(ctx context.Context, q *request, d *overviewPage) error {
	if c.cfg.Usage == nil || !q.viewer.May("usage:read") {
		return nil
	}
	now, span := c.cfg.Now().UTC(), usageSpans[0]
	query := usage.Query{Tenant: q.tenant.ID, Since: now.Add(-span.Back).Truncate(span.Step).Add(span.Step)}
	var err error
	if d.Bars, err = c.barsFor(ctx, query, span); err != nil {
		return err
	}
	reasons := query
	reasons.ByReason = true
	sums, err := c.cfg.Usage.Sums(ctx, reasons)
	if err != nil {
		return err
	}
	var issued int64
	refused := map[string]int64{}
	for _, s := range sums {
		issued += s.Issued
		if s.Refused > 0 {
			refused[s.Reason] += s.Refused
			d.Total += s.Refused
		}
	}
	d.Reasons = reasonsOf(refused)
	d.Mean = perSecond(issued, now.Sub(query.Since))
	lately := usage.Query{Tenant: q.tenant.ID, Issued: true, Since: now.Add(-rateOver).Truncate(time.Minute)}
	if sums, err = c.cfg.Usage.Sums(ctx, lately); err != nil {
		return err
	}
	issued = 0
	for _, s := range sums {
		issued += s.Issued
	}
	d.Rate = perSecond(issued, now.Sub(lately.Since))
	query.Refused, query.ByClient = true, true
	sums, err = c.cfg.Usage.Sums(ctx, query)
	if err != nil && !errors.Is(err, usage.ErrTooMany) { // then none is named
		return err
	}
	if err := c.addRefused(ctx, q, sums, d); err != nil {
		return err
	}
	return c.addAdvice(ctx, q, d)
}

// reasonsOf are the most frequent reasons.
func reasonsOf(refused map[string]int64) []reasonTally {
	var out []reasonTally
	for i, n := range sorted(refused) {
		if i == 2*overviewTop {
			break
		}
		reason, ok := explain.Lookup(n.Key)
		if !ok {
			reason.Code = n.Key
		}
		t := reasonTally{Reason: reason, Count: n.Count, Share: 100}
		if len(out) > 0 {
			t.Share = max(1, int(100*n.Count/out[0].Count))
		}
		out = append(out, t)
	}
	return out
}

// perSecond says a rate.
func perSecond(n int64, over time.Duration) string {
	return strconv.FormatFloat(float64(n)/max(1, over.Seconds()), 'f', 2, 64)
}

// addRefused adds the clients that were refused most, by their names.
func (c *console) addRefused(ctx context.Context, q *request, sums []usage.Sum, d *overviewPage) error {
	rows := usageRows(sums, func(s usage.Sum) string { return s.ClientID })
	if err := c.nameClients(ctx, q, rows); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Key != "" && len(d.Refused) < overviewTop {
			d.Refused = append(d.Refused, r)
		}
	}
	return nil
}

// addAdvice adds that clients do not keep their tokens.
func (c *console) addAdvice(ctx context.Context, q *request, d *overviewPage) error {
	advice, err := c.cfg.Usage.Advice(ctx, q.tenant.ID)
	if n := len(advice); err == nil && n > 0 {
		d.Needs = append(d.Needs, need{
			Kind: "plain", Text: count(n) + " clients do not keep their tokens.", Link: link(q.tenant.ID, "usage"), Action: "See them",
		})
	}
	return err
}

// addDrift adds that objects are not as a file says.
func (c *console) addDrift(ctx context.Context, q *request, d *overviewPage) error {
	if !q.viewer.May("state:read") {
		return nil
	}
	found, err := c.drift(ctx, q.tenant.ID, driftOld)
	if d.Drifted = len(found); err == nil && d.Drifted > 0 {
		d.Needs = append(d.Needs, need{
			Kind: "warn", Text: count(d.Drifted) + " objects are not as the file says that was applied.", Link: link(q.tenant.ID, "config"), Action: "What drifted",
		})
	}
	return err
}

func (c *console) addKeys(ctx context.Context, q *request, d *overviewPage) error {
	if !d.MayKeys {
		return nil
	}
	rows, err := c.keyRows(ctx, q)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	for _, r := range rows {
		if r.State == string(mintage.KeyGone) {
			continue
		}
		d.Keys = append(d.Keys, r)
		switch {
		case r.Due.IsZero() || r.Due.Sub(now) > endingSoon:
			continue
		case r.Due.Before(now):
			d.Needs = append(d.Needs, need{
				Kind: "bad", Text: "The key " + r.ID + " should have been replaced " + momentOf(r.Due, now).Said + ".", Link: link(q.tenant.ID, "keys"), Action: "Keys",
			})
		}
		d.KeysDue = append(d.KeysDue, r)
	}
	return nil
}
