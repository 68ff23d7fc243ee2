package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/usage"
)

// Usage makes sums of token requests.
type Usage interface {
	Sums(ctx context.Context, q usage.Query) ([]usage.Sum, error)
	Scopes(ctx context.Context, tenant, api string, since time.Time) (map[string]usage.ScopeUse, error)
	Advice(ctx context.Context, tenant string) ([]usage.Advice, error)
}

func usageRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/usage", access: member, scope: "usage:read", handle: (*console).usage},
		{pattern: "GET /t/{tenant}/usage.csv", access: member, scope: "usage:read", handle: (*console).usageCSV},
	}
}

// usageSpan is how far a page of usage looks back, and in which steps.
type usageSpan struct {
	Key, Title string
	Back, Step time.Duration
	Label      string // layout of a step's time
}

var usageSpans = []usageSpan{
	{"day", "24 hours", 24 * time.Hour, time.Hour, "15:04"},
	{"week", "7 days", 7 * day, 6 * time.Hour, "2 Jan"},
	{"month", "30 days", 30 * day, day, "2 Jan"},
}

// usagePage is the page of usage.
type usagePage struct {
	Spans              []tab
	Span               string
	Client, API, Scope string
	Bars               *bars
	Issued, Refused    int64
	Clients            []usageRow
	APIs, Scopes       []usageRow
	Days               []usageRow
	Advice             []adviceRow
	CSV                string
	Base               string // address of the page
	Off                bool   // whether nobody counts
	TooMany            bool   // whether a table is empty for having too many lines
}

// Narrowed reports whether the page is about a part.
func (d *usagePage) Narrowed() bool { return d.Client+d.API+d.Scope != "" }

// usageRow is a line of a table.
type usageRow struct {
	Key, Name       string
	Issued, Refused int64
	Share           int // of the greatest, in percent
	Limit           int // tokens a minute that a client may have; zero: any number
}

// adviceRow is a client that should keep its tokens.
type adviceRow struct {
	usage.Advice
	Name string
}

const (
	usageTop  = 20 // lines of a table
	usageDays = 31
)

// usageQuery reads the span of an address, and what it is narrowed to.
func (c *console) usageQuery(ctx context.Context, q *request) (usageSpan, usage.Query, error) {
	span := usageSpans[0]
	for _, s := range usageSpans {
		if s.Key == q.query("span") {
			span = s
		}
	}
	since := c.cfg.Now().Add(-span.Back).UTC().Truncate(span.Step).Add(span.Step)
	query := usage.Query{
		Tenant: q.tenant.ID, Organization: q.viewer.organization(), ClientID: q.query("client"), API: q.query("api"), Scope: q.query("scope"), Since: since,
	}
	var err error
	if query.ClientID != "" && !q.viewer.Operator() {
		_, err = c.ownClient(ctx, q, query.ClientID)
	}
	return span, query, err
}

func (c *console) usage(ctx context.Context, q *request) (*answer, error) {
	span, query, err := c.usageQuery(ctx, q)
	if err != nil {
		return nil, err
	}
	at := link(q.tenant.ID, "usage")
	v := q.r.URL.Query()
	d := &usagePage{Client: query.ClientID, API: query.API, Scope: query.Scope, Off: c.cfg.Usage == nil, Span: span.Key, Base: at}
	for _, s := range usageSpans {
		v.Set("span", s.Key)
		d.Spans = append(d.Spans, tab{Title: s.Title, Link: at + "?" + v.Encode(), Current: s.Key == span.Key})
	}
	v.Set("span", span.Key)
	d.CSV = at + ".csv?" + v.Encode()
	if d.Off {
		return shown("usage", "usage", "Usage", d), nil
	}
	if d.Bars, err = c.barsFor(ctx, query, span); err != nil {
		return nil, err
	}
	for _, p := range d.Bars.Legend {
		if p.Class == 0 {
			d.Issued += p.Count
		} else {
			d.Refused += p.Count
		}
	}
	if err := c.usageTables(ctx, q, query, d); err != nil {
		return nil, err
	}
	return shown("usage", "usage", "Usage", d), nil
}

// barsFor draws what came of the requests that a query is about.
func (c *console) barsFor(ctx context.Context, query usage.Query, span usageSpan) (*bars, error) {
	query.Step, query.ByReason = span.Step, true
	sums, err := c.cfg.Usage.Sums(ctx, query)
	if err != nil {
		return nil, err
	}
	return barsOf(sums, query.Since, c.cfg.Now(), span), nil
}

