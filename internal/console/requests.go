package console

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/manage"
)

func requestRoutes() []route {
	const at = "/t/{tenant}/requests"
	return []route{
		{pattern: "GET " + at, access: member, scope: "requests:read", handle: (*console).requests},
		{pattern: "GET " + at + "/tail", access: member, scope: "requests:read", handle: (*console).tailRequests},
		{pattern: "GET " + at + "/{trace}", access: member, scope: "requests:read", handle: (*console).request},
	}
}

// requestRow is a record as a list shows it.
type requestRow struct {
	*mintage.RequestRecord
	Tenant  string // of the page
	Reason  explain.Reason
	Found   bool // whether the reason is what a second look found
	Refused bool
}

// requestList is a list of records, with what narrows it.
type requestList struct {
	Rows         []requestRow
	First, Next  string
	Tail         string // address of the live tail
	Filtered     bool
	Reasons      []option
	Outcomes     []option
	Dialects     []option
	Spans        []option
	Client       string
	Address      string
	Since, Until string
	Alone        bool   // whether it is of one client, and no other can be chosen
	Trace, Found string // what was looked for, and when it was not found, what to say
	At           string
	Kept         string // how long the log goes back
}

// requestSpans are spans of time to choose from, by their names in an address.
var requestSpans = []struct {
	key, title string
	back       time.Duration
}{
	{"15m", "15 minutes", 15 * time.Minute}, {"1h", "an hour", time.Hour}, {"24h", "24 hours", day}, {"7d", "7 days", 7 * day},
}

// requestFilter reads the filters of an address.
func requestFilter(q *request, now time.Time) manage.RequestQuery {
	r := manage.RequestQuery{
		Tenant: q.tenant.ID, Reason: q.query("reason"), ClientID: q.query("client"), Dialect: q.query("dialect"), Address: q.query("address"),
		Since: readMoment(q.query("since")), Until: readMoment(q.query("until")), Before: q.query("before"), Limit: pageSize + 1,
	}
	if _, ok := explain.Lookup(r.Reason); !ok {
		r.Reason = ""
	}
	for _, s := range requestSpans {
		if from := now.Add(-s.back); s.key == q.query("span") && from.After(r.Since) {
			r.Since = from
		}
	}
	switch q.query("outcome") {
	case "refused":
		r.Refused = true
	case "warned":
		r.Warned = true
	case "issued":
		r.Issued = true
	}
	return r
}

// readMoment reads an instant of an address, in UTC: as a form has it, or as
// RFC 3339; what is none is the zero time.
func readMoment(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// formMoment is an instant as a form has it.
func formMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04")
}

// confine narrows a query to the clients that the viewer may know of.
func (c *console) confine(ctx context.Context, q *request, query *manage.RequestQuery) error {
	query.Organization = q.viewer.organization()
	if query.Organization == "" || query.ClientID == "" {
		return nil
	}
	_, err := c.ownClient(ctx, q, query.ClientID)
	return err
}

// requestList reads a part of the log, newest first.
func (c *console) requestList(ctx context.Context, q *request, at string, query manage.RequestQuery) (*requestList, error) {
	if err := c.confine(ctx, q, &query); err != nil {
		return nil, err
	}
	records, err := c.manager.Requests(ctx, query)
	if err != nil {
		return nil, err
	}
	d := &requestList{At: at, Tail: link(q.tenant.ID, "requests", "tail"), Kept: c.state(ctx).keeps()}
	d.choices(q, query)
	v := q.r.URL.Query()
	v.Del("before")
	v.Del("trace")
	d.Filtered = len(v) > 0
	tail := maps.Clone(v)
	if query.ClientID != "" {
		tail.Set("client", query.ClientID)
	}
	if len(tail) > 0 {
		d.Tail += "?" + tail.Encode()
	}
	if query.Before != "" {
		d.First = at + "?" + v.Encode()
	}
	if query.Limit > 0 && len(records) == query.Limit {
		records = records[:query.Limit-1]
		v.Set("before", records[len(records)-1].TraceID)
		d.Next = at + "?" + v.Encode()
	}
	for _, r := range records {
		d.Rows = append(d.Rows, rowOfRequest(q.tenant.ID, r))
	}
	return d, nil
}

// choices fills in what the list is narrowed by.
func (d *requestList) choices(q *request, query manage.RequestQuery) {
	d.Client, d.Address = q.query("client"), q.query("address")
	d.Since, d.Until = formMoment(readMoment(q.query("since"))), formMoment(query.Until)
	d.Outcomes = options(q.query("outcome"), "", "any outcome", "issued", "issued", "refused", "refused", "warned", "answered with a warning")
	d.Reasons = options(query.Reason, "", "any reason")
	for _, r := range explain.Reasons() {
		if !r.Reserved() && r.Code != "ok" {
			d.Reasons = append(d.Reasons, option{Value: r.Code, Text: r.Code, Selected: r.Code == query.Reason})
		}
	}
	d.Dialects = options(query.Dialect, "", "any dialect")
	for _, l := range mintage.Dialects() {
		d.Dialects = append(d.Dialects, option{Value: l.Name, Text: l.Name, Selected: l.Name == query.Dialect})
	}
	d.Spans = options(q.query("span"), "", "any time")
	for _, s := range requestSpans {
		d.Spans = append(d.Spans, option{Value: s.key, Text: "the last " + s.title, Selected: s.key == q.query("span")})
	}
}

