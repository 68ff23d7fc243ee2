package console_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkedFields are the fields that take no free text: what they hold is of a
// form that a strict reader knows, and has no room for a tag. TestFormsAgain
// sends hostile text to them all the same, and looks at what comes back.
var checkedFields = strings.Fields(`id issuer aliases origins paths overlap expires lifetime custom wait max_clients tokens asks allow_from introspectors
	since until confirm password password2 code`)

var (
	partialField = regexp.MustCompile(`template "(?:field|area)" dict "Name" "([a-z_0-9]+)"`)
	plainField   = regexp.MustCompile(`<(?:input|textarea)[^>]* name="([a-z_0-9]+)"[^>]*`)
	otherInput   = regexp.MustCompile(`type="(?:hidden|checkbox|radio)"|hidden aria-label`)
)

// TestEveryField holds that each field of each form that takes text is among
// those that TestFormsAgain fills, and that those that take any text are filled
// in the browser too: in e2e/console.mjs by their names, or by their labels.
func TestEveryField(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	walk, err := os.ReadFile("../../e2e/console.mjs")
	if err != nil {
		t.Fatal(err)
	}
	byLabel := map[string]string{
		"token": "getByLabel('Token').fill", "state": "getByLabel('YAML').fill",
		"source": "getByLabel('Export').fill", "api": "getByLabel('API of scopes').fill",
	}
	fields := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range partialField.FindAllStringSubmatch(string(text), -1) {
			fields[m[1]] = file
		}
		for _, m := range plainField.FindAllStringSubmatch(string(text), -1) {
			if !otherInput.MatchString(m[0]) {
				fields[m[1]] = file
			}
		}
	}
	for _, some := range []string{"name", "reason", "labels", "trace", "q", "state", "password"} {
		if fields[some] == "" {
			t.Errorf("the field %s was not found", some)
		}
	}
	for name, file := range fields {
		if !slices.Contains(strings.Fields(hostileFields), name) {
			t.Errorf("%s: TestFormsAgain does not fill %s", file, name)
		}
		typed := regexp.MustCompile(`\b`+name+`(?:: |=\$\{q\})`).Match(walk) || byLabel[name] != "" && strings.Contains(string(walk), byLabel[name])
		if checked := slices.Contains(checkedFields, name); !typed && !checked {
			t.Errorf("%s: e2e/console.mjs fills no hostile text into %s", file, name)
		}
	}
}
