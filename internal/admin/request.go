package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/requestlog"
)

// RequestFilter is the part of an input that narrows the request log.
type RequestFilter struct {
	Paged
	Reason  string    `query:"reason" maxLength:"64" doc:"Only requests with this reason code, found by the second look or noted as a warning too."`
	Client  string    `query:"client" maxLength:"256" doc:"Only requests with this client_id."`
	Outcome string    `query:"outcome" enum:"issued,refused,warned" doc:"Only requests that ended so."`
	Since   time.Time `query:"since" doc:"Only requests since then."`
	Until   time.Time `query:"until" doc:"Only requests before then."`
}

type listRequests struct {
	TenantPath
	RequestFilter
}

// requests lists the request log of a tenant.
func (h *Handler) requests(ctx context.Context, in *listRequests) (*answer[adminclient.Page[adminclient.Request]], error) {
	return h.requestLog(ctx, in.Tenant, &in.RequestFilter)
}

// allRequests lists the request log of all tenants that the caller may see.
func (h *Handler) allRequests(ctx context.Context, in *RequestFilter) (*answer[adminclient.Page[adminclient.Request]], error) {
	return h.requestLog(ctx, callerOf(ctx).reach(), in)
}

func (h *Handler) requestLog(ctx context.Context, tenant string, in *RequestFilter) (*answer[adminclient.Page[adminclient.Request]], error) {
	l, err := h.listing(ctx, "requests "+tenant+" "+in.Reason+" "+in.Client+" "+in.Outcome+" "+in.Since.String()+" "+in.Until.String(), in.Paged)
	if err != nil {
		return nil, err
	}
	if _, ok := explain.Lookup(in.Reason); !ok && in.Reason != "" {
		return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed", "there is no such reason code")
	}
	who := callerOf(ctx)
	var list []*mintage.RequestRecord
	if !hidden(in.Reason, who) {
		list, err = h.manager.Requests(ctx, manage.RequestQuery{
			Tenant: tenant, Organization: who.organization(), Reason: in.Reason, ClientID: in.Client, Since: in.Since, Before: l.after, Limit: l.fetch(),
			Until: in.Until, Issued: in.Outcome == adminclient.OutcomeIssued,
			Refused: in.Outcome == adminclient.OutcomeRefused, Warned: in.Outcome == adminclient.OutcomeWarned,
		})
		if err != nil {
			return nil, err
		}
	}
	document := func(r *mintage.RequestRecord) adminclient.Request { return h.requestDocument(who, r) }
	return &answer[adminclient.Page[adminclient.Request]]{
		Body: page(l, list, document, func(r *mintage.RequestRecord) string { return r.TraceID }),
	}, nil
}

// reach is the tenant of which the caller may see things, empty for all.
func (c caller) reach() string {
	if c.tenant == mintage.BuiltInTenant {
		return ""
	}
	return c.tenant
}

type showRequest struct {
	TenantPath
	TraceID string `path:"trace_id" maxLength:"64" doc:"The trace id."`
}

// request shows what is known of a request of a tenant.
func (h *Handler) request(ctx context.Context, in *showRequest) (*answer[adminclient.Request], error) {
	return h.requestByTrace(ctx, in.Tenant, in.TraceID)
}

type findRequest struct {
	TraceID string `path:"trace_id" maxLength:"64" doc:"The trace id."`
}

// anyRequest finds a request in any tenant that the caller may see.
func (h *Handler) anyRequest(ctx context.Context, in *findRequest) (*answer[adminclient.Request], error) {
	return h.requestByTrace(ctx, callerOf(ctx).reach(), in.TraceID)
}

func (h *Handler) requestByTrace(ctx context.Context, tenant, traceID string) (*answer[adminclient.Request], error) {
	r, err := h.manager.Request(ctx, tenant, traceID)
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	if who.confined() { // a request of nobody is of no organization
		if _, err := h.clientOf(ctx, r.Tenant, r.ClientID); err != nil {
			return nil, err
		}
	}
	return &answer[adminclient.Request]{Body: h.requestDocument(who, r)}, nil
}

// reasonOtherTenant says that credentials belong to another tenant. Only who
// administers that one too is told: an identifier could be tried out otherwise.
const (
	reasonOtherTenant = "client.other_tenant"
	reasonOtherClient = "secret.other_client"
)

// hidden reports whether the caller is not told of requests with a reason.
func hidden(reason string, who caller) bool {
	return reason == reasonOtherTenant && who.reach() != "" || reason == reasonOtherClient && who.confined()
}

func (h *Handler) requestDocument(who caller, r *mintage.RequestRecord) adminclient.Request {
	d := adminclient.Request{
		TraceID: r.TraceID, Tenant: r.Tenant, Outcome: adminclient.OutcomeRefused, Time: r.Time.UTC(), LastTime: r.Last.UTC(),
		Count: r.Count, ClientID: r.ClientID, ClientName: r.ClientName, Endpoint: r.Endpoint, Dialect: r.Dialect,
		AuthMethod: r.AuthMethod, GrantType: r.GrantType, Address: r.Address, Status: r.Status,
		Error: r.Error, Reason: r.Reason, Found: r.Second, OwnerTenant: r.OwnerTenant, OwnerClient: r.OwnerClient,
		ScopeAsked: r.ScopeAsked, ScopeGranted: r.ScopeGranted, Ignored: r.Ignored, DidYouMean: r.DidYouMean, Notes: r.Notes,
	}
	switch {
	case r.Error != "":
	case r.Reason == requestlog.ReasonIssued:
		d.Outcome = adminclient.OutcomeIssued
	default:
		d.Outcome = adminclient.OutcomeWarned
	}
	if r.OwnerTenant != "" && (!who.sees(r.OwnerTenant) || who.confined()) {
		d.Found, d.OwnerTenant, d.OwnerClient = "", "", ""
	}
	d.Why, d.Fix, d.Docs = h.explained(cmp.Or(d.Found, d.Reason))
	return d
}

// explained returns the sentences of a reason and the page about it.
func (h *Handler) explained(code string) (why, fix, docs string) {
	reason, _ := explain.Lookup(code)
	return reason.Cause, reason.Cure, h.reasonPage(code)
}

// reasonPage is the page about a reason.
func (h *Handler) reasonPage(code string) string {
	return cmp.Or(h.docsURL(), "/docs") + "/errors/reasons/" + code
}

// ladder lists which clients do what their ladders have rungs for.
func (h *Handler) ladder(ctx context.Context, in *TenantPath) (*answer[adminclient.Page[adminclient.LadderUse]], error) {
	uses, err := h.manager.LadderUses(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	page := adminclient.Page[adminclient.LadderUse]{Items: []adminclient.LadderUse{}}
	for _, u := range uses {
		c, err := h.clientOf(ctx, in.Tenant, u.ClientID)
		if errors.Is(err, mintage.ErrNotFound) { // deleted since, or another organization's
			continue
		}
		if err != nil {
			return nil, err
		}
		page.Items = append(page.Items, adminclient.LadderUse{
			ClientID: u.ClientID, ClientName: c.Name, Rung: string(u.Rung), Count: u.Count, Address: u.Address,
			State: string(cmp.Or(c.Ladder[u.Rung], mintage.LadderRefuse)), FirstTime: u.First.UTC(), LastTime: u.Last.UTC(),
		})
	}
	return &answer[adminclient.Page[adminclient.LadderUse]]{Body: page}, nil
}
