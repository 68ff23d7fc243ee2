package console

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

func clientListRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/clients", access: member, scope: "clients:read", handle: (*console).clients},
		{pattern: "GET /t/{tenant}/clients.csv", access: member, scope: "clients:read", handle: (*console).clientsCSV},
		{pattern: "POST /t/{tenant}/clients/disable", access: member, scope: "clients:write", handle: (*console).disableClients},
	}
}

// pageSize is how many rows a list shows at one time.
const pageSize = 50

// clientFilter is what the URL of the list asks for.
type clientFilter struct {
	Q, Status, API, Organization string
	Label                        string // name=value
	Expires, Unused              int    // days; zero: any
	Sort                         string
	Page                         int // from 1
}

// Sorts of the list of clients, as the URL names them: as the admin API does.
var clientSorts = map[string]func(a, b *clientRow) int{
	"":          nil, // by name, as the index is
	"created":   func(a, b *clientRow) int { return a.Created.Compare(b.Created) },
	"last_used": func(a, b *clientRow) int { return a.LastUsed.Compare(b.LastUsed) },
	"expires":   func(a, b *clientRow) int { return compareEnds(a.Expires, b.Expires) },
}

// compareEnds puts what never ends behind all others.
func compareEnds(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		if a.IsZero() {
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

func clientFilterOf(q *request) clientFilter {
	f := clientFilter{
		Q: q.query("q"), Status: q.query("status"), API: q.query("api"), Organization: q.query("organization"),
		Expires: days(q.query("expires")), Unused: days(q.query("unused")), Sort: q.query("sort"), Page: max(1, days(q.query("page"))),
	}
	f.Label = q.query("label")
	if f.Sort == "name" {
		f.Sort = ""
	}
	if _, ok := clientSorts[strings.TrimPrefix(f.Sort, "-")]; !ok && f.Sort != "-name" {
		f.Sort = ""
	}
	return f
}

// days reads a number of an address; what is none is zero.
func days(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1_000_000 {
		return 0
	}
	return n
}

// Set reports whether the filter leaves anything out.
func (f clientFilter) Set() bool {
	return f.Q != "" || f.Status != "" || f.API != "" || f.Organization != "" || f.Label != "" || f.Expires > 0 || f.Unused > 0
}

// values returns the filter as the query of an address, without the page.
func (f clientFilter) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"q": f.Q, "status": f.Status, "api": f.API, "organization": f.Organization, "label": f.Label, "sort": f.Sort,
		"expires": number(f.Expires), "unused": number(f.Unused),
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// has reports whether the filter leaves r in.
func (f clientFilter) has(r *clientRow, now time.Time) bool {
	switch {
	case f.Q != "" && !strings.Contains(r.text, strings.ToLower(f.Q)),
		f.API != "" && !slices.Contains(r.APIs, f.API),
		f.Organization != "" && r.Organization != f.Organization,
		f.Label != "" && !slices.Contains(r.Labels, f.Label),
		f.Expires > 0 && (r.Expires.IsZero() || r.Expires.Sub(now) > time.Duration(f.Expires)*day),
		f.Unused > 0 && now.Sub(cmp.Or(r.LastUsed, r.Created)) < time.Duration(f.Unused)*day:
		return false
	}
	switch f.Status {
	case "active":
		return !r.Disabled
	case "disabled":
		return r.Disabled
	case "rotating":
		return r.Retiring
	case "no-secret":
		return r.Secrets == 0
	}
	return true
}

// clientList is the data of the list.
type clientList struct {
	Filter        clientFilter
	Rows          []*clientRow
	Found, All    int
	Many          bool // whether there are too many to be kept in memory
	More          bool // whether Found is what was counted before that stopped
	From          int
	First, Next   string
	CSV           string
	APIs          []option
	Organizations []option
	Labels        []option
	Statuses      []option
	Ends, Unused  []option
	Sorts         []option
	MayWrite      bool
	Soon          time.Time // what ends before it is marked
	Columns       map[string]column
	Uses          map[string]*clientUse // of the rows, by identifier; nil: nobody counts
}

// column is the head of a column that the list can be sorted by.
type column struct {
	Link  string // sorts by it, the other way around when it does already
	Order string // ascending, descending or empty, for aria-sort
}

// columns returns the heads by their sorts.
func (f clientFilter) columns(at string) map[string]column {
	out := map[string]column{}
	for sort, first := range map[string]string{"name": "", "last_used": "-", "expires": ""} { // what is looked for first
		now, v, c := cmp.Or(f.Sort, "name"), f.values(), column{}
		switch now {
		case sort:
			c.Order, first = "ascending", "-"
		case "-" + sort:
			c.Order, first = "descending", ""
		}
		v.Set("sort", first+sort)
		c.Link = at + "?" + v.Encode()
		out[sort] = c
	}
	return out
}

// option is one choice of a select.
type option struct {
	Value, Text string
	Selected    bool
}

// options makes choices of pairs of value and text.
func options(now string, pairs ...string) []option {
	var out []option
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, option{Value: pairs[i], Text: pairs[i+1], Selected: pairs[i] == now})
	}
	return out
}

