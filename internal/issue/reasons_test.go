package issue_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/issue"
)

// TestReasons says in testdata/reasons.txt which reasons the requests of each
// transcript raise, as refusals and as notes; internal/explain holds that every
// code of the table is raised somewhere.
func TestReasons(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txtar")
	must(t, err)
	f := newFixture(t)
	var table strings.Builder
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		must(t, err)
		var codes []string
		g := f.in(t, string(ar.Comment))
		g.Observe = func(_ context.Context, o *issue.Outcome) {
			if o.Reason != "" {
				codes = append(codes, o.Reason)
			}
			for _, note := range o.Notes {
				codes = append(codes, "note:"+note)
			}
		}
		tokens := map[string]string{}
		for _, section := range ar.Files {
			if section.Name == "request" {
				g.roundTrip(t, section.Data, tokens)
			}
		}
		for _, code := range codes {
			if _, ok := explain.Lookup(strings.TrimPrefix(code, "note:")); !ok {
				t.Errorf("%s raises %q, which is in no table", file, code)
			}
		}
		if len(codes) > 0 {
			table.WriteString(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar") + "\t" + strings.Join(codes, " ") + "\n")
		}
	}
	if *update {
		must(t, os.WriteFile("testdata/reasons.txt", []byte(table.String()), 0o600))
		return
	}
	want, err := os.ReadFile("testdata/reasons.txt")
	must(t, err)
	if table.String() != string(want) {
		t.Errorf("testdata/reasons.txt is not what the transcripts raise: look at the difference, then -update\ngot:\n%s", &table)
	}
}
