package console

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates
var pages embed.FS

// shared are the files of which every page is made beside its own.
var shared = []string{"templates/base.html", "templates/partials.html"}

// templates are the pages by name. Each is parsed when it is first shown: a
// server that only issues tokens starts without them.
type templates map[string]func() (*template.Template, error)

// newTemplates returns the pages of files, each with the layout and the partials.
func newTemplates(files fs.FS, funcs template.FuncMap) (templates, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	base := sync.OnceValues(func() (*template.Template, error) {
		return template.New("base").Funcs(funcs).Option("missingkey=zero").ParseFS(files, shared...)
	})
	all := templates{}
	for _, name := range names {
		if slices.Contains(shared, name) {
			continue
		}
		all[strings.TrimSuffix(path.Base(name), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := base()
			if err != nil {
				return nil, err
			}
			if t, err = t.Clone(); err != nil {
				return nil, err
			}
			return t.ParseFS(files, name)
		})
	}
	return all, nil
}

// render executes a block of a page: base, or fragment for its content alone.
func (t templates) render(w io.Writer, page, block string, data any) error {
	parsed, ok := t[page]
	if !ok {
		return fmt.Errorf("there is no page %q", page)
	}
	p, err := parsed()
	if err != nil {
		return err
	}
	return p.ExecuteTemplate(w, block, data)
}

// funcs are the functions of the templates.
func (c *console) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": c.assets.path,
		"link":  link,
		"when":  func(t time.Time) moment { return momentOf(t, c.cfg.Now()) },
		"span":  span,
		"count": count,
		"dict":  dict,
		"join":  strings.Join,
		// reference is the address of a group's page, or of an operation there.
		"reference": referenceLink,
		"docs":      func(page string) string { return c.cfg.DocsURL() + page },
	}
}

// dict makes the argument of a partial from names and values.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict needs names and values")
	}
	d := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("dict needs a name before each value")
		}
		d[name] = pairs[i+1]
	}
	return d, nil
}

// moment is an instant as people say it.
type moment struct {
	Zero           bool
	Said           string // 3 min ago, in 4 days
	Stamp, Precise string // for machines, and on hover
}

func momentOf(t, now time.Time) moment {
	if t.IsZero() {
		return moment{Zero: true}
	}
	t = t.UTC()
	m := moment{Stamp: t.Format(time.RFC3339), Precise: t.Format("2006-01-02 15:04:05") + " UTC"}
	switch d := now.Sub(t); {
	case d >= 0 && d < 10*time.Second:
		m.Said = "just now"
	case d > 0:
		m.Said = span(d) + " ago"
	default:
		m.Said = "in " + span(-d)
	}
	return m
}

const day = 24 * time.Hour

// span says a duration by its largest unit.
func span(d time.Duration) string {
	switch {
	case d >= 2*365*day:
		return strconv.Itoa(int(d/(365*day))) + " years"
	case d >= 2*day:
		return strconv.Itoa(int(d.Round(time.Hour)/day)) + " days"
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case d >= 2*time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + " s"
}

// count prints a whole number with its thousands apart.
func count(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
