package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

type listClients struct {
	TenantPath
	Paged
	Name          string `query:"name" maxLength:"200" doc:"Only clients with exactly this name."`
	Search        string `query:"q" maxLength:"200" doc:"Only clients with this in their name or their client_id, in capitals or not."`
	Status        string `query:"status" enum:"active,disabled,rotating,no_secret" doc:"Only clients of this status: rotating have a secret that is being replaced, no_secret none that is live."`
	API           string `query:"api" maxLength:"512" doc:"Only clients with a grant at the resource server with this identifier."`
	Organization  string `query:"organization" maxLength:"63" doc:"Only clients of this organization."`
	Label         string `query:"label" maxLength:"320" doc:"Only clients with this label: NAME or NAME=VALUE."`
	ExpiresWithin int64  `query:"expires_within" minimum:"1" maximum:"315360000" doc:"Only clients with a live secret that ends within so many seconds and is not being replaced."`
	UnusedFor     int64  `query:"unused_for" minimum:"1" maximum:"315360000" doc:"Only clients that were neither used nor made within so many seconds."`
	Sort          string `query:"sort" enum:"name,-name,created,-created,last_used,-last_used,expires,-expires" doc:"The order, with a hyphen from the last to the first: expires is by the live secret that ends first and is not being replaced. Left out: by client_id."`
}

// list names the list for its cursors.
func (in *listClients) list() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"name": in.Name, "q": in.Search, "status": in.Status, "api": in.API, "organization": in.Organization, "label": in.Label, "sort": in.Sort,
	} {
		v.Set(name, value)
	}
	return fmt.Sprintf("clients %q %s %d %d", in.Tenant, v.Encode(), in.ExpiresWithin, in.UnusedFor)
}

func (in *listClients) query(now time.Time) manage.ClientQuery {
	q := manage.ClientQuery{
		Tenant: in.Tenant, Name: in.Name, Text: in.Search, Status: manage.ClientStatus(in.Status),
		ResourceServer: in.API, Organization: in.Organization,
	}
	name, value, both := strings.Cut(in.Label, "=")
	if q.Label = name; both {
		q.LabelValue = &value
	}
	if in.ExpiresWithin > 0 {
		q.ExpiresUntil = now.Add(duration(in.ExpiresWithin))
	}
	if in.UnusedFor > 0 {
		q.UnusedSince = now.Add(-duration(in.UnusedFor))
	}
	order, descending := strings.CutPrefix(in.Sort, "-")
	q.Order, q.Descending = manage.ClientOrder(order), descending
	return q
}

func (h *Handler) clients(ctx context.Context, in *listClients) (*answer[adminclient.Page[adminclient.RegisteredClient]], error) {
	l, err := h.listing(ctx, in.list(), in.Paged)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(in.Label, "=") {
		return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed", "label is NAME or NAME=VALUE")
	}
	q := in.query(h.now())
	if who := callerOf(ctx); who.confined() {
		if in.Organization != "" && in.Organization != who.organization() {
			return &answer[adminclient.Page[adminclient.RegisteredClient]]{Body: page(l, nil, h.listedDocument, markOf)}, nil
		}
		q.Organization = who.organization()
	}
	q.After.Key, q.After.ID, _ = cutLast(l.after)
	q.Limit = l.fetch()
	found, err := h.manager.FindClients(ctx, q)
	if err != nil {
		return nil, err
	}
	return &answer[adminclient.Page[adminclient.RegisteredClient]]{Body: page(l, found, h.listedDocument, markOf)}, nil
}

func (h *Handler) listedDocument(c manage.ListedClient) adminclient.RegisteredClient {
	return h.clientDocument(c.Client)
}

// markOf is where a client is in the list, for cutLast.
func markOf(c manage.ListedClient) string { return c.Mark.Key + "\x00" + c.Mark.ID }

// cutLast splits a mark, whose identifier has no such byte.
func cutLast(mark string) (key, id string, found bool) {
	i := strings.LastIndexByte(mark, 0)
	if i < 0 {
		return "", mark, false
	}
	return mark[:i], mark[i+1:], true
}
