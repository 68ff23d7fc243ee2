package console

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// Of a tenant that has more clients than the index keeps, pages show what the
// database finds, a page at a time, and count no further than is cheap.

const (
	countedMost = 1000    // clients that are counted one by one
	fileMost    = 100_000 // lines of a file
)

// query is the filter as the database has it. It looks for a text in names and
// identifiers, not in labels.
func (f clientFilter) query(q *request, now time.Time) manage.ClientQuery {
	out := manage.ClientQuery{
		Tenant: q.tenant.ID, Text: f.Q, Status: manage.ClientStatus(strings.ReplaceAll(f.Status, "-", "_")), ResourceServer: f.API,
		Organization: f.Organization,
	}
	if own := q.viewer.organization(); own != "" {
		if f.Organization != "" && f.Organization != own {
			out.ManagedBy = " " // no file has that name
		}
		out.Organization = own
	}
	name, value, both := strings.Cut(f.Label, "=")
	if out.Label = name; both {
		out.LabelValue = &value
	}
	if f.Expires > 0 {
		out.ExpiresUntil = now.Add(time.Duration(f.Expires) * day)
	}
	if f.Unused > 0 {
		out.UnusedSince = now.Add(-time.Duration(f.Unused) * day)
	}
	order, descending := strings.CutPrefix(f.Sort, "-")
	out.Order, out.Descending = manage.ClientOrder(order), descending
	if order == "" {
		out.Order = manage.ByName
	}
	return out
}

// addRowsOfMany adds a page of a very long list.
func (c *console) addRowsOfMany(ctx context.Context, q *request, d *clientList) (err error) {
	now := c.cfg.Now()
	query := d.Filter.query(q, now)
	d.Many = true
	all := manage.ClientQuery{Tenant: query.Tenant, Organization: q.viewer.organization()}
	if d.All, err = c.manager.CountFound(ctx, all); err != nil {
		return err
	}
	if d.Found = d.All; d.Filter.Set() {
		if d.Found, d.More, err = c.countClients(ctx, query); err != nil {
			return err
		}
	}
	at, v := link(q.tenant.ID, "clients"), d.Filter.values()
	d.CSV = at + ".csv?" + v.Encode()
	if query.After = readMark(q.query("after")); query.After != (manage.ClientMark{}) {
		d.First = at + "?" + v.Encode()
	}
	query.Limit = pageSize + 1
	list, err := c.manager.FindClients(ctx, query)
	if err != nil {
		return err
	}
	if len(list) > pageSize {
		list = list[:pageSize]
		v.Set("after", writeMark(list[pageSize-1].Mark))
		d.Next = at + "?" + v.Encode()
	}
	for _, l := range list {
		d.Rows = append(d.Rows, rowOf(l.Client, now))
	}
	return nil
}

// writeMark writes a place in a list for an address.
func writeMark(m manage.ClientMark) string {
	return base64.RawURLEncoding.EncodeToString([]byte(m.Key + "\x00" + m.ID))
}

// readMark reads what writeMark wrote; anything else is the beginning.
func readMark(s string) (m manage.ClientMark) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if i := strings.LastIndexByte(string(raw), 0); err == nil && i >= 0 {
		m.Key, m.ID = string(raw[:i]), string(raw[i+1:])
	}
	return m
}

// fileOfMany returns the rows of a very long list, page by page.
func (c *console) fileOfMany(ctx context.Context, q *request, f clientFilter) (rows []*clientRow, err error) {
	now := c.cfg.Now()
	query := f.query(q, now)
	query.Limit = indexStep
	for {
		list, err := c.manager.FindClients(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			rows = append(rows, rowOf(l.Client, now))
		}
		switch {
		case len(rows) > fileMost:
			return nil, &mintage.FieldError{Message: "the list has more than " + count(fileMost) +
				" clients: narrow it by the filters, or have `mintage client list` print them all"}
		case len(list) < indexStep:
			return rows, nil
		}
		query.After = list[len(list)-1].Mark
	}
}

// countClients counts the clients that a query asks for, up to a bound, and
// reports whether there are more.
func (c *console) countClients(ctx context.Context, query manage.ClientQuery) (n int, more bool, err error) {
	query.Limit = countedMost + 1
	n, err = c.manager.CountFound(ctx, query)
	return min(n, countedMost), n > countedMost, err
}

// addManyClients adds to the overview how many clients there are, and where to
// find those that need somebody: looking at each takes too long.
func (c *console) addManyClients(ctx context.Context, q *request, d *overviewPage) (err error) {
	d.Many = true
	if d.Clients, err = c.manager.CountFound(ctx, manage.ClientQuery{Tenant: q.tenant.ID}); err != nil {
		return err
	}
	at := link(q.tenant.ID, "clients")
	d.Needs = append(d.Needs,
		need{Kind: "plain", Text: "With so many clients, those without a secret that works are not counted here.", Link: at + "?status=no-secret", Action: "Look for them"},
		need{Kind: "plain", Text: "Nor are those that were not used for 90 days.", Link: at + "?unused=90", Action: "Look for them"})
	return nil
}

// nameClients puts the names of clients, and how many tokens a minute they may
// have, in the lines of a table whose keys are their identifiers, where the
// viewer may know of them.
func (c *console) nameClients(ctx context.Context, q *request, rows []usageRow) error {
	for i := range rows {
		if rows[i].Key == "" {
			continue
		}
		cl, err := c.ownClient(ctx, q, rows[i].Key)
		switch {
		case errors.Is(err, mintage.ErrNotFound): // it is gone
		case err != nil:
			return err
		default:
			rows[i].Name, rows[i].Limit = cl.Name, cl.Limits.TokensPerMinute
		}
	}
	return nil
}
