package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// breaking are those whom the deletion of an API breaks.
type breaking struct {
	clients, organizations, introspectors []string
}

// breaks finds them.
func (c *console) breaks(ctx context.Context, q *request, rs *mintage.ResourceServer) (b breaking, err error) {
	holders, err := c.manager.FindClients(ctx, manage.ClientQuery{
		Tenant: rs.Tenant, ResourceServer: rs.Identifier, Order: manage.ByName, Limit: countedMost + 1,
	})
	if err != nil {
		return b, err
	}
	for _, l := range holders {
		b.clients = append(b.clients, l.Name)
	}
	for _, id := range rs.Introspectors {
		cl, err := c.manager.Client(ctx, rs.Tenant, id)
		switch {
		case errors.Is(err, mintage.ErrNotFound):
		case err != nil:
			return b, err
		default:
			b.introspectors = append(b.introspectors, cl.Name)
		}
	}
	orgs, err := c.manager.Organizations(ctx, q.tenant.ID, "", 0)
	for _, o := range orgs {
		if slices.ContainsFunc(o.Grants, func(g mintage.Grant) bool { return g.ResourceServer == rs.Identifier }) {
			b.organizations = append(b.organizations, o.Name)
		}
	}
	return b, err
}

// lines says who they are, a line for each kind.
func (b *breaking) lines() []string {
	var out []string
	for _, kind := range []struct {
		one, many, what string
		names           []string
	}{
		{"client", "clients", "cannot get its scopes any more", b.clients},
		{"organization", "organizations", "cannot grant them any more", b.organizations},
		{"client", "clients", "cannot introspect its tokens any more", b.introspectors},
	} {
		n := len(kind.names)
		if n == 0 {
			continue
		}
		noun := kind.many
		if n == 1 {
			noun = kind.one
		}
		said := strings.Join(kind.names[:min(n, 10)], ", ")
		if n > 10 {
			said += " and others"
		}
		how := count(n)
		if n > countedMost {
			how = "more than " + count(countedMost)
		}
		out = append(out, how+" "+noun+" "+kind.what+": "+said+".")
	}
	return out
}

// resourceQuestion asks before an API is deleted, and says who breaks.
func (c *console) resourceQuestion(ctx context.Context, q *request) (*ask, error) {
	rs, err := c.manager.ResourceServer(ctx, q.tenant.ID, q.value("api"))
	if err != nil {
		return nil, err
	}
	b, err := c.breaks(ctx, q, rs)
	if err != nil {
		return nil, err
	}
	at, name := link(q.tenant.ID, "apis", rs.Identifier), cmp.Or(rs.Name, rs.Identifier)
	k := &ask{
		Title: "Delete " + name, Nav: "apis", Action: at + "/delete", Button: "Delete", Back: at, Type: q.typed(name), Version: rs.Version,
		Text: "Tokens for it live on until they end, where the API itself takes them.", Breaks: b.lines(),
	}
	words, query := []string{"api", "delete", name, "--tenant", rs.Tenant}, ""
	if len(b.clients)+len(b.organizations) > 0 {
		k.Cascade, k.Type = "Take these grants away with it", name
		words, query = append(words, "--cascade"), "?cascade=true"
	} else if len(k.Breaks) == 0 {
		k.Text = "No client has access to it. " + k.Text
	}
	k.Copy = &copyAs{
		CLI: command(words...), Curl: c.call(ctx, http.MethodDelete, "/tenants/"+rs.Tenant+"/resource-servers/"+url.PathEscape(rs.Identifier)+query, nil),
	}
	return k, nil
}

func (c *console) askDeleteResource(ctx context.Context, q *request) (*answer, error) {
	k, err := c.resourceQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

func (c *console) deleteResource(ctx context.Context, q *request) (*answer, error) {
	k, err := c.resourceQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	consent := manage.Consent(q.ticked("break"))
	if err := c.manager.DeleteResourceServer(ctx, q.by(), q.tenant.ID, q.value("api"), q.version(), consent); err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	return &answer{location: link(q.tenant.ID, "apis"), done: "The API is deleted.", status: http.StatusSeeOther}, nil
}
