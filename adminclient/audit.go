package adminclient

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// AuditEvent is the record of one change.
type AuditEvent struct {
	Seq     int64           `json:"seq" doc:"The row's number in the whole log, without gaps."`
	Time    time.Time       `json:"time" doc:"When the change was made."`
	Tenant  string          `json:"tenant,omitempty" doc:"The tenant whose object changed; absent: the server's own."`
	Actor   AuditActor      `json:"actor" doc:"Who made the change."`
	Action  string          `json:"action" doc:"What was done: noun.verb, such as client.create."`
	Target  string          `json:"target,omitempty" doc:"The identifier of what changed."`
	Name    string          `json:"name,omitempty" doc:"Its name at the time."`
	Via     string          `json:"via" doc:"With what: api, cli, apply, console or server."`
	TraceID string          `json:"trace_id,omitempty" doc:"The request that made the change."`
	Before  json.RawMessage `json:"before,omitempty" doc:"The members that changed, as they were. There is no secret and no hash of one in it."`
	After   json.RawMessage `json:"after,omitempty" doc:"The members that changed, as they became."`
	Hash    string          `json:"hash,omitempty" doc:"SHA-256, in hex, over the hash of the row before and this row: see docs/reference/audit-log.md."`
}

// AuditActor is who made a change. The server itself has no member but the
// address.
type AuditActor struct {
	Tenant        string `json:"tenant,omitempty" doc:"The tenant of the client that administers."`
	ClientID      string `json:"client_id,omitempty" doc:"That client."`
	OperatorID    string `json:"operator_id,omitempty" doc:"The person, where one is known."`
	OperatorEmail string `json:"operator_email,omitempty" doc:"Their address."`
	Address       string `json:"address,omitempty" doc:"The remote address."`
}

// AuditFilter narrows the audit log. The zero value is all of it, newest first.
type AuditFilter struct {
	Actor  string    // client or operator identifier, or an operator's address
	Action string    // noun.verb, or the noun alone
	Target string    // identifier of what changed
	Via    string    // api, cli, apply, console or server
	Since  time.Time // not before; zero: from the beginning
	Until  time.Time // before; zero: until now
	Oldest bool      // oldest first
}

func (f AuditFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"actor": f.Actor, "action": f.Action, "target": f.Target, "via": f.Via} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	if f.Oldest {
		q.Set("sort", "oldest")
	}
	return q
}

// AuditVerification says how far the audit log is what was written.
type AuditVerification struct {
	OK   bool   `json:"ok" doc:"Whether all of it is."`
	Seq  int64  `json:"seq" doc:"The last row that is as it was written."`
	Hash string `json:"hash,omitempty" doc:"Its hash, in hex. Keep it elsewhere, with seq: a log that is written anew cannot have it."`
	Bad  int64  `json:"bad,omitempty" doc:"The first row that is not as it was written, or is missing."`
	Why  string `json:"why,omitempty" doc:"How one can tell."`
}

// AuditEvents returns the audit log of a tenant; of all tenants that the token
// may see when the tenant is empty.
func (c *Client) AuditEvents(ctx context.Context, tenant string, f AuditFilter, l List) iter.Seq2[*AuditEvent, error] {
	path := "/audit"
	if tenant != "" {
		path = at("tenants", tenant, "audit")
	}
	return pages[AuditEvent](ctx, c, path, l, f.query())
}

// VerifyAudit has the server read its whole audit log and check the chain. A
// head that was noted before, seq:hash, is held against it unless it is empty.
// Only who administers all may.
func (c *Client) VerifyAudit(ctx context.Context, head string) (*AuditVerification, error) {
	q := url.Values{}
	if head != "" {
		q.Set("head", head)
	}
	return call[AuditVerification](ctx, c, request{method: http.MethodGet, path: "/audit/verify", query: q})
}
