package mintage_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/config"
)

// updateDocs rewrites the table of docs/rfc/coverage.md: it adds a row for each
// new citation and corrects where it is. What the rule says and the test that
// shows it are filled in by hand.
var updateDocs = flag.Bool("update", false, "rewrite docs/rfc/coverage.md from the citations in the code")

const coverageFile = "docs/rfc/coverage.md"

var (
	citation   = regexp.MustCompile(`RFC (\d{3,5}) (§[0-9A-Z]+(?:\.[0-9]+)*)`)
	commentEnd = regexp.MustCompile(`\n\s*// ?`)
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	mdLink     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdHeading  = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	mdFence    = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	errorCode  = regexp.MustCompile(`Code:\s*"([a-z_]+)"`)
	metricName = regexp.MustCompile(`Name:\s*"(mintage_[a-z_]+)"`)
	agentCode  = regexp.MustCompile(`"((?:agent|caller|path|proxy|request|token|upstream)\.[a-z_]+)"`)
	digits     = regexp.MustCompile(`\d+`)
)

// coverageRow is one row of the table: a rule, what it asks, the files that
// cite it and the tests that show it, as "package TestName".
type coverageRow struct {
	rule, what string
	where      []string
	tests      []string
}

func (r coverageRow) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s |", r.rule, r.what, strings.Join(r.where, ", "), strings.Join(r.tests, ", "))
}

// TestRFCCoverage holds docs/rfc/coverage.md to the code: each citation of an
// RFC section has a row, each row says where it is cited, and each test that a
// row names exists.
func TestRFCCoverage(t *testing.T) {
	t.Parallel()
	cited := citations(t)
	text := string(readFile(t, coverageFile))
	head, rows := coverageRows(t, text)
	if *updateDocs {
		updateCoverage(t, head, rows, cited)
		return
	}
	for _, rule := range slices.SortedFunc(maps.Keys(cited), compareRules) {
		row, ok := rows[rule]
		switch {
		case !ok:
			t.Errorf("%s is cited in %s and has no row in %s: go test . -run TestRFCCoverage -update adds it",
				rule, strings.Join(cited[rule], ", "), coverageFile)
		case !slices.Equal(row.where, cited[rule]):
			t.Errorf("%s: the row says it is cited in %q, the code has it in %q: -update corrects it", rule, row.where, cited[rule])
		}
	}
	tests := testNames(t)
	for rule, row := range rows {
		if _, ok := cited[rule]; !ok {
			t.Errorf("%s has a row in %s and is cited nowhere", rule, coverageFile)
		}
		if row.what == "" || len(row.tests) == 0 {
			t.Errorf("%s: the row does not say what the rule is and which test shows it: %s", rule, row)
		}
		for _, name := range row.tests {
			if !tests[name] {
				t.Errorf("%s: no test is called %q", rule, name)
			}
		}
	}
}

// citations returns the files that cite each rule, test files left out.
func citations(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	eachGoFile(t, func(name string, src []byte) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		flat := commentEnd.ReplaceAll(src, []byte(" ")) // a citation may wrap
		for _, m := range citation.FindAllSubmatch(flat, -1) {
			rule := fmt.Sprintf("RFC %s %s", m[1], m[2])
			if !slices.Contains(found[rule], name) {
				found[rule] = append(found[rule], name)
			}
		}
	})
	for _, where := range found {
		slices.Sort(where)
	}
	return found
}

// testNames returns the tests of the module as "package TestName".
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	eachGoFile(t, func(name string, src []byte) {
		if !strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, m := range testFunc.FindAllSubmatch(src, -1) {
			names[path.Dir(name)+" "+string(m[1])] = true
		}
	})
	return names
}

