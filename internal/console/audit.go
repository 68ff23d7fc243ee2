package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

func auditRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/audit", access: operator, scope: "audit:read", handle: (*console).audit},
		{pattern: "POST /t/{tenant}/audit/verify", access: operator, scope: "audit:read", handle: (*console).verifyChain},
		{pattern: "GET /t/{tenant}/audit.ndjson", access: operator, scope: "audit:read", handle: (*console).exportAudit},
	}
}

// eventRow is an audit row as a page shows it.
type eventRow struct {
	*mintage.Event
	Who  string
	Diff []memberDiff
}

// memberDiff is a member that changed; Was and Is are empty where it was or is
// not there.
type memberDiff struct{ Name, Was, Is string }

func rowOfEvent(e *mintage.Event) eventRow {
	return eventRow{Event: e, Who: actorName(e), Diff: diffOf(e.Before, e.After)}
}

// actorName says who did it.
func actorName(e *mintage.Event) string {
	return cmp.Or(e.Actor.OperatorEmail, e.Actor.OperatorID, e.Actor.ClientID, "the server")
}

// diffOf returns what is different between two JSON objects, by member.
func diffOf(before, after []byte) []memberDiff {
	was, is := membersOf(before), membersOf(after)
	names := slices.Sorted(maps.Keys(was))
	for n := range is {
		if _, ok := was[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var out []memberDiff
	for _, n := range names {
		out = append(out, memberDiff{Name: n, Was: was[n], Is: is[n]})
	}
	return out
}

// membersOf returns the members of a JSON object as text.
func membersOf(doc []byte) map[string]string {
	var raw map[string]json.RawMessage
	if len(doc) == 0 || json.Unmarshal(doc, &raw) != nil {
		return nil
	}
	out := make(map[string]string, len(raw))
	for k, v := range raw {
		var s string
		if json.Unmarshal(v, &s) == nil {
			out[k] = s
			continue
		}
		var buf bytes.Buffer
		if json.Indent(&buf, v, "", " ") != nil {
			continue
		}
		out[k] = strings.TrimSpace(buf.String())
	}
	return out
}

// eventsOf returns rows of the log as a page shows them, newest first.
func (c *console) eventsOf(ctx context.Context, query manage.EventQuery) ([]eventRow, error) {
	es, err := c.manager.Events(ctx, query)
	if err != nil {
		return nil, err
	}
	out := make([]eventRow, len(es))
	for i, e := range es {
		out[i] = rowOfEvent(e)
	}
	return out, nil
}

// auditPage is the audit log.
type auditPage struct {
	Rows          []eventRow
	Action        []option
	Via           []option
	Target, Actor string
	Since, Until  string
	Set           bool
	First, Next   string
	Export        string
	Chain         *chainView
}

// auditNouns are the nouns of actions.
const auditNouns = "client secret key token tenant organization resource_server state operator session invitation"

// auditFilter reads the filters of an address.
func auditFilter(q *request) manage.EventQuery {
	return manage.EventQuery{
		Tenant: q.tenant.ID, Action: q.query("noun"), Via: q.query("via"), Target: q.query("target"), Actor: q.query("actor"),
		Since: readMoment(q.query("since")), Until: readMoment(q.query("until")),
	}
}

func (c *console) audit(ctx context.Context, q *request) (*answer, error) {
	f := auditFilter(q)
	before, err := strconv.ParseInt(cmp.Or(q.query("before"), "0"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	page := f
	page.After, page.Limit = before, pageSize+1
	rows, err := c.eventsOf(ctx, page)
	if err != nil {
		return nil, err
	}
	v := q.r.URL.Query()
	v.Del("before")
	at := link(q.tenant.ID, "audit")
	d := &auditPage{
		Target: f.Target, Actor: f.Actor, Since: formMoment(f.Since), Until: formMoment(f.Until), Set: len(v) > 0,
		Export: link(q.tenant.ID, "audit.ndjson") + "?" + v.Encode(),
		Via:    options(f.Via, "", "any way", "console", "console", "api", "API", "cli", "command", "apply", "apply", "server", "server"),
	}
	if d.Chain, err = c.checkChain(ctx, false); err != nil {
		return nil, err
	}
	d.Chain.Again = at + "/verify"
	d.Action = options(f.Action, "", "anything")
	for n := range strings.FieldsSeq(auditNouns) {
		d.Action = append(d.Action, option{Value: n, Text: strings.ReplaceAll(n, "_", " "), Selected: n == f.Action})
	}
	if before > 0 {
		d.First = at + "?" + v.Encode()
	}
	if len(rows) > pageSize {
		rows = rows[:pageSize]
		v.Set("before", strconv.FormatInt(rows[pageSize-1].Seq, 10))
		d.Next = at + "?" + v.Encode()
	}
	d.Rows = rows
	return shown("audit", "audit", "Audit", d), nil
}

// exportMost bounds the rows of an export.
const exportMost = 100_000

// exportAudit is what the filters leave of the log as lines of JSON, newest
// first, written as it is read.
func (c *console) exportAudit(ctx context.Context, q *request) (*answer, error) {
	query := auditFilter(q)
	query.Limit = indexStep
	first, err := c.manager.Events(ctx, query)
	if err != nil {
		return nil, err
	}
	h := q.w.Header()
	return &answer{stream: func() {
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Content-Disposition", `attachment; filename="`+url.PathEscape("audit-"+q.tenant.ID+".ndjson")+`"`)
		enc := json.NewEncoder(q.w)
		for es, n := first, 0; n < exportMost; {
			for _, e := range es {
				if enc.Encode(auditLine(e)) != nil {
					return // the browser is gone
				}
			}
			n += len(es)
			if len(es) < indexStep {
				return
			}
			query.After = es[len(es)-1].Seq
			if es, err = c.manager.Events(ctx, query); err != nil {
				panic(http.ErrAbortHandler) // half a log must not look whole
			}
		}
	}}, nil
}

// auditLine is a row as it is exported.
func auditLine(e *mintage.Event) map[string]any {
	line := map[string]any{
		"seq": e.Seq, "time": stamp(e.Time), "tenant": e.Tenant, "action": e.Action, "target": e.Target, "name": e.Name, "via": e.Via,
		"trace_id": e.TraceID, "actor": actorName(e), "address": e.Actor.Address, "hash": hex.EncodeToString(e.Hash),
	}
	if len(e.Before) > 0 {
		line["before"] = json.RawMessage(e.Before)
	}
	if len(e.After) > 0 {
		line["after"] = json.RawMessage(e.After)
	}
	return line
}
