package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
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
		{pattern: "GET /t/{tenant}/usage", access: operator, scope: "usage:read", handle: (*console).usage},
		{pattern: "GET /t/{tenant}/usage.csv", access: operator, scope: "usage:read", handle: (*console).usageCSV},
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
	Spans           []tab
	Client          string
	Bars            *bars
	Issued, Refused int64
	Clients         []usageRow
	APIs, Scopes    []usageRow
	Advice          []adviceRow
	CSV             string
	Off             bool // whether nobody counts
}

// usageRow is a line of a table.
type usageRow struct {
	Key, Name       string
	Issued, Refused int64
	Share           int // of the greatest, in percent
}

// adviceRow is a client that should keep its tokens.
type adviceRow struct {
	usage.Advice
	Name string
}

const usageTop = 20 // lines of a table

// usageQuery reads the span and the client of an address.
func (c *console) usageQuery(q *request) (usageSpan, usage.Query) {
	span := usageSpans[0]
	for _, s := range usageSpans {
		if s.Key == q.query("span") {
			span = s
		}
	}
	since := c.cfg.Now().Add(-span.Back).UTC().Truncate(span.Step).Add(span.Step)
	return span, usage.Query{Tenant: q.tenant.ID, ClientID: q.query("client"), Since: since}
}

func (c *console) usage(ctx context.Context, q *request) (*answer, error) {
	span, query := c.usageQuery(q)
	at := link(q.tenant.ID, "usage")
	d := &usagePage{Client: query.ClientID, CSV: at + ".csv?span=" + span.Key, Off: c.cfg.Usage == nil}
	for _, s := range usageSpans {
		d.Spans = append(d.Spans, tab{Title: s.Title, Link: at + "?span=" + s.Key, Current: s.Key == span.Key})
	}
	if d.Off {
		return shown("usage", "usage", "Usage", d), nil
	}
	byTime := query
	byTime.Step, byTime.ByReason = span.Step, true
	sums, err := c.cfg.Usage.Sums(ctx, byTime)
	if err != nil {
		return nil, err
	}
	for _, s := range sums {
		d.Issued += s.Issued
		d.Refused += s.Refused
	}
	d.Bars = barsOf(sums, query.Since, c.cfg.Now(), span)
	if err := c.usageTables(ctx, q, query, d); err != nil {
		return nil, err
	}
	return shown("usage", "usage", "Usage", d), nil
}

// usageTables adds the sums by client, API and scope, and the advice.
func (c *console) usageTables(ctx context.Context, q *request, query usage.Query, d *usagePage) error {
	names := map[string]string{}
	rows, err := c.index.clients(ctx, q.tenant.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		names[r.ID] = r.Name
	}
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
		if err != nil {
			return err
		}
		*t.into = usageRows(sums, t.key, names)
	}
	advice, err := c.cfg.Usage.Advice(ctx, q.tenant.ID)
	if err != nil {
		return err
	}
	for _, a := range advice {
		d.Advice = append(d.Advice, adviceRow{Advice: a, Name: cmp.Or(names[a.ClientID], a.ClientID)})
	}
	return nil
}

func usageRows(sums []usage.Sum, key func(usage.Sum) string, names map[string]string) []usageRow {
	var out []usageRow
	for _, s := range sums {
		k := key(s)
		out = append(out, usageRow{Key: k, Name: cmp.Or(names[k], k, "none"), Issued: s.Issued, Refused: s.Refused})
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
	span, query := c.usageQuery(q)
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
