package console

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/mintage-auth/mintage"
)

func accessRoutes() []route {
	const at, write = "/t/{tenant}/clients/{id}", "clients:write"
	return []route{
		{pattern: "GET " + at + "/access", access: member, scope: "clients:read", handle: (*console).clientAccess},
		{pattern: "POST " + at + "/access", access: member, scope: write, handle: (*console).saveAccess},
		{pattern: "GET " + at + "/settings", access: member, scope: "clients:read", handle: (*console).clientSettings},
		{pattern: "POST " + at + "/settings", access: member, scope: write, handle: (*console).saveSettings},
	}
}

// accessTab is the tab of grants: the form, or what saving it would change.
type accessTab struct {
	clientForm
	Action  string
	Gained  []string // identifier and scope
	Lost    []string
	Values  []string // of the boxes, for the second step
	Type    string
	Changed bool // whether it is the second step
}

func (c *console) clientAccess(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.accessPage(ctx, q, cl, grantValues(cl.Grants), nil)
}

// accessPage shows the form with these boxes ticked.
func (c *console) accessPage(ctx context.Context, q *request, cl *mintage.Client, values []string, p problems) (*answer, error) {
	offers, err := c.offers(ctx, q, func(v string) bool { return slices.Contains(values, v) })
	if err != nil {
		return nil, err
	}
	d := &accessTab{clientForm: clientForm{Problems: p, Version: cl.Version, Offers: offers}, Action: link(q.tenant.ID, "clients", cl.ID, "access")}
	a := c.clientTab(q, cl, "access", d)
	if len(p) > 0 {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

// grantValues are the values of the boxes that stand for grants.
func grantValues(grants []mintage.Grant) []string {
	var out []string
	for _, g := range grants {
		for _, s := range g.Scopes {
			out = append(out, g.ResourceServer+" "+s)
		}
	}
	return out
}

// saveAccess shows what would change and, once that is agreed to, changes it.
func (c *console) saveAccess(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	offers, err := c.offers(ctx, q, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	values := q.form["grant"]
	grants, p := grantsOf(values, offers)
	if len(p) > 0 {
		return c.accessPage(ctx, q, cl, values, p)
	}
	grants = append(grants, unseen(cl.Grants, offers)...)
	was, will := grantValues(cl.Grants), grantValues(grants)
	d := &accessTab{
		clientForm: clientForm{Version: q.version()}, Action: link(q.tenant.ID, "clients", cl.ID, "access"),
		Gained: without(will, was), Lost: without(was, will), Values: values, Type: q.typed(cl.Name), Changed: true,
	}
	d.Copy = c.asGranted(ctx, cl, grants)
	switch {
	case len(d.Gained)+len(d.Lost) == 0:
		return gone(d.Action, "Nothing is different, so nothing was changed."), nil
	case !q.ticked("sure"):
		return c.clientTab(q, cl, "access", d), nil
	case d.Type != "" && q.text("confirm") != d.Type:
		d.Problems = problems{"": "That is not " + d.Type + ". Nothing was changed."}
		a := c.clientTab(q, cl, "access", d)
		a.status = http.StatusUnprocessableEntity
		return a, nil
	}
	_, err = c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, q.version(), func(cl *mintage.Client) error {
		cl.Grants = grants
		if cl.DefaultScope.Mode == mintage.DefaultScopeUnset && len(grants) == 1 {
			cl.DefaultScope.Mode = mintage.DefaultScopeAll
		}
		return nil
	})
	if err != nil {
		if p := problemsOf(err, clientFields); p != nil {
			return c.accessPage(ctx, q, cl, values, p)
		}
		return nil, err
	}
	return gone(d.Action, "The access of "+cl.Name+" is changed."), nil
}

// unseen are the grants that the form does not offer to this viewer: they stay.
func unseen(grants []mintage.Grant, offers []offer) []mintage.Grant {
	var out []mintage.Grant
	for _, g := range grants {
		if !slices.ContainsFunc(offers, func(o offer) bool { return o.Identifier == g.ResourceServer }) {
			out = append(out, g)
		}
	}
	return out
}

// without are those of a that are not in b.
func without(a, b []string) []string {
	var out []string
	for _, v := range a {
		if !slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}

// settingsTab is the tab of settings.
type settingsTab struct {
	clientForm
	Action, Delete string
	DefaultScope   string
}

func (c *console) clientSettings(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.settingsPage(ctx, q, cl, nil)
}

// settingsPage shows the form with what cl has.
func (c *console) settingsPage(ctx context.Context, q *request, cl *mintage.Client, p problems) (*answer, error) {
	d := &settingsTab{Action: link(q.tenant.ID, "clients", cl.ID, "settings"), Delete: link(q.tenant.ID, "clients", cl.ID, "delete")}
	d.clientForm = formOf(cl)
	d.Problems, d.DefaultScope = p, saidDefault(cl.DefaultScope)
	if err := c.choices(ctx, q, &d.clientForm, string(cl.Token.Format), cl.Token.Alg, "", cl.Dialects); err != nil {
		return nil, err
	}
	d.Copy = &copyAs{YAML: wholeClient(cl)}
	a := c.clientTab(q, cl, "settings", d)
	if len(p) > 0 {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

// formOf fills a form in with what a client has.
func formOf(cl *mintage.Client) clientForm {
	f := clientForm{
		Version: cl.Version, Name: cl.Name, Organization: cl.Organization, MultiAudience: cl.MultiAudience, Downscope: cl.Downscope,
		DPoPBound: cl.DPoPBoundAccessTokens,
		Tokens:    number(cl.Limits.TokensPerMinute), Asks: number(cl.Limits.IntrospectionsPerMinute),
	}
	for _, k := range slices.Sorted(maps.Keys(cl.Labels)) {
		f.Labels += k + "=" + cl.Labels[k] + "\n"
	}
	for _, n := range cl.AllowFrom {
		f.AllowFrom += n.String() + "\n"
	}
	if cl.Token.Lifetime > 0 {
		f.Lifetime = fileDuration(cl.Token.Lifetime)
	}
	return f
}

// saidDefault says what a client gets that asks for no scope.
func saidDefault(s mintage.DefaultScope) string {
	switch s.Mode {
	case mintage.DefaultScopeAll:
		return "all that it may have"
	case mintage.DefaultScopeNone:
		return "an empty scope"
	case mintage.DefaultScopeList:
		return s.Scopes.String()
	case mintage.DefaultScopeUnset:
	}
	return "nothing: it must ask"
}

func (c *console) saveSettings(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	change := func(cl *mintage.Client) problems {
		grants := cl.Grants
		p := readClient(q, nil, cl)
		cl.Grants = grants // another tab's
		return p
	}
	tried := *cl
	p := change(&tried)
	if q.previews() {
		return elsewhere("clients", c.asSet(ctx, cl, &tried)), nil
	}
	if len(p) == 0 {
		_, err = c.manager.UpdateClient(ctx, q.by(), cl.Tenant, cl.ID, q.version(), func(cl *mintage.Client) error {
			change(cl)
			return nil
		})
		if err == nil {
			return gone(link(q.tenant.ID, "clients", cl.ID, "settings"), "The settings of "+tried.Name+" are changed."), nil
		}
		if p = problemsOf(err, clientFields); p == nil {
			return nil, err
		}
	}
	a, err := c.settingsPage(ctx, q, &tried, p)
	if err != nil {
		return nil, err
	}
	if page, ok := a.data.(*clientPage); ok {
		page.Client = cl // the head shows what is
		if d, ok := page.Data.(*settingsTab); ok {
			d.Version, d.Lifetime, d.AllowFrom, d.Labels = q.version(), q.text("lifetime"), q.text("allow_from"), q.text("labels")
			d.Tokens, d.Asks = q.text("tokens"), q.text("asks")
		}
	}
	return a, nil
}
