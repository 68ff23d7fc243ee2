package mintage_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checklist is the list of what the issuing side has to hold, by id.
const checklist = "../shared/security/checklist.md"

// notYet are the items that no test shows, with the reason.
var notYet = map[string]string{
	"IN-07": "introspection is answered in JSON alone, so that there is no JWT to mistake for a token",
	"TE-31": "tokens are bound to DPoP keys, and no client or API that wants it gets another; the test of the item is about a profile fapi2, which there is not",
}

var (
	checklistRow = regexp.MustCompile(`(?m)^\| ((?:TE|CJ|IN|RV|MD|JW|KY|TL|AD)-\d\d) `)
	checklistID  = regexp.MustCompile(`\b(?:TE|CJ|IN|RV|MD|JW|KY|TL|AD)-\d\d\b`)
)

// TestChecklist holds that each item of the security checklist about issuing, assertions of clients,
// introspection, revocation, metadata, JWTs, keys, TLS and administration is named by a test or
// a transcript, or is in notYet; and that no test names one that is not there.
// With -v it prints the map.
func TestChecklist(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(checklist)
	if os.IsNotExist(err) && os.Getenv("CI") == "" {
		t.Skip("../shared is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]string{}
	err = filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
			return filepath.SkipDir
		case e.IsDir(), path == "checklist_test.go", !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "testdata/"):
			return nil
		}
		text, err := os.ReadFile(path)
		ids := checklistID.FindAllString(string(text), -1)
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			named[id] = append(named[id], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	var table strings.Builder
	for _, row := range checklistRow.FindAllSubmatch(list, -1) {
		id := string(row[1])
		known[id] = true
		why, open := notYet[id]
		if open == (len(named[id]) > 0) {
			t.Errorf("%s is named by %v, and in notYet: %v", id, named[id], open)
		}
		fmt.Fprintln(&table, id, why, strings.Join(named[id], " "))
	}
	for id, paths := range named {
		if !known[id] {
			t.Errorf("%v name %s, which is not in the checklist", paths, id)
		}
	}
	if len(known) == 0 {
		t.Error("no item was found in " + checklist)
	}
	t.Log("\n" + table.String())
}
