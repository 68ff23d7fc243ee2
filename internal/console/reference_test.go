package console_test

import (
	"html"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/apidoc"
	"github.com/mintage-auth/mintage/internal/console"
)

// Every operation of the admin API is on the page of its group and on the first
// one, with all that there is to say of it, and anybody may look.
func TestReference(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/reference/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := apidoc.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.get(t, "", "/console/reference").want(t, 404, "")
	w.configure(t, func(cfg *console.Config) { cfg.OpenAPI = func() ([]byte, error) { return document, nil } })
	first := w.get(t, "", "/console/reference")
	first.want(t, 200, want.Title)
	for _, g := range want.Groups {
		page := w.get(t, "", "/console/reference/"+g.Key)
		page.want(t, 200, html.EscapeString(g.Title))
		text := html.UnescapeString(page.Body)
		for _, op := range g.Operations {
			if !strings.Contains(first.Body, `href="/console/reference/`+g.Key+"#"+op.ID+`"`) {
				t.Errorf("the first page does not lead to %s", op.ID)
			}
			shown := []string{`<h2 id="` + op.ID + `"`, op.Method + " /admin/v1" + op.Path, op.Curl, op.Scope}
			for _, p := range op.Parameters {
				shown = append(shown, "<code>"+p.Name+"</code>", p.Doc)
			}
			for _, s := range shown {
				if !strings.Contains(text, s) {
					t.Errorf("%s: the page has no %q", op.ID, s)
				}
			}
			for _, code := range op.Own() {
				if !strings.Contains(page.Body, "/errors/reasons/"+code+`"`) {
					t.Errorf("%s: the page does not lead to %s", op.ID, code)
				}
			}
		}
		for _, d := range g.Documents {
			for _, m := range d.Members {
				if !strings.Contains(text, "<code>"+m.Name+"</code>") || !strings.Contains(text, m.Doc) {
					t.Errorf("%s: the page has no %s", d.Name, m.Name)
				}
			}
		}
		if strings.Count(page.Body, "<section") != len(g.Operations)+len(g.Documents) {
			t.Errorf("%s: other sections than operations and documents", g.Key)
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
			if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "https://auth.example/docs/") {
				t.Errorf("%s: the page leads elsewhere: %s", g.Key, m[1])
			}
		}
		if m := inline.FindString(page.Body); m != "" {
			t.Errorf("%s has %q", g.Key, m)
		}
		if m := noValue.FindString(page.Body); m != "" {
			t.Errorf("%s has %q", g.Key, m)
		}
	}
	w.get(t, "", "/console/reference/nothing").want(t, 404, "")
	w.get(t, owner, "/console/t/hotel/clients").want(t, 200, `href="/console/reference"`)
}
