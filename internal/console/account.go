package console

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/people"
)

func accountRoutes() []route {
	return []route{
		{pattern: "GET /account", access: member, handle: withPeople((*console).account)},
		{pattern: "POST /account/password", access: member, handle: withPeople((*console).setPassword)},
		{pattern: "POST /account/passkey", access: member, handle: withPeople((*console).startPasskey)},
		{pattern: "POST /account/passkey/finish", access: member, handle: withPeople((*console).finishPasskey)},
		{pattern: "GET /account/oidc", access: member, handle: withPeople((*console).linkAccount)},
		{pattern: "POST /account/recovery-codes", access: member, handle: withPeople((*console).recoveryCodes)},
		{pattern: "POST /account/remove", access: member, handle: withPeople((*console).removeCredential)},
		{pattern: "POST /account/sessions", access: member, handle: withPeople((*console).endSessions)},
		{pattern: "POST /account/place", access: member, handle: withPeople((*console).move)},
	}
}

// accountPage is what people see of their own.
type accountPage struct {
	Problems    problems
	Me          *people.Viewer
	Fresh       bool
	Credentials []*mintage.OperatorCredential
	Sessions    []*mintage.Session
	Enrolment   enrolment
	OIDC        string
	HasPassword bool
	CodesLeft   int // recovery codes
	Places      []place
}

// place is where somebody may work.
type place struct {
	Tenant, Organization, Name string
	Current                    bool
}

func (c *console) account(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	return c.accountPage(ctx, q, s, nil)
}

func (c *console) accountPage(ctx context.Context, q *request, s *people.Service, wrong problems) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	p := &accountPage{Problems: wrong, Me: me, Fresh: s.Fresh(me), OIDC: s.OIDCName()}
	if p.Credentials, err = s.Credentials(ctx, me.Operator.ID); err != nil {
		return nil, err
	}
	for _, cr := range p.Credentials {
		p.HasPassword = p.HasPassword || cr.Kind == mintage.CredentialPassword
	}
	if p.CodesLeft, err = s.RecoveryCodesLeft(ctx, me.Operator.ID); err != nil {
		return nil, err
	}
	if p.Sessions, err = c.manager.Sessions(ctx, q.by(), me.Operator.ID); err != nil {
		return nil, err
	}
	if p.Enrolment.Enrolment, err = s.SameEnrolment(q.text("sealed"), me.Operator.ID, me.Operator.Email); err != nil {
		return nil, err
	}
	if err := c.addPlaces(ctx, p); err != nil {
		return nil, err
	}
	a := shown("account", "", "Your account", p)
	if wrong != nil {
		a.status = http.StatusUnprocessableEntity
	}
	a.secret = true
	return a, nil
}

// addPlaces adds where somebody may work, if there is a choice.
func (c *console) addPlaces(ctx context.Context, p *accountPage) error {
	o := p.Me.Operator
	if o.Role != "" {
		p.Places = append(p.Places, place{Name: "Everything, as " + string(o.Role), Current: p.Me.Membership == nil})
	}
	for _, m := range o.Memberships {
		org, err := c.manager.Organization(ctx, m.Tenant, m.Organization)
		if err != nil {
			return err
		}
		current := p.Me.Membership != nil && *p.Me.Membership == m
		p.Places = append(p.Places, place{m.Tenant, m.Organization, org.Name + ", as " + string(m.Role), current})
	}
	if len(p.Places) == 1 {
		p.Places = nil
	}
	return nil
}

// accountChange is the answer to a form of the page.
func (c *console) accountChange(ctx context.Context, q *request, s *people.Service, err error, done string) (*answer, error) {
	switch {
	case err == nil:
		return gone(Prefix+"/account", done), nil
	case errors.Is(err, people.ErrStale):
		return gone(againTo(Prefix+"/account"), "Sign in again to change how you sign in."), nil
	case errors.Is(err, people.ErrLastWay):
		return c.accountPage(ctx, q, s, problems{"": "It is the last way in which you can sign in: add another one first."})
	}
	if wrong := problemsOf(err, linkFields); wrong != nil {
		return c.accountPage(ctx, q, s, wrong)
	}
	return nil, err
}

func (c *console) setPassword(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if q.form.Get("password") != q.form.Get("password2") {
		return c.accountPage(ctx, q, s, problems{"password2": "The two are not the same."})
	}
	n := people.NewPassword{Password: q.form.Get("password"), Sealed: q.text("sealed"), Code: q.text("code")}
	err = s.SetPassword(ctx, me, n, q.from())
	return c.accountChange(ctx, q, s, err, "The new password and the new key count from now on. Your other sessions and your recovery codes have ended.")
}

func (c *console) startPasskey(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	start, err := s.StartPasskey(ctx, me)
	if err != nil {
		return toldProblem(err)
	}
	return told(0, start)
}

func (c *console) finishPasskey(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.AddPasskey(ctx, me, q.text("sealed"), q.text("name"), []byte(q.text("answer")), q.from()); err != nil {
		return toldProblem(err)
	}
	return toldNext("", Prefix+"/account")
}

// codesPage shows recovery codes, once.
type codesPage struct{ Codes people.RecoveryCodes }

// Download is a file with the codes, made by the browser: they leave it for
// nowhere.
func (p codesPage) Download() template.URL {
	text := "Mintage recovery codes. Each works once, beside the password.\r\n\r\n" + strings.Join(p.Codes, "\r\n") + "\r\n"
	return template.URL("data:text/plain;charset=utf-8," + url.PathEscape(text)) //nolint:gosec // escaped, and of our own letters
}

func (c *console) recoveryCodes(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	codes, err := s.NewRecoveryCodes(ctx, me, q.from())
	if err != nil {
		return c.accountChange(ctx, q, s, err, "")
	}
	a := shown("recovery-codes", "", "Recovery codes", codesPage{codes})
	a.secret = true
	return a, nil
}

// linkAccount sends the viewer to the provider, to add an account.
func (c *console) linkAccount(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if !s.Fresh(me) {
		return c.accountChange(ctx, q, s, people.ErrStale, "")
	}
	return c.toProvider(ctx, q, s, people.Journey{Session: me.Session.ID, Next: Prefix + "/account"})
}

func (c *console) removeCredential(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	err = s.RemoveCredential(ctx, me, mintage.CredentialKind(q.text("kind")), q.text("id"), q.from())
	return c.accountChange(ctx, q, s, err, "Removed. Your other sessions have ended.")
}

// endSessions ends one session of the viewer, or all but this one.
func (c *console) endSessions(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if id := q.text("id"); id != "" {
		return c.accountChange(ctx, q, s, c.manager.EndSession(ctx, q.by(), me.Operator.ID, id), "That session has ended.")
	}
	return c.accountChange(ctx, q, s, s.EndOthers(ctx, me, q.from()), "Your other sessions have ended.")
}

// move has the viewer work in another place.
func (c *console) move(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.Move(ctx, me, q.text("tenant"), q.text("organization")); err != nil {
		return nil, err
	}
	return gone(Prefix+"/", ""), nil
}
