package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	qr "github.com/piglig/go-qr"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
)

// handler is what a route calls.
type handler func(*console, context.Context, *request) (*answer, error)

// withPeople is a handler of a page that only a console with Accounts has.
func withPeople(h func(c *console, ctx context.Context, q *request, s *people.Service) (*answer, error)) handler {
	return func(c *console, ctx context.Context, q *request) (*answer, error) {
		if c.cfg.Accounts == nil {
			return nil, mintage.ErrNotFound
		}
		return h(c, ctx, q, c.cfg.Accounts)
	}
}

// Sessions are the People that a Service knows.
type Sessions struct{ *people.Service }

// Viewer implements People.
func (s Sessions) Viewer(ctx context.Context, cookie string) (*Viewer, error) {
	v, err := s.Service.Viewer(ctx, cookie)
	if err != nil {
		return nil, err
	}
	out := &Viewer{Name: v.Operator.Name, Email: v.Operator.Email, Role: string(v.Role()), Scope: v.Scope(), By: v.By}
	if out.Name == "" {
		out.Name = v.Operator.Email
	}
	if m := v.Membership; m != nil {
		out.Membership = &Membership{Tenant: m.Tenant, Organization: m.Organization}
	}
	return out, nil
}

// from is where a request comes from.
func (q *request) from() people.From {
	return people.From{Address: q.address, UserAgent: q.r.UserAgent(), TraceID: q.trace}
}

// me returns who is signed in, as people knows them.
func (q *request) me(ctx context.Context, s *people.Service) (*people.Viewer, error) {
	return s.Viewer(ctx, q.cookie(SessionCookie))
}

// enrolment is a TOTP key as a page shows it.
type enrolment struct{ *people.Enrolment }

// Link is the address by which an app on the same device takes the key.
func (e enrolment) Link() template.URL {
	return template.URL(e.URI) //nolint:gosec // made of escaped parts by internal/people; its scheme is what templates do not know
}

// qrCode is a picture for the camera of an app: dark squares as a path, in a
// square of so many units.
type qrCode struct {
	Size int
	Path string
}

// quietZone is how many light squares are around a QR code (ISO/IEC 18004).
const quietZone = 4

// Picture is the key as a QR code, made here: it goes to no other server. Nil
// when an address is too long for one.
func (e enrolment) Picture() *qrCode {
	code, err := qr.EncodeText(e.URI, qr.Medium)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size() {
		for x := range code.Size() {
			if code.Module(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	return &qrCode{Size: code.Size() + 2*quietZone, Path: path.String()}
}

// entered is the answer that begins a session.
func entered(cookie, next string) *answer {
	a := gone(localPath(next), "")
	a.cookies = []*http.Cookie{newCookie(SessionCookie, cookie, people.SessionLifetime)}
	return a
}

// refusedEntry returns what to tell somebody who did not get in, and the status;
// an empty text says that err is no fault of theirs.
func refusedEntry(err error) (text string, status int) {
	var wait *people.WaitError
	switch {
	case errors.Is(err, people.ErrSignIn):
		return "That is not right. Look at the address, the password and the code again: a code works once.", http.StatusUnprocessableEntity
	case errors.As(err, &wait):
		return "Too many attempts were wrong. Wait a moment, then try again.", http.StatusTooManyRequests
	case errors.Is(err, secret.ErrBusy):
		return "Too many people sign in at the moment. Try again.", http.StatusServiceUnavailable
	}
	return "", 0
}

// told is an answer for the script: {"next"} is where to go, {"problem"} what is
// wrong.
func told(status int, v any, cookies ...*http.Cookie) (*answer, error) {
	b, err := json.Marshal(v)
	return &answer{status: status, media: "application/json", body: b, cookies: cookies}, err
}

func toldNext(cookie, next string) (*answer, error) {
	var cookies []*http.Cookie
	if cookie != "" {
		cookies = append(cookies, newCookie(SessionCookie, cookie, people.SessionLifetime))
	}
	return told(0, map[string]string{"next": localPath(next)}, cookies...)
}

// toldProblem says what is wrong to the script, if that is for people to mend.
func toldProblem(err error) (*answer, error) {
	text, status := refusedEntry(err)
	if fields := mintage.FieldErrors(err); text == "" && len(fields) > 0 {
		text, status = fields[0].Message, http.StatusUnprocessableEntity
	}
	refusal, denied := errors.AsType[*manage.Refusal](err)
	switch {
	case text != "":
	case denied:
		text, status = refusal.Message, http.StatusConflict
	case errors.Is(err, people.ErrStale):
		text, status = "You signed in too long ago for this: sign in again.", http.StatusConflict
	case errors.Is(err, mintage.ErrExists):
		text, status = "It is there already: sign in with it.", http.StatusConflict
	case errors.Is(err, mintage.ErrNotFound):
		text, status = "The link works no more.", http.StatusNotFound
	default:
		return nil, err
	}
	return told(status, map[string]string{"problem": text})
}
