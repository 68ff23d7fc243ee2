package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/usage"
)

func clientRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/clients/{id}", access: member, scope: "clients:read", handle: (*console).client},
		{pattern: "GET /t/{tenant}/clients/{id}/disable", access: member, scope: "clients:write", handle: (*console).askDisableClient},
		{pattern: "POST /t/{tenant}/clients/{id}/disable", access: member, scope: "clients:write", handle: (*console).disableClient},
		{pattern: "GET /t/{tenant}/clients/{id}/enable", access: member, scope: "clients:write", handle: (*console).askEnableClient},
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
	Bars      *bars // what came of its requests in a day; nil: nobody counts
}

// grantView is a grant as a page shows it.
type grantView struct {
	Identifier, Name string
	All              bool
	Scopes           []scopeUse
}

// scopeUse is a scope, and when a token of it was last issued.
type scopeUse struct {
	Name  string
	Known bool      // whether uses are counted
	Last  time.Time // the day, or the hour, of the last; zero: none in 90 days
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
	return c.clientTab(q, cl, "", d), c.addClientUsage(ctx, q, cl, d, servers)
}

// scopeUnused is how long a scope is not asked for before it is one to drop.
const scopeUnused = 90 * day

// addClientUsage adds the chart of a client, and when its scopes were last in a
// token.
func (c *console) addClientUsage(ctx context.Context, q *request, cl *mintage.Client, d *clientOverview, servers []*mintage.ResourceServer) error {
	if c.cfg.Usage == nil || !q.viewer.May("usage:read") {
		return nil
	}
	now, span := c.cfg.Now().UTC(), usageSpans[0]
	query := usage.Query{Tenant: cl.Tenant, ClientID: cl.ID, Since: now.Add(-span.Back).Truncate(span.Step).Add(span.Step)}
	var err error
	if d.Bars, err = c.barsFor(ctx, query, span); err != nil {
		return err
	}
	last := map[string]time.Time{}
	for _, look := range []struct{ back, step time.Duration }{{scopeUnused, day}, {2 * day, time.Hour}, {2 * time.Hour, time.Minute}} { // older counts are by the day alone
		query.Since, query.Step, query.ByScope, query.Issued = now.Add(-look.back).Truncate(look.step), look.step, true, true
		sums, err := c.cfg.Usage.Sums(ctx, query)
		if err != nil {
			return err
		}
		for _, s := range sums {
			if s.Start.After(last[s.Scope]) {
				last[s.Scope] = s.Start
			}
		}
	}
	for i := range d.Grants {
		g := &d.Grants[i]
		for j := range g.Scopes {
			g.Scopes[j].Known, g.Scopes[j].Last = true, last[wirePrefix(servers, g.Identifier)+g.Scopes[j].Name]
		}
	}
	return nil
}

// wirePrefix is what precedes the scopes of a resource server on the wire.
func wirePrefix(servers []*mintage.ResourceServer, identifier string) string {
	for _, rs := range servers {
		if rs.Identifier == identifier {
			return rs.ScopePrefix
		}
	}
	return ""
}

func grantViews(cl *mintage.Client, servers []*mintage.ResourceServer) []grantView {
	var out []grantView
	for _, g := range cl.Grants {
		v := grantView{Identifier: g.ResourceServer, All: len(g.Scopes) == 1 && g.Scopes[0] == mintage.AllScopes}
		names := g.Scopes
		for _, rs := range servers {
			if rs.Identifier != g.ResourceServer {
				continue
			}
			if v.Name = rs.Name; v.All {
				names = nil
				for _, s := range rs.Scopes {
					names = append(names, s.Name)
				}
			}
		}
		for _, n := range names {
			v.Scopes = append(v.Scopes, scopeUse{Name: n})
		}
		out = append(out, v)
	}
	return out
}

// disableQuestion asks before a client is disabled.
func (c *console) disableQuestion(ctx context.Context, q *request, cl *mintage.Client) *ask {
	at := link(q.tenant.ID, "clients", cl.ID)
	return &ask{
		Title: "Disable " + cl.Name, Nav: "clients", Action: at + "/disable", Button: "Disable", Back: at, Type: q.typed(cl.Name),
		Reason: true, Given: q.text("reason"),
		Text: "It is refused everywhere from now on, and its tokens end. It can be enabled again.",
		Copy: c.asDisabled(ctx, cl, q.text("reason")),
	}
}

// asDisabled says how a client is disabled elsewhere.
func (c *console) asDisabled(ctx context.Context, cl *mintage.Client, reason string) *copyAs {
	words := []string{"client", "disable", cl.ID, "--tenant", cl.Tenant}
	patch := map[string]any{"disabled": true}
	if reason != "" {
		words, patch["disabled_reason"] = append(words, "--reason", reason), reason
	}
	disabled := true
	return &copyAs{
		CLI: command(words...), Curl: c.call(ctx, http.MethodPatch, clientPath(cl), patch),
		YAML: declaredClient(cl, func(d *apply.Client) { d.Disabled = &disabled }),
	}
}

// enableQuestion asks before a client works again.
func (c *console) enableQuestion(ctx context.Context, q *request, cl *mintage.Client) *ask {
	at := link(q.tenant.ID, "clients", cl.ID)
	disabled := false
	return &ask{
		Title: "Enable " + cl.Name, Nav: "clients", Action: at + "/enable", Button: "Enable", Safe: true, Back: at,
		Text: "It gets tokens again, with the secrets that it has. Tokens that ended when it was disabled stay so.",
		Copy: &copyAs{
			CLI:  command("client", "enable", cl.ID, "--tenant", cl.Tenant),
			Curl: c.call(ctx, http.MethodPatch, clientPath(cl), map[string]any{"disabled": false}),
			YAML: declaredClient(cl, func(d *apply.Client) { d.Disabled = &disabled }),
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
	return k.carriedOut(q, cl.Name+" is disabled, and its tokens have ended.", func() error {
		_, err := c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, 0, func(cl *mintage.Client) error {
			cl.Disabled, cl.DisabledReason = true, q.text("reason")
			return nil
		})
		return err
	})
}

func (c *console) askEnableClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.enableQuestion(ctx, q, cl).page(), nil
}

func (c *console) enableClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	k := c.enableQuestion(ctx, q, cl)
	return k.carriedOut(q, cl.Name+" is enabled.", func() error {
		_, err := c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, 0, func(cl *mintage.Client) error {
			cl.Disabled = false
			return nil
		})
		return err
	})
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
	k.Done = link(q.tenant.ID, "clients")
	return k.carriedOut(q, cl.Name+" is deleted.", func() error {
		return c.manager.DeleteClient(ctx, q.by(), cl.Tenant, cl.ID, q.version())
	})
}
