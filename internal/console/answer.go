package console

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"log/slog"
	"net/http"
	"net/url"
)

// answer is what a handler returns: a page, a redirection, a file, or a stream.
type answer struct {
	status int // zero: 200, or 303 with a location

	page  string // name of the template
	title string
	nav   string // key of the screen that it belongs to
	data  any
	// secret says that the page shows a secret: it is not packed, since the size
	// of what is packed can tell what is in it.
	secret bool

	location string // where to go
	done     string // message that the next page shows

	file, media string // name and media type of what is downloaded
	body        []byte

	stream func() // writes the answer by itself

	cookies []*http.Cookie
}

// shown is the answer with a page.
func shown(page, nav, title string, data any) *answer {
	return &answer{page: page, nav: nav, title: title, data: data}
}

// again is the answer to a form that something is wrong with.
func again(page, nav, title string, data any) *answer {
	a := shown(page, nav, title, data)
	a.status = http.StatusUnprocessableEntity
	return a
}

// gone is the answer that sends the browser on, with a message for there.
func gone(location, done string) *answer { return &answer{location: location, done: done} }

// send writes an answer and returns its status.
func (c *console) send(ctx context.Context, w http.ResponseWriter, q *request, a *answer) int {
	if a.stream != nil {
		a.stream()
		return http.StatusOK
	}
	for _, cookie := range a.cookies {
		http.SetCookie(w, cookie)
	}
	switch {
	case a.location != "":
		if a.done != "" {
			http.SetCookie(w, messageCookie(a.done))
		}
		status := cmp.Or(a.status, http.StatusSeeOther)
		w.Header().Set("Location", a.location)
		w.WriteHeader(status)
		return status
	case a.file != "" || a.media != "":
		return c.sendFile(w, a)
	}
	return c.sendPage(ctx, w, q, a)
}

func (c *console) sendFile(w http.ResponseWriter, a *answer) int {
	h := w.Header()
	h.Set("Content-Type", a.media)
	if a.file != "" {
		h.Set("Content-Disposition", `attachment; filename="`+url.PathEscape(a.file)+`"`)
	}
	status := cmp.Or(a.status, http.StatusOK)
	w.WriteHeader(status)
	_, _ = w.Write(a.body) // the browser is gone if this fails
	return status
}

// sendPage renders a page whole before it writes any of it, so that a template
// that fails does not leave half a page.
func (c *console) sendPage(ctx context.Context, w http.ResponseWriter, q *request, a *answer) int {
	status := cmp.Or(a.status, http.StatusOK)
	v, err := c.view(ctx, q, a)
	var buf bytes.Buffer
	if err == nil {
		name := "base"
		if q.fragment() {
			name = "fragment"
			w.Header().Set("X-Title", url.PathEscape(a.title))
		} else if v.Message != "" {
			http.SetCookie(w, endCookie(flashCookie))
		}
		err = c.templates.render(&buf, a.page, name, v)
	}
	if err != nil {
		c.cfg.Log.LogAttrs(ctx, slog.LevelError, "a page of the console could not be shown",
			slog.String("page", a.page), slog.String("trace_id", q.trace), slog.Any("err", err))
		http.Error(w, "The page could not be shown. The log has the reason under "+q.trace+".", http.StatusInternalServerError)
		return http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	if !a.secret && packs(q.r) {
		packed(w, status, buf.Bytes())
		return status
	}
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the browser is gone if this fails
	return status
}

// packed writes a page packed.
func packed(w http.ResponseWriter, status int, page []byte) {
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, err := gzip.NewWriterLevel(w, pageLevel)
	if err != nil {
		return // the level is a constant that gzip has
	}
	_, _ = z.Write(page) // the browser is gone if this fails
	_ = z.Close()
}