func eachGoFile(t *testing.T, visit func(name string, src []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".go"):
			visit(filepath.ToSlash(name), readFile(t, name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// coverageRows splits the page into what stands before the rows and the rows.
func coverageRows(t *testing.T, text string) (head string, rows map[string]coverageRow) {
	t.Helper()
	rows = map[string]coverageRow{}
	start := strings.Index(text, "| RFC ")
	if start < 0 {
		start = len(text)
	}
	for line := range strings.Lines(text[start:]) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			t.Fatalf("%s: want four cells in each row, got %q", coverageFile, line)
		}
		row := coverageRow{
			rule: strings.TrimSpace(cells[0]), what: strings.TrimSpace(cells[1]),
			where: splitList(cells[2]), tests: splitList(cells[3]),
		}
		if _, twice := rows[row.rule]; twice {
			t.Fatalf("%s: %s has two rows", coverageFile, row.rule)
		}
		rows[row.rule] = row
	}
	return text[:start], rows
}

func splitList(cell string) []string {
	var items []string
	for item := range strings.SplitSeq(cell, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func updateCoverage(t *testing.T, head string, rows map[string]coverageRow, cited map[string][]string) {
	t.Helper()
	var page bytes.Buffer
	page.WriteString(head)
	for _, rule := range slices.SortedFunc(maps.Keys(cited), compareRules) {
		row := rows[rule]
		row.rule, row.where = rule, cited[rule]
		fmt.Fprintln(&page, row)
	}
	if err := os.WriteFile(coverageFile, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compareRules orders rules by number, so that §4.10 follows §4.9.
func compareRules(a, b string) int {
	pad := func(s string) string {
		return digits.ReplaceAllStringFunc(s, func(n string) string { return fmt.Sprintf("%6s", n) })
	}
	return strings.Compare(pad(a), pad(b))
}

// TestErrorPages fails when an OAuth error code that the server can answer has
// no page for error_uri to name, or a page is about no code.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	codes := map[string]bool{"too_many_requests": true} // wire.md's word for 429
	for _, m := range errorCode.FindAllSubmatch(readFile(t, "oauth/error.go"), -1) {
		codes[string(m[1])] = true
	}
	pages, err := filepath.Glob("docs/errors/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pages {
		code := strings.TrimSuffix(filepath.Base(name), ".md")
		if !codes[code] {
			t.Errorf("%s is about no error code", name)
		}
		if !bytes.HasPrefix(readFile(t, name), []byte("# "+code+"\n")) {
			t.Errorf("%s does not begin with its code as the title", name)
		}
		delete(codes, code)
	}
	for code := range codes {
		t.Errorf("the error code %s has no page docs/errors/%s.md", code, code)
	}
}

// TestArchitecturePage holds that the page names every package of the table in
// arch_test.go.
func TestArchitecturePage(t *testing.T) {
	t.Parallel()
	page := readFile(t, "docs/explanation/architecture.md")
	for dir := range layers {
		if dir != "." && !bytes.Contains(page, []byte("`"+dir+"`")) {
			t.Errorf("docs/explanation/architecture.md does not name %s", dir)
		}
	}
}

// TestReferencePages holds that each setting, command line variable aside, and
// each metric has its row.
func TestReferencePages(t *testing.T) {
	t.Parallel()
	page := readFile(t, "docs/reference/configuration.md")
	for _, s := range config.Settings() {
		row := "\n| `" + s.Path + "` | "
		if s.Default != "" {
			row += "`" + s.Default + "` | "
		}
		if !bytes.Contains(page, []byte(row)) {
			t.Errorf("docs/reference/configuration.md has no row that begins %q", row)
		}
	}
	page = readFile(t, "docs/reference/metrics.md")
	sources, err := filepath.Glob("internal/telemetry/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		for _, m := range metricName.FindAllSubmatch(readFile(t, source), -1) {
			if !bytes.Contains(page, []byte("\n| `"+string(m[1])+"` | ")) {
				t.Errorf("docs/reference/metrics.md has no row for %s", m[1])
			}
		}
	}
}

// TestAgentPage holds that the reference of the agent names each code that it
// answers with, and the pages about it no key that agent.yaml has not.
func TestAgentPage(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("internal/agent/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	page := readFile(t, "docs/reference/agent-yaml.md")
	found := 0
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		for _, m := range agentCode.FindAllSubmatch(readFile(t, source), -1) {
			if found++; !bytes.Contains(page, []byte("`"+string(m[1])+"`")) {
				t.Errorf("docs/reference/agent-yaml.md does not name the code %s of %s", m[1], source)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d codes found", found)
	}
	for _, name := range []string{"docs/howto/run-the-agent.md", "docs/howto/alerts/agent-without-token.md"} {
		if bytes.Contains(readFile(t, name), []byte("client_secret_file")) {
			t.Errorf("%s: client_secret_file is no key of agent.yaml", name)
		}
	}
}

// KY-11: the inventory names every algorithm that signs or seals, and every
// scheme that secrets may be kept under.
func TestCryptographyPage(t *testing.T) {
	t.Parallel()
	page := strings.ToLower(string(readFile(t, "docs/reference/cryptography.md")))
	schemes, err := filepath.Glob("internal/secret/scheme_*.go")
	if err != nil || len(schemes) < 4 {
		t.Fatal(schemes, err)
	}
	words := append(mintage.SigningAlgs(), mintage.SealingAlg)
	for _, file := range schemes {
		if name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "scheme_"), ".go"); name != "test" {
			words = append(words, name)
		}
	}
	for _, word := range words {
		if !strings.Contains(page, strings.ToLower(strings.TrimSuffix(word, "_test"))) {
			t.Errorf("docs/reference/cryptography.md does not name %s", word)
		}
	}
}

// TestLinks follows the relative links of every page. Pages below docs/ are
// served by the binary, so they link to nothing outside.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := markdownFiles(t)
	anchors := map[string]map[string]bool{}
	for _, name := range pages {
		anchors[name] = headings(string(readFile(t, name)))
	}
	for _, name := range pages {
		prose := mdFence.ReplaceAllString(string(readFile(t, name)), "")
		for _, m := range mdLink.FindAllStringSubmatch(prose, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
				continue
			}
			if strings.HasPrefix(name, "docs/") && !strings.HasPrefix(to, "docs/") {
				t.Errorf("%s links to %s, outside docs/, which the server does not show", name, m[1])
			}
			if anchor != "" && !anchors[to][anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", name, m[1], to)
			}
		}
	}
}

func markdownFiles(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"docs", "changelog", "examples"} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(name, ".md") {
				names = append(names, filepath.ToSlash(name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// headings returns the anchors of a page, as forges and goldmark make them.
func headings(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range mdHeading.FindAllStringSubmatch(mdFence.ReplaceAllString(text, ""), -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		found[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return found
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
