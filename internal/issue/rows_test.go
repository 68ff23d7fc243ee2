package issue_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wire is the page that decides what we answer. In CI it must be there.
const wire = "../../../shared/wire.md"

// TestRows fails when a row of wire.md has no transcript, a transcript that
// rows.txt names is not there, or one of the token endpoint shows no row.
func TestRows(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	rows := map[string]map[string]bool{} // by section
	section := ""
	data, err := os.ReadFile("testdata/rows.txt")
	must(t, err)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section, rows[name] = name, map[string]bool{}
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		row, transcripts, ok := strings.Cut(line, "\t")
		if !ok {
			t.Errorf("%q has no transcript", line)
		}
		rows[section][row] = true
		for name := range strings.FieldsSeq(transcripts) {
			shown[name] = true
			if _, err := os.Stat("testdata/" + name + ".txtar"); err != nil && name != "-" {
				t.Errorf("%s: %q names %s, which is not there", section, row, name)
			}
		}
	}
	files, err := filepath.Glob("testdata/token/*.txtar")
	must(t, err)
	for _, file := range files {
		if name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar"); !shown[name] {
			t.Errorf("%s shows no row", name)
		}
	}
	checkWire(t, rows)
}

// firstCell is a row of a table, but for its head and the line below.
var firstCell = regexp.MustCompile(`^\| ([^|]*[^|\s-][^|]*) \|`)

// checkWire compares the rows with the page: those of its tables are all in
// rows.txt.
func checkWire(t *testing.T, rows map[string]map[string]bool) {
	t.Helper()
	page, err := os.ReadFile(wire)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("shared/wire.md is not here")
	}
	section, found := "", 0
	for line := range strings.Lines(string(page)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			section = name
			continue
		}
		m := firstCell.FindStringSubmatch(line)
		if m == nil || m[1] == "Case" || rows[section] == nil {
			continue
		}
		found++
		if !rows[section][m[1]] {
			t.Errorf("%s: the row %q is not in testdata/rows.txt", section, m[1])
		}
	}
	if found < 40 {
		t.Errorf("%d rows found in %s: the search has gone blind", found, wire)
	}
}
