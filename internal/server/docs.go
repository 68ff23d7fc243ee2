package server

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// docsStyle is the look of a page: readable, light or dark as the reader's
// system is.
const docsStyle = `:root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem}` +
	`pre{overflow-x:auto;padding:.8rem;border:1px solid #8886;border-radius:.4rem}code{font-family:ui-monospace,monospace}` +
	`table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #8886;padding:.2rem .5rem;text-align:left}`

// docsHandler serves the Markdown files of tree as pages. They are public,
// need no script and load nothing from elsewhere.
func docsHandler(tree fs.FS) http.Handler {
	md := sync.OnceValue(func() goldmark.Markdown {
		return goldmark.New(
			goldmark.WithExtensions(extension.GFM),
			goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		)
	})
	hash := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; frame-ancestors 'none'; base-uri 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the documentation is read with GET", http.StatusMethodNotAllowed)
			return
		}
		page, err := renderPage(md(), tree, strings.TrimPrefix(path.Clean(r.URL.Path), "/docs"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			http.Error(w, "there is no such page", http.StatusNotFound)
			return
		case err != nil:
			http.Error(w, "the page could not be shown", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html;charset=UTF-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(page) // #nosec G705 -- our own Markdown; the reader is gone if this fails
	})
}

// renderPage returns the page at name, which is relative to the tree: a file
// by its name with or without .md, or the index of a folder.
func renderPage(md goldmark.Markdown, tree fs.FS, name string) ([]byte, error) {
	name = strings.TrimSuffix(strings.Trim(name, "/"), ".md")
	if name == "" {
		name = "."
	}
	if !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	if source, err := fs.ReadFile(tree, name+".md"); err == nil {
		return wrap(md, name, source)
	}
	entries, err := fs.ReadDir(tree, name)
	if err != nil {
		return nil, fmt.Errorf("docs page %q: %w", name, fs.ErrNotExist)
	}
	var list bytes.Buffer
	fmt.Fprintf(&list, "# %s\n\n", cmp.Or(strings.Trim(name, "."), "Documentation"))
	for _, e := range entries {
		label := strings.TrimSuffix(e.Name(), ".md")
		if e.IsDir() || strings.HasSuffix(e.Name(), ".md") {
			fmt.Fprintf(&list, "- [%s](%s)\n", label, path.Join("/docs", name, label))
		}
	}
	return wrap(md, name, list.Bytes())
}

func wrap(md goldmark.Markdown, title string, source []byte) ([]byte, error) {
	var body bytes.Buffer
	if err := md.Convert(source, &body); err != nil {
		return nil, fmt.Errorf("render %q: %w", title, err)
	}
	var page bytes.Buffer
	fmt.Fprintf(&page, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s - Mintage</title>\n<style>%s</style>\n"+
		"<nav><a href=\"/docs/\">Mintage documentation</a></nav>\n<main>\n%s</main>\n</html>\n",
		html.EscapeString(title), docsStyle, body.String())
	return page.Bytes(), nil
}
