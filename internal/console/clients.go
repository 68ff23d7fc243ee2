package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"net/http"
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
	Expires, Unused              int // days; zero: any
	Sort                         string
	Page                         int // from 1
}

// Sorts of the list of clients, as the URL names them.
var clientSorts = map[string]func(a, b *clientRow) int{
	"":        nil, // by name, as the index is
	"newest":  func(a, b *clientRow) int { return b.Created.Compare(a.Created) },
	"used":    func(a, b *clientRow) int { return b.LastUsed.Compare(a.LastUsed) },
	"expires": func(a, b *clientRow) int { return compareEnds(a.Expires, b.Expires) },
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
	if _, ok := clientSorts[f.Sort]; !ok {
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
	return f.Q != "" || f.Status != "" || f.API != "" || f.Organization != "" || f.Expires > 0 || f.Unused > 0
}

// values returns the filter as the query of an address, without the page.
func (f clientFilter) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"q": f.Q, "status": f.Status, "api": f.API, "organization": f.Organization, "sort": f.Sort,
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
	From          int
	First, Next   string
	CSV           string
	APIs          []option
	Organizations []option
	Statuses      []option
	Ends, Unused  []option
	Sorts         []option
	MayWrite      bool
	Soon          time.Time // what ends before it is marked
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
	if less := clientSorts[f.Sort]; less != nil {
		slices.SortStableFunc(found, less)
	}
	return found, all, nil
}

func (c *console) clients(ctx context.Context, q *request) (*answer, error) {
	f := clientFilterOf(q)
	found, all, err := c.findClients(ctx, q, f)
	if err != nil {
		return nil, err
	}
	d := &clientList{
		Filter: f, Found: len(found), All: all, From: (f.Page - 1) * pageSize, MayWrite: q.viewer.May("clients:write"),
		Statuses: options(f.Status, "", "any status", "active", "active", "disabled", "disabled", "rotating", "rotating", "no-secret", "without a secret"),
		Ends:     options(number(f.Expires), "", "any expiry", "7", "ends in 7 days", "30", "ends in 30 days", "90", "ends in 90 days"),
		Unused:   options(number(f.Unused), "", "any use", "30", "unused for 30 days", "90", "unused for 90 days", "365", "unused for a year"),
		Sorts:    options(f.Sort, "", "by name", "newest", "newest first", "used", "last used first", "expires", "expiring first"),
		Soon:     c.cfg.Now().Add(30 * day),
	}
	d.From = min(d.From, len(found))
	d.Rows = found[d.From:min(d.From+pageSize, len(found))]
	c.addPages(d, q)
	if err := c.addClientChoices(ctx, q, d); err != nil {
		return nil, err
	}
	return shown("clients", "clients", "API clients", d), nil
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

// clientsCSV is the list as a file, all pages of it.
func (c *console) clientsCSV(ctx context.Context, q *request) (*answer, error) {
	found, _, err := c.findClients(ctx, q, clientFilterOf(q))
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	rows := [][]string{{"client_id", "name", "organization", "status", "apis", "labels", "secrets", "created", "last_used", "expires"}}
	for _, r := range found {
		status := "active"
		if r.Disabled {
			status = "disabled"
		}
		rows = append(rows, []string{
			r.ID, r.Name, r.Organization, status, strings.Join(r.APIs, " "), strings.Join(r.Labels, " "), strconv.Itoa(r.Secrets),
			stamp(r.Created), stamp(r.LastUsed), stamp(r.Expires),
		})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = inert(row[i])
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return &answer{file: "clients-" + q.tenant.ID + ".csv", media: "text/csv;charset=UTF-8", body: buf.Bytes()}, nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// inert keeps a spreadsheet from taking a value for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// disableClients disables the clients that were ticked in the list.
func (c *console) disableClients(ctx context.Context, q *request) (*answer, error) {
	back := link(q.tenant.ID, "clients")
	ids := q.form["id"]
	if len(ids) == 0 {
		return gone(back, "No client was ticked, so nothing was changed."), nil
	}
	if q.tenant.Protected && q.text("confirm") != q.tenant.ID {
		a := errorPage(http.StatusUnprocessableEntity, "Not confirmed",
			"This is production: type "+q.tenant.ID+" beside the button to disable clients here. Nothing was changed.")
		return a, nil
	}
	for _, id := range ids {
		if _, err := c.ownClient(ctx, q, id); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		if _, err := c.manager.UpdateClient(ctx, q.by(), q.tenant.ID, id, 0, func(cl *mintage.Client) error {
			cl.Disabled, cl.DisabledReason = true, cmp.Or(cl.DisabledReason, "disabled in the console with others")
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return gone(back, count(len(ids))+" disabled. Their tokens have ended."), nil
}

// ownClient reads a client that the viewer may know of.
func (c *console) ownClient(ctx context.Context, q *request, id string) (*mintage.Client, error) {
	cl, err := c.manager.Client(ctx, q.tenant.ID, id)
	if err != nil {
		return nil, err
	}
	if !q.viewer.Sees(cl.Tenant, cl.Organization) {
		return nil, mintage.ErrNotFound
	}
	return cl, nil
}
