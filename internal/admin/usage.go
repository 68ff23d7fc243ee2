package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/usage"
)

// UsageFilter is the part of an input that narrows and groups usage.
type UsageFilter struct {
	Client  string    `query:"client" maxLength:"256" doc:"Only requests of this client."`
	Outcome string    `query:"outcome" enum:"issued,refused" doc:"Only requests that ended so."`
	Reason  string    `query:"reason" maxLength:"64" doc:"Only refusals with this reason code."`
	API     string    `query:"api" maxLength:"512" doc:"Only tokens for the resource server with this identifier."`
	Scope   string    `query:"scope" maxLength:"512" doc:"Only tokens of this scope, as on the wire."`
	Since   time.Time `query:"since" doc:"Since then; left out: the last 24 hours."`
	Until   time.Time `query:"until" doc:"Before then; left out: until now."`
	Step    string    `query:"step" enum:"minute,hour,day" doc:"By spans of this length, in UTC; left out: not by time."`
	GroupBy string    `query:"group_by" maxLength:"64" doc:"By what the sums are told apart, separated by commas: tenant, client, reason, api, scope."`
}

type showUsage struct {
	TenantPath
	UsageFilter
}

// usage shows how token requests of a tenant ended.
func (h *Handler) usage(ctx context.Context, in *showUsage) (*answer[adminclient.Usage], error) {
	return h.usageOf(ctx, in.Tenant, &in.UsageFilter)
}

// allUsage shows how token requests ended at all tenants that the caller may
// see.
func (h *Handler) allUsage(ctx context.Context, in *UsageFilter) (*answer[adminclient.Usage], error) {
	return h.usageOf(ctx, callerOf(ctx).reach(), in)
}

func (h *Handler) usageOf(ctx context.Context, tenant string, in *UsageFilter) (*answer[adminclient.Usage], error) {
	q, err := in.query(tenant, h.now())
	if err != nil {
		return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed", err.Error())
	}
	q.Organization = callerOf(ctx).organization()
	sums, err := h.reports.Sums(ctx, q)
	if errors.Is(err, usage.ErrTooMany) {
		return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed",
			fmt.Sprintf("the answer would have more than %d sums: narrow the time, or group by less", usage.MaxSums))
	}
	if err != nil {
		return nil, err
	}
	d := adminclient.Usage{Since: q.Since, Until: q.Until, Items: []adminclient.UsageSum{}}
	for _, s := range sums {
		d.Items = append(d.Items, adminclient.UsageSum{
			Start: when(s.Start), Tenant: s.Tenant, ClientID: s.ClientID, Reason: s.Reason, API: s.API, Scope: s.Scope,
			Issued: s.Issued, Refused: s.Refused,
		})
	}
	return &answer[adminclient.Usage]{Body: d}, nil
}

// query reads the filter. Its error is for the caller.
func (f *UsageFilter) query(tenant string, now time.Time) (usage.Query, error) {
	q := usage.Query{
		Tenant: tenant, ClientID: f.Client, Issued: f.Outcome == "issued", Refused: f.Outcome == "refused", Reason: f.Reason,
		API: f.API, Scope: f.Scope, Since: f.Since.UTC(), Until: f.Until.UTC(),
		Step: map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[f.Step],
	}
	if _, ok := explain.Lookup(f.Reason); !ok && f.Reason != "" {
		return q, errors.New("there is no such reason code")
	}
	if f.Until.IsZero() {
		q.Until = now.UTC().Truncate(time.Second)
	}
	if f.Since.IsZero() {
		q.Since = q.Until.Add(-24 * time.Hour)
	}
	q.Since = q.Since.Truncate(max(q.Step, time.Minute)) // a span is counted whole
	if !q.Since.Before(q.Until) {
		return q, errors.New("since is not before until")
	}
	by := map[string]*bool{"tenant": &q.ByTenant, "client": &q.ByClient, "reason": &q.ByReason, "api": &q.ByAPI, "scope": &q.ByScope}
	for name := range strings.SplitSeq(f.GroupBy, ",") {
		switch set := by[name]; {
		case f.GroupBy == "":
		case set == nil:
			return q, errors.New("group_by takes tenant, client, reason, api and scope")
		case *set:
			return q, errors.New("group_by names " + name + " twice")
		default:
			*set = true
		}
	}
	return q, nil
}

// usageAdvice lists the clients that seem not to keep their tokens.
func (h *Handler) usageAdvice(ctx context.Context, in *TenantPath) (*answer[adminclient.Page[adminclient.CacheAdvice]], error) {
	found, err := h.reports.Advice(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	const most = 200 // as a page has
	p := adminclient.Page[adminclient.CacheAdvice]{Items: []adminclient.CacheAdvice{}}
	for _, a := range found {
		if len(p.Items) == most {
			break
		}
		d := adminclient.CacheAdvice{ClientID: a.ClientID, Tokens: a.Tokens, Window: seconds(a.Window), Lifetime: seconds(a.Lifetime), Text: a.String()}
		c, err := h.clientOf(ctx, in.Tenant, a.ClientID)
		switch {
		case errors.Is(err, mintage.ErrNotFound): // deleted since, or another organization's
			continue
		case err != nil:
			return nil, err
		}
		d.ClientName = c.Name
		p.Items = append(p.Items, d)
	}
	return &answer[adminclient.Page[adminclient.CacheAdvice]]{Body: p}, nil
}
