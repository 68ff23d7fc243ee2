package consume_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/consume"
)

// TestHowTo holds the Go snippets of the how-to to the examples, which run: each
// is somewhere in one of them, but for its indentation.
func TestHowTo(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("example*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{"preset_test.go", "oauth2source/example_test.go", "grpccreds/grpccreds_test.go"} {
		files = append(files, filepath.FromSlash(more))
	}
	var code strings.Builder
	for _, name := range files {
		code.WriteString("\n" + unindented(string(must(os.ReadFile(name))(t))))
	}
	page := string(must(os.ReadFile(filepath.FromSlash("../docs/howto/use-the-go-client.md")))(t))
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(snippets) < 5 {
		t.Errorf("%d snippets", len(snippets))
	}
	for _, s := range snippets {
		if !strings.Contains(code.String(), "\n"+unindented(s[1])) {
			t.Errorf("no example has\n%s", s[1])
		}
	}
}

// unindented takes what a line begins with away.
func unindented(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestReference holds the table of presets in the reference to the code.
func TestReference(t *testing.T) {
	t.Parallel()
	page := string(must(os.ReadFile(filepath.FromSlash("../docs/reference/consume.md")))(t))
	for _, p := range consume.Presets() {
		row := regexp.MustCompile("\n\\| `" + p.Vendor + "` \\| .*").FindString(page)
		for _, want := range append([]string{p.Base, "`" + p.Path + "`", "`" + string(p.Auth) + "`", strings.Join(p.Scope, " ")}, p.Needs...) {
			if row == "" || !strings.Contains(row, want) {
				t.Errorf("%s: %q is not in the row %q", p.Vendor, want, row)
			}
		}
	}
}
