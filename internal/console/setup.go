package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/people"
)

// linkRoutes are the pages of one-time links: the first owner's, invitations and
// recovery.
func linkRoutes() []route {
	var rs []route
	for _, kind := range []mintage.InvitationKind{mintage.InvitationSetup, "invitation", mintage.InvitationRecover} {
		p := "/" + string(kind) + "/{token}"
		rs = append(rs,
			route{pattern: "GET " + p, access: open, handle: withPeople((*console).linkPage)},
			route{pattern: "POST " + p, access: open, handle: withPeople((*console).accept)},
			route{pattern: "POST " + p + "/passkey", access: open, handle: withPeople((*console).startLinkPasskey)},
			route{pattern: "POST " + p + "/passkey/finish", access: open, handle: withPeople((*console).finishLinkPasskey)},
			route{pattern: "GET " + p + "/oidc", access: open, handle: withPeople((*console).linkOIDC)},
		)
	}
	return append(rs, route{pattern: "POST /invitation/{token}/join", access: member, handle: withPeople((*console).join)})
}

// linkForm is the page of a one-time link.
type linkForm struct {
	Problems     problems
	Path         string
	Invitation   *mintage.Invitation
	Organization string // name; empty: none
	Email, Name  string
	Enrolment    enrolment
	OIDC         string
	// Joining says that who is signed in is whom it is for.
	Joining bool
}

// linkFields are the members that the form shows.
var linkFields = map[string]string{"email": "email", "name": "name", "password": "password", "code": "code", "passkey": ""}

func (c *console) linkPage(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	f, err := c.linkForm(ctx, q, s)
	if err != nil {
		return c.deadLink(err)
	}
	if f.Enrolment.Enrolment, err = s.NewEnrolment(f.Invitation.ID, f.Email); err != nil {
		return nil, err
	}
	return linkAnswer(f, 0), nil
}

func linkAnswer(f *linkForm, status int) *answer {
	title := "Welcome"
	if f.Invitation.Kind == mintage.InvitationRecover {
		title = "Sign in anew"
	}
	a := shown("link", "", title, f)
	a.status, a.secret = status, true
	return a
}

// linkForm reads what a link is for, and the form if there is one.
func (c *console) linkForm(ctx context.Context, q *request, s *people.Service) (*linkForm, error) {
	i, err := s.Invitation(ctx, q.value("token"), q.from())
	if err != nil {
		return nil, err
	}
	f := &linkForm{
		Path: q.r.URL.Path, Invitation: i, Email: q.text("email"), Name: q.text("name"), OIDC: s.OIDCName(), Problems: problems{},
		Joining: q.viewer != nil && q.viewer.Email == i.Email && i.Kind == mintage.InvitationInvite,
	}
	if i.Email != "" {
		f.Email = i.Email
	}
	if f.Name == "" {
		f.Name = i.Name
	}
	if i.Organization != "" {
		o, err := c.manager.Organization(ctx, i.Tenant, i.Organization)
		if err != nil {
			return nil, err
		}
		f.Organization = o.Name
	}
	return f, nil
}

// deadLink is the page of a link that works no more.
func (c *console) deadLink(err error) (*answer, error) {
	if errors.Is(err, mintage.ErrNotFound) {
		return errorPage(http.StatusNotFound, "This link works no more",
			"It was used, has ended, or was taken back. Ask whoever sent it for another one; the first one of a server is printed when it starts."), nil
	}
	if text, status := refusedEntry(err); text != "" {
		return errorPage(status, "Not now", text), nil
	}
	return nil, err
}

// accept carries out a link for somebody who will sign in by password and code.
func (c *console) accept(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	f, err := c.linkForm(ctx, q, s)
	if err != nil {
		return c.deadLink(err)
	}
	if q.form.Get("password") != q.form.Get("password2") {
		f.Problems.add("password2", "The two are not the same.")
	}
	if len(f.Problems) == 0 {
		cookie, err := s.AcceptByPassword(ctx, q.value("token"), people.Person{Email: f.Email, Name: f.Name},
			people.NewPassword{Password: q.form.Get("password"), Sealed: q.text("sealed"), Code: q.text("code")}, q.from())
		if err == nil {
			c.leave(ctx, q, s)
			return entered(cookie, Prefix+"/"), nil
		}
		if errors.Is(err, mintage.ErrNotFound) {
			return c.deadLink(err)
		}
		if errors.Is(err, mintage.ErrExists) {
			err = &mintage.FieldError{Message: "You are an operator here already: sign in, then open this link again."}
		}
		if f.Problems = problemsOf(err, linkFields); f.Problems == nil {
			return nil, err
		}
	}
	if f.Enrolment.Enrolment, err = s.SameEnrolment(q.text("sealed"), f.Invitation.ID, f.Email); err != nil {
		return nil, err
	}
	return linkAnswer(f, http.StatusUnprocessableEntity), nil
}

func (c *console) startLinkPasskey(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	start, err := s.StartPasskeyByLink(ctx, q.value("token"), people.Person{Email: q.text("email"), Name: q.text("name")}, q.from())
	if err != nil {
		return toldProblem(err)
	}
	return told(0, start)
}

func (c *console) finishLinkPasskey(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	p := people.Person{Email: q.text("email"), Name: q.text("name")}
	cookie, err := s.AcceptByPasskey(ctx, q.value("token"), q.text("sealed"), p, []byte(q.text("answer")), q.from())
	if err != nil {
		return toldProblem(err)
	}
	c.leave(ctx, q, s)
	return toldNext(cookie, Prefix+"/")
}

// linkOIDC sends whoever has a link to the provider. It changes nothing.
func (c *console) linkOIDC(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	if _, err := s.Invitation(ctx, q.value("token"), q.from()); err != nil {
		return c.deadLink(err)
	}
	return c.toProvider(ctx, q, s, people.Journey{Token: q.value("token"), Next: Prefix + "/"})
}

// join carries out an invitation for who is signed in.
func (c *console) join(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	v, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.Join(ctx, q.value("token"), v, q.from()); err != nil {
		if errors.Is(err, mintage.ErrNotFound) {
			return c.deadLink(err)
		}
		return nil, err
	}
	return gone(Prefix+"/account", "You have joined. Choose below where you work."), nil
}
