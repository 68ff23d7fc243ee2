package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
)

func organizationRoutes() []route {
	const at, read, write = "/t/{tenant}/organizations", "organizations:read", "organizations:write"
	return []route{
		{pattern: "GET " + at, access: operator, scope: read, handle: (*console).organizations},
		{pattern: "GET " + at + "/new", access: operator, scope: write, handle: (*console).newOrganization},
		{pattern: "POST " + at, access: operator, scope: write, handle: (*console).createOrganization},
		{pattern: "GET " + at + "/{id}", access: operator, scope: read, handle: (*console).organization},
		{pattern: "POST " + at + "/{id}", access: operator, scope: write, handle: (*console).saveOrganization},
		{pattern: "GET " + at + "/{id}/delete", access: operator, scope: write, handle: (*console).askDeleteOrganization},
		{pattern: "POST " + at + "/{id}/delete", access: operator, scope: write, handle: (*console).deleteOrganization},
	}
}

// organizationRow is an organization as the list shows it.
type organizationRow struct {
	*mintage.Organization
	Clients int
}

func (c *console) organizations(ctx context.Context, q *request) (*answer, error) {
	orgs, err := c.manager.Organizations(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	var rows []organizationRow
	for _, o := range orgs {
		n, err := c.manager.CountOrganizationClients(ctx, o.Tenant, o.ID)
		if err != nil {
			return nil, err
		}
		rows = append(rows, organizationRow{o, n})
	}
	return shown("organizations", "organizations", "Organizations", rows), nil
}

// organizationForm is the form about an organization.
type organizationForm struct {
	Problems     problems
	New          bool
	ID, Name     string
	MaxClients   string
	Offers       []offer
	Version      int64
	Action, Back string
	Delete       string
	Managed      string
	Copy         *copyAs
}

// organizationFields are the fields by the members of an organization.
var organizationFields = map[string]string{"id": "id", "name": "name", "max_clients": "max_clients", "grants": "grant"}

func (c *console) organizationPage(ctx context.Context, q *request, f *organizationForm, ticked []string) (*answer, error) {
	offers, err := c.offers(ctx, q, func(v string) bool { return slices.Contains(ticked, v) })
	if err != nil {
		return nil, err
	}
	f.Offers = slices.DeleteFunc(offers, func(o offer) bool { return o.Admin }) // administration is no customer's
	f.Back = link(q.tenant.ID, "organizations")
	title := "New organization"
	if !f.New {
		title = f.Name
	}
	if len(f.Problems) > 0 {
		return again("organization", "organizations", title, f), nil
	}
	return shown("organization", "organizations", title, f), nil
}

func (c *console) newOrganization(ctx context.Context, q *request) (*answer, error) {
	return c.organizationPage(ctx, q, &organizationForm{New: true, Action: link(q.tenant.ID, "organizations")}, nil)
}

// readOrganization reads the form into o.
func (c *console) readOrganization(ctx context.Context, q *request, o *mintage.Organization) (problems, error) {
	offers, err := c.offers(ctx, q, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	grants, p := grantsOf(q.form["grant"], offers)
	o.Name, o.Grants, o.MaxClients = q.text("name"), grants, readCount(q, "max_clients", p)
	return p, nil
}

// asOrganization says how an organization is made, or changed to this, elsewhere.
func (c *console) asOrganization(ctx context.Context, o *mintage.Organization, fresh bool) *copyAs { //nolint:revive // one of two verbs
	verb, method, path := "edit", http.MethodPatch, "/tenants/"+o.Tenant+"/organizations/"+o.ID
	settings := adminclient.OrganizationSettings{Name: o.Name, MaxClients: o.MaxClients, Grants: adminGrants(o.Grants)}
	var doc any = map[string]any{"name": o.Name, "max_clients": o.MaxClients, "grants": append([]adminclient.Grant{}, settings.Grants...)}
	if fresh {
		verb, method, path = "create", http.MethodPost, "/tenants/"+o.Tenant+"/organizations"
		doc = adminclient.NewOrganization{ID: o.ID, OrganizationSettings: settings}
	}
	words := []string{"organization", verb, o.ID, "--name", o.Name, "--tenant", o.Tenant}
	for _, g := range o.Grants {
		grant := g.ResourceServer + "=" + strings.Join(g.Scopes, ",")
		words = append(words, "--grant", grant)
	}
	if len(o.Grants) == 0 && !fresh {
		words = append(words, "--grant", "")
	}
	if o.MaxClients > 0 || !fresh {
		words = append(words, "--max-clients", strconv.Itoa(o.MaxClients))
	}
	state := apply.Export(apply.Live{Organizations: []*mintage.Organization{o}}, c.cfg.Now())
	state.Organizations[0].MaxClients, state.Organizations[0].Grants = &o.MaxClients, all(state.Organizations[0].Grants)
	return &copyAs{CLI: command(words...), Curl: c.call(ctx, method, path, doc), YAML: stateYAML(state)}
}

// adminGrants are grants as the admin API takes them.
func adminGrants(grants []mintage.Grant) []adminclient.Grant {
	var out []adminclient.Grant
	for _, g := range grants {
		out = append(out, adminclient.Grant(g))
	}
	return out
}

func (c *console) createOrganization(ctx context.Context, q *request) (*answer, error) {
	o := &mintage.Organization{Tenant: q.tenant.ID, ID: strings.ToLower(q.text("id"))}
	p, err := c.readOrganization(ctx, q, o)
	if err != nil {
		return nil, err
	}
	if q.previews() {
		return elsewhere("organizations", c.asOrganization(ctx, o, true)), nil
	}
	if len(p) == 0 {
		if _, err = c.manager.CreateOrganization(ctx, q.by(), o); err == nil {
			return gone(link(q.tenant.ID, "organizations", o.ID), "The organization is there. Invite its people next."), nil
		}
		if p = problemsOf(err, organizationFields); p == nil {
			return nil, err
		}
	}
	return c.organizationPage(ctx, q, &organizationForm{
		New: true, Problems: p, ID: q.text("id"), Name: q.text("name"), MaxClients: q.text("max_clients"), Action: link(q.tenant.ID, "organizations"),
	}, q.form["grant"])
}

// organizationOf makes the form of an organization with what it has.
func (c *console) organizationOf(ctx context.Context, q *request) (*organizationForm, *mintage.Organization, error) {
	o, err := c.manager.Organization(ctx, q.tenant.ID, q.value("id"))
	if err != nil {
		return nil, nil, err
	}
	at := link(q.tenant.ID, "organizations", o.ID)
	return &organizationForm{
		ID: o.ID, Name: o.Name, MaxClients: number(o.MaxClients), Version: o.Version, Action: at, Delete: at + "/delete", Managed: o.ManagedBy,
	}, o, nil
}

func (c *console) organization(ctx context.Context, q *request) (*answer, error) {
	f, o, err := c.organizationOf(ctx, q)
	if err != nil {
		return nil, err
	}
	f.Copy = c.asOrganization(ctx, o, false)
	return c.organizationPage(ctx, q, f, grantValues(o.Grants))
}

func (c *console) saveOrganization(ctx context.Context, q *request) (*answer, error) {
	f, o, err := c.organizationOf(ctx, q)
	if err != nil {
		return nil, err
	}
	tried := mintage.Organization{Tenant: o.Tenant, ID: o.ID}
	p, err := c.readOrganization(ctx, q, &tried)
	if err != nil {
		return nil, err
	}
	if q.previews() {
		return elsewhere("organizations", c.asOrganization(ctx, &tried, false)), nil
	}
	if len(p) == 0 {
		_, err = c.manager.UpdateOrganization(ctx, q.by(), q.tenant.ID, f.ID, q.version(), func(o *mintage.Organization) error {
			o.Name, o.Grants, o.MaxClients = tried.Name, tried.Grants, tried.MaxClients
			return nil
		})
		if err == nil {
			return gone(f.Action, "The organization is changed. What its clients have already, they keep."), nil
		}
		if p = problemsOf(err, organizationFields); p == nil {
			return nil, err
		}
	}
	f.Problems, f.MaxClients, f.Version = p, q.text("max_clients"), q.version()
	return c.organizationPage(ctx, q, f, q.form["grant"])
}

func (c *console) organizationQuestion(ctx context.Context, q *request) (*ask, error) {
	o, err := c.manager.Organization(ctx, q.tenant.ID, q.value("id"))
	if err != nil {
		return nil, err
	}
	at := link(q.tenant.ID, "organizations", o.ID)
	return &ask{
		Title: "Delete " + o.Name, Nav: "organizations", Action: at + "/delete", Button: "Delete", Back: at, Type: q.typed(o.Name), Version: o.Version,
		Text: "It is possible only while it owns no client. Its people lose what they may see here.",
		Copy: &copyAs{
			CLI:  command("organization", "delete", o.ID, "--tenant", o.Tenant),
			Curl: c.call(ctx, http.MethodDelete, "/tenants/"+o.Tenant+"/organizations/"+o.ID, nil),
		},
	}, nil
}

func (c *console) askDeleteOrganization(ctx context.Context, q *request) (*answer, error) {
	k, err := c.organizationQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

func (c *console) deleteOrganization(ctx context.Context, q *request) (*answer, error) {
	k, err := c.organizationQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	k.Done = link(q.tenant.ID, "organizations")
	return k.carriedOut(q, "The organization is deleted.", func() error {
		return c.manager.DeleteOrganization(ctx, q.by(), q.tenant.ID, q.value("id"), q.version())
	})
}