// findClients returns the rows that the viewer may see and the filter leaves
// in, sorted, and how many there are without the filter.
func (c *console) findClients(ctx context.Context, q *request, f clientFilter) (found []*clientRow, all int, err error) {
	rows, err := c.index.clients(ctx, q.tenant.ID)
	if err != nil {
		return nil, 0, err
	}
	now := c.cfg.Now()
	for _, r := range rows {
		if !q.viewer.Sees(q.tenant.ID, r.Organization) {
			continue
		}
		all++
		if f.has(r, now) {
			found = append(found, r)
		}
	}
	order, descending := strings.CutPrefix(f.Sort, "-")
	if less := clientSorts[order]; less != nil {
		slices.SortStableFunc(found, less)
	}
	if descending {
		slices.Reverse(found)
	}
	return found, all, nil
}

func (c *console) clients(ctx context.Context, q *request) (*answer, error) {
	f := clientFilterOf(q)
	d := &clientList{
		Filter: f, MayWrite: q.viewer.May("clients:write"),
		Statuses: options(f.Status, "", "any status", "active", "active", "disabled", "disabled", "rotating", "rotating", "no-secret", "without a secret"),
		Ends:     options(number(f.Expires), "", "any expiry", "7", "ends in 7 days", "30", "ends in 30 days", "90", "ends in 90 days"),
		Unused:   options(number(f.Unused), "", "any use", "30", "unused for 30 days", "90", "unused for 90 days", "365", "unused for a year"),
		Sorts: options(f.Sort, "", "by name", "-name", "by name, from Z", "-created", "newest first", "created", "oldest first",
			"-last_used", "last used first", "last_used", "longest unused first", "expires", "expiring first", "-expires", "expiring last"),
		Soon: c.cfg.Now().Add(30 * day),
	}
	if err := c.addRows(ctx, q, d); err != nil {
		return nil, err
	}
	d.Columns = f.columns(link(q.tenant.ID, "clients"))
	if err := c.addUses(ctx, q, d); err != nil {
		return nil, err
	}
	if err := c.addClientChoices(ctx, q, d); err != nil {
		return nil, err
	}
	return shown("clients", "clients", "API clients", d), nil
}

// addRows adds a page of the list.
func (c *console) addRows(ctx context.Context, q *request, d *clientList) error {
	found, all, err := c.findClients(ctx, q, d.Filter)
	if errors.Is(err, errMany) {
		return c.addRowsOfMany(ctx, q, d)
	}
	if err != nil {
		return err
	}
	d.Found, d.All = len(found), all
	d.From = min((d.Filter.Page-1)*pageSize, len(found))
	d.Rows = found[d.From:min(d.From+pageSize, len(found))]
	c.addPages(d, q)
	return nil
}

// addPages adds the addresses of other parts of the list.
func (c *console) addPages(d *clientList, q *request) {
	v := d.Filter.values()
	at := link(q.tenant.ID, "clients")
	d.CSV = at + ".csv?" + v.Encode()
	if d.From > 0 {
		d.First = at + "?" + v.Encode()
	}
	if d.From+pageSize < d.Found {
		v.Set("page", strconv.Itoa(d.Filter.Page+1))
		d.Next = at + "?" + v.Encode()
	}
}

// addClientChoices adds the APIs and organizations to filter by.
func (c *console) addClientChoices(ctx context.Context, q *request, d *clientList) error {
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return err
	}
	if err := c.addLabels(ctx, q, d); err != nil {
		return err
	}
	d.APIs = options(d.Filter.API, "", "any API")
	for _, rs := range servers {
		if rs.Identifier == mintage.AdminResource && !q.viewer.Operator() {
			continue
		}
		d.APIs = append(d.APIs, option{Value: rs.Identifier, Text: cmp.Or(rs.Name, rs.Identifier), Selected: rs.Identifier == d.Filter.API})
	}
	if !q.viewer.Operator() {
		return nil
	}
	orgs, err := c.manager.Organizations(ctx, q.tenant.ID, "", 0)
	if err != nil || len(orgs) == 0 {
		return err
	}
	d.Organizations = options(d.Filter.Organization, "", "any organization")
	for _, o := range orgs {
		d.Organizations = append(d.Organizations, option{Value: o.ID, Text: o.Name, Selected: o.ID == d.Filter.Organization})
	}
	return nil
}

// maxLabelChoices bounds the labels to choose from; the search finds the others.
const maxLabelChoices = 100

// addLabels adds the labels to filter by: those of what the viewer may see.
func (c *console) addLabels(ctx context.Context, q *request, d *clientList) error {
	rows := d.Rows // of very many, the labels are those of the page
	if !d.Many {
		var err error
		if rows, err = c.index.clients(ctx, q.tenant.ID); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if len(r.Labels) == 0 || !q.viewer.Sees(q.tenant.ID, r.Organization) {
			continue
		}
		for _, l := range r.Labels {
			seen[l] = true
		}
	}
	if d.Filter.Label != "" {
		seen[d.Filter.Label] = true
	}
	if len(seen) == 0 {
		return nil
	}
	labels := slices.Sorted(maps.Keys(seen))
	d.Labels = options(d.Filter.Label, "", "any label")
	for i, l := range labels {
		if i < maxLabelChoices || l == d.Filter.Label {
			d.Labels = append(d.Labels, option{Value: l, Text: l, Selected: l == d.Filter.Label})
		}
	}
	return nil
}
