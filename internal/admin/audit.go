package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// AuditFilter is the part of an input that narrows the audit log.
type AuditFilter struct {
	Paged
	Actor  string    `query:"actor" maxLength:"320" doc:"Only changes by this client or operator, by identifier, or by an operator's address."`
	Action string    `query:"action" maxLength:"64" pattern:"^[a-z_]+(\\.[a-z_]+)?$" doc:"Only this action, such as client.create, or those of a noun: client."`
	Target string    `query:"target" maxLength:"512" doc:"Only changes of the object with this identifier."`
	Via    string    `query:"via" enum:"api,cli,apply,console,server" doc:"Only changes made with this."`
	Since  time.Time `query:"since" doc:"Only changes since then."`
	Until  time.Time `query:"until" doc:"Only changes before then."`
	Sort   string    `query:"sort" enum:"newest,oldest" default:"newest" doc:"Which come first."`
}

// list names the list for its cursors.
func (f *AuditFilter) list(tenant string) string {
	return fmt.Sprintf("audit %q %q %q %q %q %q %d %d", tenant, f.Actor, f.Action, f.Target, f.Via, f.Sort, f.Since.Unix(), f.Until.Unix())
}

type listAudit struct {
	TenantPath
	AuditFilter
}

// audit lists the audit log of a tenant.
func (h *Handler) audit(ctx context.Context, in *listAudit) (*answer[adminclient.Page[adminclient.AuditEvent]], error) {
	return h.auditLog(ctx, in.Tenant, &in.AuditFilter)
}

// allAudit lists the audit log of all tenants that the caller may see.
func (h *Handler) allAudit(ctx context.Context, in *AuditFilter) (*answer[adminclient.Page[adminclient.AuditEvent]], error) {
	return h.auditLog(ctx, callerOf(ctx).reach(), in)
}

func (h *Handler) auditLog(ctx context.Context, tenant string, in *AuditFilter) (*answer[adminclient.Page[adminclient.AuditEvent]], error) {
	l, err := h.listing(ctx, in.list(tenant), in.Paged)
	if err != nil {
		return nil, err
	}
	q := manage.EventQuery{
		Tenant: tenant, Organization: callerOf(ctx).organization(), Actor: in.Actor, Action: in.Action, Target: in.Target, Via: in.Via,
		Since: in.Since, Until: in.Until, Oldest: in.Sort == "oldest", Limit: l.fetch(),
	}
	if l.after != "" {
		if q.After, err = strconv.ParseInt(l.after, 10, 64); err != nil {
			return nil, fmt.Errorf("a cursor of ours: %w", err)
		}
	}
	events, err := h.manager.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	id := func(e *mintage.Event) string { return strconv.FormatInt(e.Seq, 10) }
	return &answer[adminclient.Page[adminclient.AuditEvent]]{Body: page(l, events, auditDocument, id)}, nil
}

func auditDocument(e *mintage.Event) adminclient.AuditEvent {
	return adminclient.AuditEvent{
		Seq: e.Seq, Time: e.Time.UTC(), Tenant: e.Tenant, Action: e.Action, Target: e.Target, Name: e.Name, Via: e.Via, TraceID: e.TraceID,
		Actor: adminclient.AuditActor{
			Tenant: e.Actor.Tenant, ClientID: e.Actor.ClientID, OperatorID: e.Actor.OperatorID,
			OperatorEmail: e.Actor.OperatorEmail, Address: e.Actor.Address,
		},
		Before: members(e.Before), After: members(e.After), Hash: hex.EncodeToString(e.Hash),
	}
}

// members returns what a row holds of members. What is no JSON was not written
// by us, and is shown as the text that it is.
func members(b []byte) json.RawMessage {
	if len(b) == 0 || json.Valid(b) {
		return b
	}
	text, _ := json.Marshal(string(b)) // a string is always one
	return text
}

type verifyAudit struct {
	Head string `query:"head" maxLength:"128" pattern:"^[1-9][0-9]{0,17}:[0-9a-f]{64}$" doc:"A head that was noted before, seq:hash: whether the log still holds it."`
}

// verifyAudit reads the whole audit log, of all tenants, and checks its chain.
func (h *Handler) verifyAudit(ctx context.Context, in *verifyAudit) (*answer[adminclient.AuditVerification], error) {
	if !callerOf(ctx).sees(mintage.BuiltInTenant) {
		return nil, &manage.Refusal{
			Reason: "token.other_tenant", Denied: true, Message: "the chain runs through the rows of all tenants: an administrator of the whole server checks it",
		}
	}
	var known *manage.Head
	if in.Head != "" {
		head, err := manage.ParseHead(in.Head)
		if err != nil {
			return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed", err.Error())
		}
		known = &head
	}
	head, broken, err := h.manager.VerifyAudit(ctx, known)
	if err != nil {
		return nil, err
	}
	d := adminclient.AuditVerification{OK: broken == nil, Seq: head.Seq, Hash: hex.EncodeToString(head.Hash)}
	if broken != nil {
		d.Bad, d.Why = broken.Seq, broken.Why
	}
	return &answer[adminclient.AuditVerification]{Body: d}, nil
}
