package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage/internal/people"
)

// oidcCookie holds a sign-in by an OpenID provider while the browser is there.
// The provider sends it back from another site, so that it cannot be Strict.
const (
	oidcCookie     = "__Host-mintage-oidc"
	oidcCookieLife = 10 * time.Minute
)

func signInRoutes() []route {
	return []route{
		{pattern: "GET /sign-in", access: open, handle: withPeople((*console).signInPage)},
		{pattern: "POST /sign-in", access: open, handle: withPeople((*console).signIn)},
		{pattern: "POST /sign-in/passkey", access: open, handle: withPeople((*console).startSignIn)},
		{pattern: "POST /sign-in/passkey/finish", access: open, handle: withPeople((*console).finishSignIn)},
		{pattern: "GET /sign-in/oidc", access: open, handle: withPeople((*console).startOIDC)},
		{pattern: "GET " + people.OIDCCallback, access: open, handle: withPeople((*console).finishOIDC)},
		{pattern: "POST /sign-out", access: open, handle: withPeople((*console).signOut)},
	}
}

// signInForm is the page on which people sign in.
type signInForm struct {
	Problems problems
	Email    string
	Next     string
	OIDC     string // name of the provider; empty: there is none
}

func (c *console) signInPage(_ context.Context, q *request, s *people.Service) (*answer, error) {
	next := localPath(q.query("next"))
	if q.viewer != nil && q.query("again") == "" {
		return gone(next, ""), nil
	}
	return shown("sign-in", "", "Sign in", &signInForm{Next: next, OIDC: s.OIDCName()}), nil
}

// signIn begins a session by password and code.
func (c *console) signIn(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	f := &signInForm{Email: q.text("email"), Next: localPath(q.text("next")), OIDC: s.OIDCName()}
	cookie, err := s.SignIn(ctx, f.Email, q.form.Get("password"), q.text("code"), q.from())
	if err != nil {
		text, status := refusedEntry(err)
		if text == "" {
			return nil, err
		}
		f.Problems = problems{"": text}
		a := shown("sign-in", "", "Sign in", f)
		a.status = status
		return a, nil
	}
	c.leave(ctx, q, s)
	a := entered(cookie, f.Next)
	if people.IsRecoveryCode(q.text("code")) {
		a.done = c.codesLeft(ctx, cookie, s)
	}
	return a, nil
}

// codesLeft tells whoever used a recovery code how many there are.
func (*console) codesLeft(ctx context.Context, cookie string, s *people.Service) string {
	v, err := s.Viewer(ctx, cookie)
	if err != nil {
		return ""
	}
	n, err := s.RecoveryCodesLeft(ctx, v.Operator.ID)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("You used a recovery code; %d are left. If the app is lost, add a new one under Your account.", n)
}

// leave ends the session that the browser had, if any: it has another one now.
func (c *console) leave(ctx context.Context, q *request, s *people.Service) {
	if v, err := q.me(ctx, s); err == nil {
		_ = s.SignOut(ctx, v, q.from()) // it ends by itself otherwise
	}
}

func (c *console) startSignIn(_ context.Context, _ *request, s *people.Service) (*answer, error) {
	start, err := s.StartSignIn()
	if err != nil {
		return nil, err
	}
	return told(0, start)
}

func (c *console) finishSignIn(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	cookie, err := s.SignInByPasskey(ctx, q.text("sealed"), []byte(q.text("answer")), q.from())
	if err != nil {
		return toldProblem(err)
	}
	c.leave(ctx, q, s)
	return toldNext(cookie, q.text("next"))
}

// startOIDC sends the browser to the provider. It changes nothing.
func (c *console) startOIDC(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	return c.toProvider(ctx, q, s, people.Journey{Next: localPath(q.query("next"))})
}

func (c *console) toProvider(ctx context.Context, _ *request, s *people.Service, j people.Journey) (*answer, error) {
	to, kept, err := s.StartOIDC(ctx, j)
	if err != nil {
		return nil, err
	}
	a := gone(to, "")
	cookie := newCookie(oidcCookie, kept, oidcCookieLife) // #nosec G124 -- newCookie sets them
	cookie.SameSite = http.SameSiteLaxMode
	a.cookies = []*http.Cookie{cookie}
	return a, nil
}

// finishOIDC takes the browser back. Coming from another site it has no cookie
// of ours that is Strict, so that the way on is a page of our own.
func (c *console) finishOIDC(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	got, err := s.FinishOIDC(ctx, q.cookie(oidcCookie), q.r.URL.Query(), q.from())
	if err != nil {
		if text, status := refusedEntry(err); text != "" {
			text = "The provider's answer does not open a session here. Ask an owner for an invitation, or add the account under your own account."
			a := errorPage(status, "Not signed in", text)
			a.cookies = []*http.Cookie{endCookie(oidcCookie)}
			return a, nil
		}
		return nil, err
	}
	a := shown("arrived", "", "Signed in", localPath(got.Next))
	a.cookies = []*http.Cookie{endCookie(oidcCookie)}
	if got.Cookie != "" {
		a.cookies = append(a.cookies, newCookie(SessionCookie, got.Cookie, people.SessionLifetime))
	}
	return a, nil
}

// signOut ends the session, here and in the database.
func (c *console) signOut(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	if v, err := q.me(ctx, s); err == nil {
		if err := s.SignOut(ctx, v, q.from()); err != nil {
			return nil, err
		}
	}
	a := gone(Prefix+"/sign-in", "You are signed out.")
	a.cookies = []*http.Cookie{endCookie(SessionCookie)}
	return a, nil
}
