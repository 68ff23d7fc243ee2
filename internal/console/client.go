package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

func clientRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/clients/{id}", access: member, scope: "clients:read", handle: (*console).client},
		{pattern: "GET /t/{tenant}/clients/{id}/disable", access: member, scope: "clients:write", handle: (*console).askDisableClient},
		{pattern: "POST /t/{tenant}/clients/{id}/disable", access: member, scope: "clients:write", handle: (*console).disableClient},
		{pattern: "POST /t/{tenant}/clients/{id}/enable", access: member, scope: "clients:write", handle: (*console).enableClient},
		{pattern: "GET /t/{tenant}/clients/{id}/delete", access: member, scope: "clients:write", handle: (*console).askDeleteClient},
		{pattern: "POST /t/{tenant}/clients/{id}/delete", access: member, scope: "clients:write", handle: (*console).deleteClient},
	}
}

// clientPage is what all tabs of a client share, and the tab's own Data.
type clientPage struct {
	Client   *mintage.Client
	Tabs     []tab
	MayWrite bool
	Rotating bool
	Live     int // secrets
	Data     any
}

// tab is a part of a page under an address of its own.
type tab struct {
	Title, Link string
	Current     bool
}

// clientTab makes the page of one tab of a client.
func (c *console) clientTab(q *request, cl *mintage.Client, key string, data any) *answer {
	p := &clientPage{Client: cl, MayWrite: q.viewer.May("clients:write"), Data: data}
	for _, t := range []struct{ key, title, scope string }{
		{"", "Overview", "clients:read"},
		{"credentials", "Credentials", "clients:read"},
		{"access", "Access", "clients:read"},
		{"requests", "Requests", "requests:read"},
		{"tokens", "Tokens", "clients:read"},
		{"settings", "Settings", "clients:read"},
		{"audit", "Audit", "audit:read"},
	} {
		if !q.viewer.May(t.scope) {
			continue
		}
		at := link(q.tenant.ID, "clients", cl.ID)
		if t.key != "" {
			at += "/" + t.key
		}
		p.Tabs = append(p.Tabs, tab{Title: t.title, Link: at, Current: t.key == key})
	}
	now := c.cfg.Now()
	for i := range cl.Secrets {
		if cl.Secrets[i].Live(now) {
			p.Live++
		}
		p.Rotating = p.Rotating || cl.Secrets[i].Retires(now)
	}
	page := "client"
	if key != "" {
		page += "-" + key
	}
	return shown(page, "clients", cl.Name, p)
}

// clientOverview is the first tab.
type clientOverview struct {
	Quick     *quickstart
	Endpoints []endpoint
	Grants    []grantView
	LastUsed  time.Time
	LastFrom  string
	Expires   time.Time
	Exposed   time.Time
}

// grantView is a grant as a page shows it.
type grantView struct {
	Identifier, Name string
	All              bool
	Scopes           []string
}

func (c *console) client(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	row := rowOf(cl, c.cfg.Now())
	d := &clientOverview{
		Quick: quickstartOf(q.tenant, cl, servers, ""), Endpoints: endpointsOf(q.tenant, cl), Grants: grantViews(cl, servers),
		LastUsed: row.LastUsed, Expires: row.Expires,
	}
	for i := range cl.Secrets {
		s := &cl.Secrets[i]
		if s.LastUsed.Equal(d.LastUsed) {
			d.LastFrom = s.LastUsedFrom
		}
		if s.Live(c.cfg.Now()) && s.Exposed.After(d.Exposed) {
			d.Exposed = s.Exposed
		}
	}
	return c.clientTab(q, cl, "", d), nil
}

func grantViews(cl *mintage.Client, servers []*mintage.ResourceServer) []grantView {
	var out []grantView
	for _, g := range cl.Grants {
		v := grantView{Identifier: g.ResourceServer, Scopes: g.Scopes}
		for _, rs := range servers {
			if rs.Identifier == g.ResourceServer {
				v.Name = rs.Name
			}
		}
		if len(g.Scopes) == 1 && g.Scopes[0] == mintage.AllScopes {
			v.All, v.Scopes = true, nil
		}
		out = append(out, v)
	}
	return out
}

// disableQuestion asks before a client is disabled.
func (c *console) disableQuestion(ctx context.Context, q *request, cl *mintage.Client) *ask {
	at := link(q.tenant.ID, "clients", cl.ID)
	return &ask{
		Title: "Disable " + cl.Name, Nav: "clients", Action: at + "/disable", Button: "Disable", Back: at, Reason: true, Type: q.typed(cl.Name),
		Text: "It is refused everywhere from now on, and its tokens end. It can be enabled again.",
		Copy: &copyAs{
			CLI:  command("client", "disable", cl.ID, "--tenant", cl.Tenant),
			Curl: c.call(ctx, http.MethodPatch, clientPath(cl), map[string]any{"disabled": true}),
		},
	}
}

// clientPath is the path of a client in the admin API, with more behind it.
func clientPath(cl *mintage.Client, more ...string) string {
	var path strings.Builder
	path.WriteString("/tenants/" + url.PathEscape(cl.Tenant) + "/clients/" + url.PathEscape(cl.ID))
	for _, m := range more {
		path.WriteString("/" + url.PathEscape(m))
	}
	return path.String()
}

func (c *console) askDisableClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.disableQuestion(ctx, q, cl).page(), nil
}

func (c *console) disableClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	k := c.disableQuestion(ctx, q, cl)
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	_, err = c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, 0, func(cl *mintage.Client) error {
		cl.Disabled, cl.DisabledReason = true, q.text("reason")
		return nil
	})
	if err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	return gone(k.Back, cl.Name+" is disabled, and its tokens have ended."), nil
}

func (c *console) enableClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	_, err = c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, 0, func(cl *mintage.Client) error {
		cl.Disabled = false
		return nil
	})
	if err != nil {
		return nil, err
	}
	return gone(link(q.tenant.ID, "clients", cl.ID), cl.Name+" is enabled."), nil
}

// deleteQuestion asks before a client is deleted, with its name to type
// wherever it is.
func (c *console) deleteQuestion(ctx context.Context, q *request, cl *mintage.Client) *ask {
	at := link(q.tenant.ID, "clients", cl.ID)
	return &ask{
		Title: "Delete " + cl.Name, Nav: "clients", Action: at + "/delete", Button: "Delete for ever", Back: at, Type: q.typed(cl.Name), Version: cl.Version,
		Text: "It is gone with its secrets, its tokens end, and its identifier is never used again. To stop it for now, disable it.",
		Copy: &copyAs{CLI: command("client", "delete", cl.ID, "--tenant", cl.Tenant), Curl: c.call(ctx, http.MethodDelete, clientPath(cl), nil)},
	}
}

func (c *console) askDeleteClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.deleteQuestion(ctx, q, cl).page(), nil
}

func (c *console) deleteClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	k := c.deleteQuestion(ctx, q, cl)
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	if err := c.manager.DeleteClient(ctx, q.by(), cl.Tenant, cl.ID, q.version()); err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	return gone(link(q.tenant.ID, "clients"), cl.Name+" is deleted."), nil
}
