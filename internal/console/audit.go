package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

func auditRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/audit", access: operator, scope: "audit:read", handle: (*console).audit},
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
	Rows        []eventRow
	Action      []option
	Via         []option
	Target      string
	Set         bool
	First, Next string
	Export      string
	Copy        *copyAs
}

// auditNouns are the nouns of actions.
const auditNouns = "client secret key token tenant organization resource_server state operator session invitation"

func (c *console) audit(ctx context.Context, q *request) (*answer, error) {
	noun, via, target := q.query("noun"), q.query("via"), q.query("target")
	before, err := strconv.ParseInt(cmp.Or(q.query("before"), "0"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	rows, err := c.eventsOf(ctx, manage.EventQuery{
		Tenant: q.tenant.ID, Action: noun, Via: via, Target: target, After: before, Limit: pageSize + 1,
	})
	if err != nil {
		return nil, err
	}
	d := &auditPage{
		Target: target, Set: noun+via+target != "", Export: link(q.tenant.ID, "audit.ndjson"),
		Via: options(via, "", "any way", "console", "console", "api", "API", "cli", "command", "apply", "apply", "server", "server"),
	}
	d.Action = options(noun, "", "anything")
	for n := range strings.FieldsSeq(auditNouns) {
		d.Action = append(d.Action, option{Value: n, Text: strings.ReplaceAll(n, "_", " "), Selected: n == noun})
	}
	at, v := link(q.tenant.ID, "audit"), q.r.URL.Query()
	if before > 0 {
		v.Del("before")
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

// exportAudit is the log as lines of JSON, newest first.
func (c *console) exportAudit(ctx context.Context, q *request) (*answer, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	const most = 100_000
	for before, n := int64(0), 0; n < most; {
		es, err := c.manager.Events(ctx, manage.EventQuery{Tenant: q.tenant.ID, After: before, Limit: indexStep})
		if err != nil {
			return nil, err
		}
		for _, e := range es {
			if err := enc.Encode(auditLine(e)); err != nil {
				return nil, err
			}
		}
		if len(es) < indexStep {
			break
		}
		n += len(es)
		before = es[len(es)-1].Seq
	}
	return &answer{file: "audit-" + q.tenant.ID + ".ndjson", media: "application/x-ndjson", body: buf.Bytes()}, nil
}

// auditLine is a row as it is exported.
func auditLine(e *mintage.Event) map[string]any {
	line := map[string]any{
		"seq": e.Seq, "time": stamp(e.Time), "tenant": e.Tenant, "action": e.Action, "target": e.Target, "name": e.Name, "via": e.Via,
		"trace_id": e.TraceID, "actor": actorName(e), "address": e.Actor.Address,
	}
	if len(e.Before) > 0 {
		line["before"] = json.RawMessage(e.Before)
	}
	if len(e.After) > 0 {
		line["after"] = json.RawMessage(e.After)
	}
	return line
}
