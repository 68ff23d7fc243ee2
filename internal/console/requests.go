package console

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/manage"
)

func requestRoutes() []route {
	const at = "/t/{tenant}/requests"
	return []route{
		{pattern: "GET " + at, access: operator, scope: "requests:read", handle: (*console).requests},
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

// requestList is a list of records.
type requestList struct {
	Rows         []requestRow
	First, Next  string
	Tail         string // address of the live tail
	Filtered     bool
	Reasons      []option
	Outcomes     []option
	Client       string
	Trace, Found string // what was looked for, and when it was not found, what to say
	At           string
}

// requestFilter reads the filters of an address.
func requestFilter(q *request) manage.RequestQuery {
	r := manage.RequestQuery{
		Tenant: q.tenant.ID, Reason: q.query("reason"), ClientID: q.query("client"), Before: q.query("before"), Limit: pageSize + 1,
	}
	if _, ok := explain.Lookup(r.Reason); !ok {
		r.Reason = ""
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

// requestList reads a part of the log, newest first.
func (c *console) requestList(ctx context.Context, q *request, at string, query manage.RequestQuery) (*requestList, error) {
	records, err := c.manager.Requests(ctx, query)
	if err != nil {
		return nil, err
	}
	d := &requestList{At: at, Client: q.query("client"), Tail: link(q.tenant.ID, "requests", "tail")}
	v := q.r.URL.Query()
	v.Del("before")
	v.Del("trace")
	d.Filtered = len(v) > 0
	tail := v
	if query.ClientID != "" {
		tail.Set("client", query.ClientID)
	}
	if len(tail) > 0 {
		d.Tail += "?" + tail.Encode()
	}
	if query.Before != "" {
		d.First = at
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
		_, err := c.manager.Request(ctx, q.tenant.ID, trace)
		if err == nil {
			return gone(link(q.tenant.ID, "requests", trace), ""), nil
		}
		if !errors.Is(err, mintage.ErrNotFound) {
			return nil, err
		}
		notFound = "No request of this tenant has it. The log goes back for seven days unless the server says otherwise; a wait of two seconds may help."
	}
	query := requestFilter(q)
	d, err := c.requestList(ctx, q, at, query)
	if err != nil {
		return nil, err
	}
	d.Trace, d.Found = q.query("trace"), notFound
	d.Outcomes = options(q.query("outcome"), "", "any outcome", "issued", "issued", "refused", "refused", "warned", "answered with a warning")
	d.Reasons = options(query.Reason, "", "any reason")
	for _, r := range explain.Reasons() {
		if !r.Reserved() && r.Code != "ok" {
			d.Reasons = append(d.Reasons, option{Value: r.Code, Text: r.Code, Selected: r.Code == query.Reason})
		}
	}
	return shown("requests", "requests", "Requests", d), nil
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
	if r.ClientID != "" {
		if cl, err := c.ownClient(ctx, q, r.ClientID); err == nil {
			d.Client = cl
		}
	}
	if d.Client == nil && !q.viewer.Operator() {
		return nil, mintage.ErrNotFound
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

// tally counts the records of the last day by reason.
func tally(rows []*mintage.RequestRecord, by func(*mintage.RequestRecord) string) []tallied {
	n := map[string]int64{}
	for _, r := range rows {
		n[by(r)] += r.Count
	}
	return sorted(n)
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
