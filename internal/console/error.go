package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// Errors of the framework's own; failed makes pages of them.
var (
	errSignIn    = errors.New("nobody is signed in")
	errForbidden = errors.New("the role does not allow it")
	errForm      = errors.New("the form is malformed")
	errTooLarge  = errors.New("the form is too large")
	errForeign   = errors.New("the form was sent from another site")
)

// trouble is what an error page says.
type trouble struct {
	Title, Text string
	Trace       string // of the log line, where there is one
}

// failed is the one place where an error becomes a page.
func (c *console) failed(ctx context.Context, q *request, err error) *answer {
	var refusal *manage.Refusal
	var field *mintage.FieldError
	switch {
	case errors.Is(err, errSignIn):
		return c.toSignIn(q)
	case errors.Is(err, errForbidden):
		return errorPage(http.StatusForbidden, "Your role does not allow this", "Ask an owner or an administrator, who can do it or change your role.")
	case errors.Is(err, errForeign):
		return errorPage(http.StatusForbidden, "Not from here", "The form was sent from another site, so nothing was changed. Open the console itself and try again.")
	case errors.Is(err, errTooLarge):
		return errorPage(http.StatusRequestEntityTooLarge, "Too large", "The form has more than a megabyte, so nothing was changed.")
	case errors.Is(err, errForm):
		return errorPage(http.StatusBadRequest, "Not readable", "The form could not be read, so nothing was changed.")
	case errors.Is(err, mintage.ErrNotFound):
		return errorPage(http.StatusNotFound, "Not found", "There is no such page, or it is not there any more, or it is not yours to see.")
	case errors.As(err, &refusal):
		if refusal.Denied {
			return errorPage(http.StatusForbidden, "Not allowed", refusal.Message)
		}
		return errorPage(http.StatusConflict, "Not possible now", refusal.Message)
	case errors.As(err, &field):
		return errorPage(http.StatusUnprocessableEntity, "Not valid", field.Error())
	case errors.Is(err, mintage.ErrConflict):
		return errorPage(http.StatusConflict, "Changed meanwhile", "Somebody else changed it while you looked. Go back, look at it again, then make your change.")
	case errors.Is(err, mintage.ErrExists):
		return errorPage(http.StatusConflict, "It is there already", "There is one with that name or identifier already.")
	}
	c.cfg.Log.LogAttrs(ctx, slog.LevelError, "the console could not answer", slog.String("trace_id", q.trace), slog.Any("err", err))
	a := errorPage(http.StatusInternalServerError, "Something went wrong", "It is our fault, and it is in the log. Try again; if it stays, tell whoever runs the server this identifier.")
	if errors.Is(err, mintage.ErrUnavailable) {
		a = errorPage(http.StatusServiceUnavailable, "The database does not answer", "Nothing was changed. Try again in a moment.")
	}
	if t, ok := a.data.(*trouble); ok {
		t.Trace = q.trace
	}
	return a
}

func errorPage(status int, title, text string) *answer {
	a := shown("error", "", title, &trouble{Title: title, Text: text})
	a.status = status
	return a
}

// toSignIn sends whoever is not signed in to the page for that, and from there
// back, unless it was a form: sending that again is theirs to decide.
func (c *console) toSignIn(q *request) *answer {
	to := Prefix + "/sign-in"
	if q.r.Method == http.MethodGet && q.r.URL.Path != Prefix+"/" && !q.fragment() {
		to += "?next=" + url.QueryEscape(q.r.URL.RequestURI())
	}
	if q.fragment() {
		return errorPage(http.StatusUnauthorized, "Signed out", "Your session has ended. Reload the page to sign in.")
	}
	return gone(to, "")
}

func (c *console) notFound(context.Context, *request) (*answer, error) {
	return nil, mintage.ErrNotFound
}

func (c *console) crossOrigin(context.Context, *request) (*answer, error) { return nil, errForeign }
