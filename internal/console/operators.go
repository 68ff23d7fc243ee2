package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/people"
)

func operatorRoutes() []route {
	const p = "/t/{tenant}/operators"
	row := func(pattern, scope string, h func(*console, context.Context, *request, *people.Service) (*answer, error)) route {
		return route{pattern: pattern, access: member, scope: scope, handle: withPeople(h)}
	}
	return []route{
		row("GET "+p, "operators:read", (*console).operators),
		row("GET "+p+"/invite", "operators:write", (*console).inviteForm),
		row("POST "+p+"/invite", "operators:write", (*console).invite),
		row("GET "+p+"/invitations/{invitation}/delete", "operators:write", (*console).askDropInvitation),
		row("POST "+p+"/invitations/{invitation}/delete", "operators:write", (*console).dropInvitation),
		row("GET "+p+"/{operator}", "operators:read", (*console).operator),
		row("POST "+p+"/{operator}", "operators:write", (*console).editOperator),
		row("POST "+p+"/{operator}/recover", "operators:write", (*console).recoverOperator),
		row("POST "+p+"/{operator}/sessions", "operators:write", (*console).endOperatorSessions),
		row("GET "+p+"/{operator}/{what}", "operators:write", (*console).askOperator),
		row("POST "+p+"/{operator}/delete", "operators:write", (*console).deleteOperator),
	}
}

// operatorsPage lists who administers.
type operatorsPage struct {
	Operators   []*mintage.Operator
	First, Next string                // addresses of other pages
	Invitations []*mintage.Invitation // on the first page
	Confined    bool
	MayWrite    bool
	OIDC        string
}

// operatorsShown is how many people are on one page.
const operatorsShown = 50

func (c *console) operators(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	by, p := q.by(), &operatorsPage{Confined: !q.viewer.Operator(), MayWrite: q.viewer.May("operators:write"), OIDC: s.OIDCName()}
	after := ""
	// The address names the last one by the identifier: an e-mail address in it
	// would be in logs. Whoever is gone is no place to go on from.
	if id := q.query("after"); id != "" {
		switch o, err := c.manager.Operator(ctx, by, id); {
		case err == nil:
			after, p.First = o.Email, link(q.tenant.ID, "operators")
		case !errors.Is(err, mintage.ErrNotFound):
			return nil, err
		}
	}
	var err error
	if p.Operators, err = c.manager.OperatorsByEmail(ctx, by, after, operatorsShown+1); err != nil {
		return nil, err
	}
	if len(p.Operators) > operatorsShown {
		p.Operators = p.Operators[:operatorsShown]
		p.Next = link(q.tenant.ID, "operators") + "?after=" + url.QueryEscape(p.Operators[operatorsShown-1].ID)
	}
	if p.First == "" {
		if p.Invitations, err = c.manager.Invitations(ctx, by); err != nil {
			return nil, err
		}
	}
	return shown("operators", "operators", "People", p), nil
}

// inviteForm is the form for a new person.
type invitePage struct {
	Problems      problems
	Email, Name   string
	Roles         []option
	Organizations []option
	Confined      bool
}

func (c *console) inviteForm(ctx context.Context, q *request, _ *people.Service) (*answer, error) {
	return c.invitePage(ctx, q, nil)
}