// usageTables adds the sums by client, API, scope and day, and the advice.
func (c *console) usageTables(ctx context.Context, q *request, query usage.Query, d *usagePage) error {
	for _, t := range []struct {
		into *[]usageRow
		set  func(*usage.Query)
		key  func(usage.Sum) string
	}{
		{&d.Clients, func(u *usage.Query) { u.ByClient = true }, func(s usage.Sum) string { return s.ClientID }},
		{&d.APIs, func(u *usage.Query) { u.ByAPI, u.Issued = true, true }, func(s usage.Sum) string { return s.API }},
		{&d.Scopes, func(u *usage.Query) { u.ByScope, u.Issued = true, true }, func(s usage.Sum) string { return s.Scope }},
	} {
		by := query
		t.set(&by)
		sums, err := c.cfg.Usage.Sums(ctx, by)
		if errors.Is(err, usage.ErrTooMany) {
			d.TooMany = true
			continue
		}
		if err != nil {
			return err
		}
		*t.into = usageRows(sums, t.key)
	}
	if err := c.nameClients(ctx, q, d.Clients); err != nil {
		return err
	}
	if err := c.usageByDay(ctx, query, d); err != nil {
		return err
	}
	advice, err := c.cfg.Usage.Advice(ctx, q.tenant.ID)
	if err != nil {
		return err
	}
	for _, a := range advice {
		if query.ClientID != "" && query.ClientID != a.ClientID {
			continue
		}
		cl, err := c.ownClient(ctx, q, a.ClientID)
		switch {
		case errors.Is(err, mintage.ErrNotFound): // another's, or gone
		case err != nil:
			return err
		default:
			d.Advice = append(d.Advice, adviceRow{Advice: a, Name: cl.Name})
		}
		if len(d.Advice) == usageTop { // the worst come first
			break
		}
	}
	return nil
}

// usageByDay adds the sums of each day, the last one first.
func (c *console) usageByDay(ctx context.Context, query usage.Query, d *usagePage) error {
	query.Step, query.Since = day, query.Since.Truncate(day)
	sums, err := c.cfg.Usage.Sums(ctx, query)
	if err != nil {
		return err
	}
	for _, s := range slices.Backward(sums) {
		if len(d.Days) < usageDays {
			d.Days = append(d.Days, usageRow{Name: s.Start.UTC().Format(time.DateOnly), Issued: s.Issued, Refused: s.Refused})
		}
	}
	return nil
}

func usageRows(sums []usage.Sum, key func(usage.Sum) string) []usageRow {
	var out []usageRow
	for _, s := range sums {
		k := key(s)
		out = append(out, usageRow{Key: k, Name: cmp.Or(k, "none"), Issued: s.Issued, Refused: s.Refused})
	}
	slices.SortFunc(out, func(a, b usageRow) int {
		return cmp.Or(cmp.Compare(b.Issued+b.Refused, a.Issued+a.Refused), strings.Compare(a.Key, b.Key))
	})
	out = out[:min(len(out), usageTop)]
	for i := range out {
		if most := out[0].Issued + out[0].Refused; most > 0 {
			out[i].Share = int(100 * (out[i].Issued + out[i].Refused) / most)
		}
	}
	return out
}

// usageCSV is the sums by client and step as a file.
func (c *console) usageCSV(ctx context.Context, q *request) (*answer, error) {
	if c.cfg.Usage == nil {
		return nil, mintage.ErrNotFound
	}
	span, query, err := c.usageQuery(ctx, q)
	if err != nil {
		return nil, err
	}
	query.Step, query.ByClient, query.ByReason = span.Step, true, true
	sums, err := c.cfg.Usage.Sums(ctx, query)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	rows := [][]string{{"start", "client_id", "reason", "issued", "refused"}}
	for _, s := range sums {
		rows = append(rows, []string{
			stamp(s.Start), inert(s.ClientID), s.Reason, strconv.FormatInt(s.Issued, 10), strconv.FormatInt(s.Refused, 10),
		})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return &answer{file: "usage-" + q.tenant.ID + ".csv", media: "text/csv;charset=UTF-8", body: buf.Bytes()}, nil
}