func rowOfRequest(tenant string, r *mintage.RequestRecord) requestRow {
	row := requestRow{RequestRecord: r, Tenant: tenant, Refused: r.Error != "", Found: r.Second != ""}
	code := cmp.Or(r.Second, r.Reason)
	var ok bool
	if row.Reason, ok = explain.Lookup(code); !ok {
		row.Reason = explain.Reason{Code: code, Cause: "This release does not know the reason."}
	}
	return row
}

func (c *console) requests(ctx context.Context, q *request) (*answer, error) {
	at := link(q.tenant.ID, "requests")
	notFound := ""
	if trace := q.query("trace"); trace != "" {
		r, err := c.manager.Request(ctx, q.tenant.ID, trace)
		if err == nil {
			_, err = c.clientOfRequest(ctx, q, r)
		}
		if err == nil {
			return gone(link(q.tenant.ID, "requests", trace), ""), nil
		}
		if !errors.Is(err, mintage.ErrNotFound) {
			return nil, err
		}
		notFound = "No request here has it. The log goes back " + c.state(ctx).keeps() + "; a wait of two seconds may help."
	}
	d, err := c.requestList(ctx, q, at, requestFilter(q, c.cfg.Now()))
	if err != nil {
		return nil, err
	}
	d.Trace, d.Found = q.query("trace"), notFound
	return shown("requests", "requests", "Requests", d), nil
}

// clientOfRequest returns the client that a record is about; nil: there is none
// of that name. To a member, a record about no client of theirs is not there.
func (c *console) clientOfRequest(ctx context.Context, q *request, r *mintage.RequestRecord) (*mintage.Client, error) {
	var cl *mintage.Client
	err := mintage.ErrNotFound
	if r.ClientID != "" {
		cl, err = c.ownClient(ctx, q, r.ClientID)
	}
	if errors.Is(err, mintage.ErrNotFound) && q.viewer.Operator() {
		return nil, nil //nolint:nilnil // anybody may claim any name
	}
	return cl, err
}

// requestPage is one record with all that is known of it.
type requestPage struct {
	requestRow
	First    explain.Reason // why it was refused, where a second look found more
	Notes    []explain.Reason
	Client   *mintage.Client // that the record is about; nil: none that the viewer may see
	Replay   string          // a command that sends the like again
	Owner    bool            // whether the viewer may know whose the credentials are
	Explain  string          // the command
	Docs     string
	Coalesce bool // whether several share the record
}

func (c *console) request(ctx context.Context, q *request) (*answer, error) {
	r, err := c.manager.Request(ctx, q.tenant.ID, q.value("trace"))
	if err != nil {
		return nil, err
	}
	d := &requestPage{requestRow: rowOfRequest(q.tenant.ID, r), Owner: q.viewer.Operator(), Coalesce: r.Count > 1}
	if d.Client, err = c.clientOfRequest(ctx, q, r); err != nil {
		return nil, err
	}
	d.First, _ = explain.Lookup(r.Reason)
	for _, code := range r.Notes {
		if n, ok := explain.Lookup(code); ok {
			d.Notes = append(d.Notes, n)
		}
	}
	d.Replay = replay(q.tenant, r)
	d.Explain = command("explain", r.TraceID)
	d.Docs = c.cfg.DocsURL() + "/errors/reasons/" + d.Reason.Code
	return shown("request", "requests", "Request "+r.TraceID, d), nil
}

// replay is a command that sends the like of a request again, without the
// secret, which nobody kept.
func replay(t *mintage.Tenant, r *mintage.RequestRecord) string {
	if r.Endpoint != "token" {
		return ""
	}
	v := values{
		id: cmp.Or(r.ClientID, "YOUR_CLIENT_ID"), secret: unknownSecret, scope: r.ScopeAsked, at: t.Issuer + t.PrimaryTokenPath(),
		json: r.Dialect == mintage.DialectMyParcel,
	}
	for _, e := range endpointsOf(t, nil) {
		if e.Dialect == r.Dialect {
			v.at = e.URL
			break
		}
	}
	return strings.Replace(curlSnippet(v), "curl ", "curl -i ", 1)
}

// sorted returns numbers by size, greatest first.
func sorted(n map[string]int64) []tallied {
	var out []tallied
	for k, v := range n {
		out = append(out, tallied{Key: k, Count: v})
	}
	slices.SortFunc(out, func(a, b tallied) int { return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Key, b.Key)) })
	return out
}

// tallied is a number of something.
type tallied struct {
	Key   string
	Count int64
}