func (c *console) invitePage(ctx context.Context, q *request, wrong problems) (*answer, error) {
	p := &invitePage{Problems: wrong, Email: q.text("email"), Name: q.text("name"), Confined: !q.viewer.Operator()}
	p.Roles = roleOptions(cmp.Or(q.text("role"), string(mintage.RoleDeveloper)), p.Confined)
	if !p.Confined {
		orgs, err := c.manager.Organizations(ctx, q.tenant.ID, "", 0)
		if err != nil {
			return nil, err
		}
		p.Organizations = []option{{Text: "Everything: all tenants"}}
		for _, o := range orgs {
			p.Organizations = append(p.Organizations, option{o.ID, o.Name + " alone", o.ID == q.text("organization")})
		}
	}
	a := shown("operator-invite", "operators", "Invite", p)
	if wrong != nil {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

// roleOptions are the roles to choose from; in an organization there is no owner.
func roleOptions(selected string, organization bool) []option { //nolint:revive // which list it is
	text := map[mintage.Role]string{
		mintage.RoleOwner:     "Owner: everything, people included",
		mintage.RoleAdmin:     "Admin: all but people and tenants",
		mintage.RoleDeveloper: "Developer: clients and their secrets",
		mintage.RoleViewer:    "Viewer: look and change nothing",
	}
	if organization {
		text[mintage.RoleAdmin] = "Admin: clients, and who belongs to it"
	}
	var list []option
	for _, r := range mintage.Roles() {
		if !organization || r != mintage.RoleOwner {
			list = append(list, option{string(r), text[r], string(r) == selected})
		}
	}
	return list
}

var inviteFields = map[string]string{"email": "email", "name": "name", "role": "role", "organization": "organization"}

// invited shows a link, once.
type invited struct {
	Title, Text, URL, Email string
	Ends                    *mintage.Invitation
}

func (c *console) invite(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	i := mintage.Invitation{Email: q.text("email"), Name: q.text("name"), Role: mintage.Role(q.text("role"))}
	if org := q.text("organization"); org != "" && q.viewer.Operator() {
		i.Tenant, i.Organization = q.tenant.ID, org
	}
	if q.previews() {
		if m := q.viewer.Membership; m != nil {
			i.Tenant, i.Organization = m.Tenant, m.Organization
		}
		return elsewhere("operators", c.asInvited(ctx, &i)), nil
	}
	l, err := c.manager.Invite(ctx, q.by(), i)
	if err != nil {
		if wrong := problemsOf(err, inviteFields); wrong != nil {
			return c.invitePage(ctx, q, wrong)
		}
		return nil, err
	}
	a := shown("operator-link", "operators", "Invited", &invited{
		Title: "Invited", Text: "Send this link to " + l.Email + ". It works once, and for seven days; nobody can see it again here.",
		URL: s.LinkURL(l), Email: l.Email, Ends: l.Invitation,
	})
	a.secret = true
	return a, nil
}

func (c *console) dropInvitation(ctx context.Context, q *request, _ *people.Service) (*answer, error) {
	k, err := c.invitationQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.carriedOut(q, "The invitation works no more.", func() error {
		return c.manager.DeleteInvitation(ctx, q.by(), q.value("invitation"))
	})
}

// operatorPage is one person.
type operatorPage struct {
	Problems    problems
	Operator    *mintage.Operator
	Sessions    []*mintage.Session
	Credentials []*mintage.OperatorCredential
	Roles       []option // over everything, or of the member
	Confined    bool
	MayWrite    bool
	Copy        *copyAs
}

func (c *console) operator(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	return c.operatorPage(ctx, q, s, nil)
}

func (c *console) operatorPage(ctx context.Context, q *request, s *people.Service, wrong problems) (*answer, error) {
	o, err := c.manager.Operator(ctx, q.by(), q.value("operator"))
	if err != nil {
		return nil, err
	}
	p := &operatorPage{Problems: wrong, Operator: o, Confined: !q.viewer.Operator(), MayWrite: q.viewer.May("operators:write")}
	if p.Confined {
		role := ""
		if m := o.Member(q.viewer.Membership.Tenant, q.viewer.Membership.Organization); m != nil {
			role = string(m.Role)
		}
		p.Roles = roleOptions(role, true)
	} else {
		p.Roles = append([]option{{Text: "None over everything", Selected: o.Role == ""}}, roleOptions(string(o.Role), false)...)
		if p.Sessions, err = c.manager.Sessions(ctx, q.by(), o.ID); err != nil {
			return nil, err
		}
		if p.Credentials, err = s.Credentials(ctx, o.ID); err != nil {
			return nil, err
		}
	}
	for _, r := range p.Roles {
		if r.Selected {
			p.Copy = c.asEdited(ctx, q, o, o.Name, r.Value)
		}
	}
	a := shown("operator", "operators", cmp.Or(o.Name, o.Email), p)
	if wrong != nil {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

// editOperator changes a person's role, name, membership or whether they may
// sign in.
func (c *console) editOperator(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	id := q.value("operator")
	if q.previews() {
		o, err := c.manager.Operator(ctx, q.by(), id)
		if err != nil {
			return nil, err
		}
		return elsewhere("operators", c.asEdited(ctx, q, o, q.text("name"), q.text("role"))), nil
	}
	_, err := c.manager.UpdateOperator(ctx, q.by(), id, q.version(), func(o *mintage.Operator) error {
		if m := q.viewer.Membership; m != nil {
			if own := o.Member(m.Tenant, m.Organization); own != nil {
				own.Role = mintage.Role(q.text("role"))
			}
			return nil
		}
		if q.form.Has("enable") || q.form.Has("disable") {
			o.Disabled = q.form.Has("disable")
			return nil
		}
		if gone := q.text("leave"); gone != "" {
			o.Memberships = slices.DeleteFunc(o.Memberships, func(m mintage.Membership) bool { return m.Tenant+"/"+m.Organization == gone })
			return nil
		}
		o.Name, o.Role = q.text("name"), mintage.Role(q.text("role"))
		return nil
	})
	if err != nil {
		if wrong := problemsOf(err, inviteFields); wrong != nil {
			return c.operatorPage(ctx, q, s, wrong)
		}
		return nil, err
	}
	return gone(link(q.tenant.ID, "operators", id), "Changed."), nil
}

func (c *console) recoverOperator(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	l, err := c.manager.RecoverOperator(ctx, q.by(), q.value("operator"))
	if err != nil {
		return nil, err
	}
	a := shown("operator-link", "operators", "Recovery link", &invited{
		Title: "Recovery link", Text: "Give this link to " + l.Email + ", whom you know to be them. It works once, for a day. When it is used, how they signed in before works no more.",
		URL: s.LinkURL(l), Email: l.Email, Ends: l.Invitation,
	})
	a.secret = true
	return a, nil
}

func (c *console) endOperatorSessions(ctx context.Context, q *request, _ *people.Service) (*answer, error) {
	id := q.value("operator")
	if err := c.manager.EndSession(ctx, q.by(), id, q.text("id")); err != nil {
		return nil, err
	}
	return gone(link(q.tenant.ID, "operators", id), "Signed out."), nil
}

func (c *console) deleteOperator(ctx context.Context, q *request, _ *people.Service) (*answer, error) {
	k, err := c.operatorQuestion(ctx, q, askDelete)
	if err != nil {
		return nil, err
	}
	k.Done = link(q.tenant.ID, "operators")
	return k.carriedOut(q, "They can do nothing here any more.", func() error {
		return c.manager.DeleteOperator(ctx, q.by(), q.value("operator"), q.version())
	})
}
