package explain_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/explain"
)

// reserved are the codes that later releases raise: nothing raises them yet.
var reserved []string

// dotted finds what may be a code in a file.
var dotted = regexp.MustCompile(`[a-z]+\.[a-z_]+|\b(?:ok|internal)\b`)

// TestEveryReasonIsRaised holds that each code of the table that is not
// reserved is in a test or a transcript of another package, and that none that
// is reserved is raised by the source.
func TestEveryReasonIsRaised(t *testing.T) {
	t.Parallel()
	tested, raised := map[string]string{}, map[string]string{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (path == "../../internal/explain" || path != "../.." && strings.HasPrefix(e.Name(), ".") || e.Name() == "docs"):
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		into := raised
		switch {
		case strings.HasSuffix(path, "_test.go"), strings.Contains(path, "/testdata/"):
			into = tested
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, code := range dotted.FindAllString(string(text), -1) {
			into[code] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range explain.Reasons() {
		if isReserved := slices.Contains(reserved, r.Code); isReserved != r.Reserved() {
			t.Errorf("%s: reserved by this test: %v, by its page: %v", r.Code, isReserved, r.Reserved())
		} else if isReserved {
			if path, ok := raised[r.Code]; ok {
				t.Errorf("%s is reserved, and %s has it", r.Code, path)
			}
			continue
		}
		if tested[r.Code] == "" {
			t.Errorf("no test raises %s", r.Code)
		}
	}
	for _, code := range reserved {
		if _, ok := explain.Lookup(code); !ok {
			t.Errorf("%s is reserved and not in the table", code)
		}
	}
}
