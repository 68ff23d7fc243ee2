package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

func clientNewRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/clients/new", access: member, scope: "clients:write", handle: (*console).newClient},
		{pattern: "POST /t/{tenant}/clients", access: member, scope: "clients:write", handle: (*console).createClient},
		{pattern: "POST /t/{tenant}/clients/preview", access: member, scope: "clients:write", handle: (*console).previewClient},
	}
}

// reveal is the page that shows a secret, once.
type reveal struct {
	Title  string
	Client *mintage.Client
	Label  mintage.Secret
	Secret string
	Quick  *quickstart
	After  string // where to go when it is stored
	Verify string // where to try the credentials; empty: nowhere
	// Old are the secrets that retire now.
	Old []mintage.Secret
}

// newClient shows an empty form.
func (c *console) newClient(ctx context.Context, q *request) (*answer, error) {
	offers, err := c.offers(ctx, q, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	tickOnlyOffer(offers)
	f := &clientForm{Mark: c.once.mark(), Offers: offers}
	expires := ""
	if q.tenant.SecretLifetime == 0 {
		expires = "90" // for ever is possible, and not by accident
	}
	return c.clientFormPage(ctx, q, f, "", "", expires, nil, http.StatusOK)
}

// tickOnlyOffer ticks all that a form offers when it offers one API only, so
// that a name is all that has to be given.
func tickOnlyOffer(offers []offer) {
	var own []int
	for i := range offers {
		if !offers[i].Admin {
			own = append(own, i)
		}
	}
	if len(own) != 1 {
		return
	}
	scopes := offers[own[0]].Scopes
	for i := range scopes {
		scopes[i].Ticked = true
	}
}

// clientFormPage shows the form with what it holds.
func (c *console) clientFormPage(ctx context.Context, q *request, f *clientForm, format, alg, expires string, dialects []string, status int) (*answer, error) {
	if err := c.choices(ctx, q, f, format, alg, expires, dialects); err != nil {
		return nil, err
	}
	a := shown("client-new", "clients", "Add Client", f)
	a.status = status
	return a, nil
}

// readNew reads the form for a new client.
func (c *console) readNew(ctx context.Context, q *request) (*clientForm, *mintage.Client, manage.NewSecret, error) {
	offers, err := c.offers(ctx, q, func(v string) bool { return slices.Contains(q.form["grant"], v) })
	if err != nil {
		return nil, nil, manage.NewSecret{}, err
	}
	cl := &mintage.Client{Tenant: q.tenant.ID}
	p := readClient(q, offers, cl)
	s := readExpiry(q, p)
	f := &clientForm{
		Problems: p, Mark: q.text("mark"), Name: cl.Name, Organization: cl.Organization, Labels: q.text("labels"), Offers: offers,
		NewAPI: q.text("new_api"), NewScopes: q.text("new_scopes"), SecretName: s.Name, Lifetime: q.text("lifetime"),
		AllowFrom: q.text("allow_from"), Tokens: q.text("tokens"), Asks: q.text("asks"),
		MultiAudience: cl.MultiAudience, Downscope: cl.Downscope, DPoPBound: cl.DPoPBoundAccessTokens,
	}
	if cl.Name == "" {
		p.add("name", "Give the client a name that people know it by.")
	}
	if m := q.viewer.Membership; m != nil {
		cl.Organization = m.Organization
	}
	return f, cl, s, nil
}

// createClient makes a client and shows its secret.
func (c *console) createClient(ctx context.Context, q *request) (*answer, error) {
	f, cl, s, err := c.readNew(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(f.Problems) == 0 && !c.once.first(f.Mark) {
		return errorPage(http.StatusConflict, "Made already", "This form was sent before, and its client is in the list. Its secret was shown then: if it is lost, rotate it."), nil
	}
	var made *manage.Credentials
	if len(f.Problems) == 0 {
		made, err = c.makeClient(ctx, q, f, cl, s)
		if err != nil {
			c.once.again(f.Mark)
			if f.Problems = problemsOf(err, clientFields); f.Problems == nil {
				return nil, err
			}
		}
	}
	if made == nil {
		return c.clientFormPage(ctx, q, f, q.text("format"), q.text("alg"), q.text("expires"), q.form["dialect"], http.StatusUnprocessableEntity)
	}
	d, err := c.revealed(ctx, q, made, "The client "+made.Client.Name+" is made")
	if err != nil {
		return nil, err
	}
	return revealPage(d), nil
}

// newAPI is the API that the form brings along; nil: it brings none.
func (f *clientForm) newAPI(q *request) *mintage.ResourceServer {
	if f.NewAPI == "" || !q.viewer.May("resource_servers:write") {
		return nil
	}
	return &mintage.ResourceServer{Tenant: q.tenant.ID, Identifier: f.NewAPI, Scopes: readScopes(f.NewScopes)}
}

// makeClient makes a client, and before it the API that the form brings along.
func (c *console) makeClient(ctx context.Context, q *request, f *clientForm, cl *mintage.Client, s manage.NewSecret) (*manage.Credentials, error) {
	if rs := f.newAPI(q); rs != nil {
		if _, err := c.manager.CreateResourceServer(ctx, q.by(), rs); err != nil {
			if p := fieldErrors(err); len(p) > 0 {
				return nil, &mintage.FieldError{Pointer: "/grants", Message: "the new API: " + p[0].Error()}
			}
			return nil, err
		}
		cl.Grants = append(cl.Grants, mintage.Grant{ResourceServer: f.NewAPI, Scopes: []string{mintage.AllScopes}})
	}
	return c.manager.CreateClient(ctx, q.by(), cl, s)
}

// readScopes reads scopes as a form has them: one a line, a description behind
// the first blank.
func readScopes(text string) []mintage.ScopeDefinition {
	var out []mintage.ScopeDefinition
	for _, line := range lines(text) {
		name, description, _ := strings.Cut(line, " ")
		out = append(out, mintage.ScopeDefinition{Name: name, Description: strings.TrimSpace(description)})
	}
	slices.SortFunc(out, func(a, b mintage.ScopeDefinition) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// previewClient says what the form would be as a command, a call and a file.
func (c *console) previewClient(ctx context.Context, q *request) (*answer, error) {
	f, cl, s, err := c.readNew(ctx, q)
	if err != nil {
		return nil, err
	}
	return elsewhere("clients", c.asCreated(ctx, cl, s, f.newAPI(q))), nil
}

// revealed puts together the page that shows a secret once.
func (c *console) revealed(ctx context.Context, q *request, made *manage.Credentials, title string) (*reveal, error) {
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	d := &reveal{
		Title: title, Client: made.Client, Label: made.Label, Secret: made.Secret,
		Quick: quickstartOf(q.tenant, made.Client, servers, made.Secret),
		After: link(q.tenant.ID, "clients", made.Client.ID),
	}
	if c.cfg.Public != nil && q.tenant.ID != mintage.BuiltInTenant && !made.Client.Disabled {
		d.Verify = link(q.tenant.ID, "clients", made.Client.ID, "verify")
	}
	return d, nil
}

// revealPage is the answer with a secret in it.
func revealPage(d *reveal) *answer {
	a := shown("reveal", "clients", d.Title, d)
	a.secret = true
	return a
}
