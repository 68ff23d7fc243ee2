package console

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// request is what a handler reads. Only the live tail touches w.
type request struct {
	r       *http.Request
	w       http.ResponseWriter
	viewer  *Viewer // nil on an open page without a session
	tenant  *mintage.Tenant
	form    url.Values // of the body; empty unless the method is POST
	trace   string
	address string
}

// by is who makes a change.
func (q *request) by() manage.By { return q.viewer.By(q.address, q.trace) }

// value returns a parameter of the path.
func (q *request) value(name string) string { return q.r.PathValue(name) }

// query returns the first value of a parameter of the URL.
func (q *request) query(name string) string { return strings.TrimSpace(q.r.URL.Query().Get(name)) }

// text returns a field of the form without blanks around it.
func (q *request) text(name string) string { return strings.TrimSpace(q.form.Get(name)) }

// ticked reports whether a box of the form is ticked.
func (q *request) ticked(name string) bool { return q.form.Get(name) != "" }

// version returns which version of an object the form was filled in for; zero:
// it does not say.
func (q *request) version() int64 {
	n, err := strconv.ParseInt(q.form.Get("version"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// fragment reports whether the script wants the content alone.
func (q *request) fragment() bool { return q.r.Header.Get("X-Fragment") == "1" }

// cookie returns the value of a cookie; empty: there is none.
func (q *request) cookie(name string) string {
	c, err := q.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// readForm reads the body, which is bounded.
func (q *request) readForm() error {
	q.form = url.Values{}
	if q.r.Method != http.MethodPost {
		return nil
	}
	media, _, err := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return errForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, maxForm))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return errTooLarge
	case err != nil:
		return errForm
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return errForm
	}
	q.form = form
	return nil
}

// link returns the address of a page below a tenant; each part is escaped.
func link(tenant string, parts ...string) string {
	var b strings.Builder
	b.WriteString(Prefix + "/t/" + url.PathEscape(tenant))
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// localPath returns p if it is a page of the console, else the console's first
// page. It is for addresses that came from outside.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, Prefix+"/") || strings.ContainsAny(p, "\\\r\n\t") {
		return Prefix + "/"
	}
	return p
}
