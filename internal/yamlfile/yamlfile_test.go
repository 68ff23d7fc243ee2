package yamlfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, doc, want string }{
		{"unknown key", "name: x\n  \nnam: y\n", "f.yaml:3:1: unknown key nam: did you mean name?\n  nam: y\n  ^"},
		{"unknown key, nothing near", "\"so far away\": y\n", "f.yaml:1:1: unknown key \"so far away\"\n  \"so far away\": y\n  ^"},
		{"tab", "list:\t5\n", "f.yaml:1:7: a list is expected here, not a single value\n  list:\t5\n       \t^"},
		{"wide", "{ list: [é, [☕, ö]] }\n", "f.yaml:1:13: text is expected here, not a list\n  { list: [é, [☕, ö]] }\n              ^"},
		{"nothing", "name:\n", "f.yaml:1:6: text is expected here, not nothing\n  name:\n       ^"},
		{"bool for text", "name: true\n", "f.yaml:1:7: text is expected here; put quotes around true\n  name: true\n        ^"},
		{"text for bool", "on: 'true'\n", "f.yaml:1:5: true or false is expected here\n  on: 'true'\n      ^"},
		{"object for list", "list: {}\n", "f.yaml:1:7: a list is expected here, not an object\n  list: {}\n        ^"},
		{"binary", "name: !!binary aGk=\n", "f.yaml:1:7: text is expected here, not binary data\n  name: !!binary aGk=\n        ^"},
		{"no object", "- a\n", "f.yaml:1:1: an object is expected here, not a list\n  - a\n  ^"},
		{"twice", "name: x\nname: y\n", "f.yaml:2:1: the key name is there twice; the first is in line 1\n  name: y\n  ^"},
		{"key", "[a]: x\n", "f.yaml:1:1: a key is plain text\n  [a]: x\n  ^"},
		{"merge of text", "<<: x\n", "f.yaml:1:5: a merge key names an object or a list of objects\n  <<: x\n      ^"},
		{"syntax", "name: 'x\n", "f.yaml:1:1: found unexpected end of stream\n  name: 'x\n  ^"},
		{"first line", "name: a: b\n", "f.yaml:1:1: mapping values are not allowed in this context\n  name: a: b\n  ^"},
		{"template", "{{\n", "f.yaml:1:3: did not find expected node content\n  {{\n    ^"},
		{"template without an end", "{{", "f.yaml:1:3: did not find expected node content\n  {{\n    ^"},
		{"template below", "name: x\nlist: {{\n\n", "f.yaml:2:9: did not find expected node content\n  list: {{\n          ^"},
		{"control", "on: true\nname: é\x01\n", "f.yaml:2:8: the control character U+0001 is not allowed\n  name: é�\n         ^"},
		{"secret left open", "{ value:\n  hunter2 {{\n", "f.yaml:2:3: did not find expected ',' or '}'\n  ************\n    ^"},
		{"tabs", "name: x\nlist:\n\t- a\n", "f.yaml:3:2: found character that cannot start any token\n  \t- a\n  \t^"},
		{"anchor", "name: *x\n", "f.yaml:1:7: unknown anchor 'x' referenced\n  name: *x\n        ^"},
		{"documents", "name: x\n---\nname: y\n", "f.yaml:2:1: a second document begins here: a file holds one\n  ---\n  ^"},
		{"empty", " \n# comment\n", "f.yaml: the file is empty"},
		{"not text", "name: \xff\n", "f.yaml: the file is not UTF-8 text"},
		{"all, in order", "name: []\nnam: x\non: 1\n", "f.yaml:1:7: text is expected here, not a list\n  name: []\n        ^\n" +
			"f.yaml:2:1: unknown key nam: did you mean name?\n  nam: x\n  ^\nf.yaml:3:5: true or false is expected here\n  on: 1\n      ^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := read(tt.doc)
			if err == nil {
				t.Fatal("no error")
			}
			if d := cmp.Diff(tt.want, err.Error()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// read walks a document with one member of each kind.
func read(doc string) error {
	f, err := yamlfile.Parse("f.yaml", []byte(doc))
	if err != nil {
		return err
	}
	f.Root().Object(yamlfile.Fields{
		"name": func(n yamlfile.Node) { n.Text() },
		"on":   func(n yamlfile.Node) { n.Bool() },
		"list": func(n yamlfile.Node) { n.Texts() },
	})
	return f.Err()
}

func TestManyErrors(t *testing.T) {
	t.Parallel()
	var doc strings.Builder
	for i := range 100 {
		fmt.Fprintf(&doc, "unknown%d: x\n", i)
	}
	err := read(doc.String())
	var first *yamlfile.Error
	if !errors.As(err, &first) || first.Line != 1 || strings.Count(err.Error(), "unknown key") != 20 || !strings.HasSuffix(err.Error(), "more errors follow; these are the first 20") {
		t.Errorf("got %v", err)
	}
}

// TestBombs holds that aliases cannot make a small file large, or endless.
func TestBombs(t *testing.T) {
	t.Parallel()
	var lists, merges strings.Builder
	lists.WriteString("a0: &a0 [x]\n")
	merges.WriteString("a0: &a0 {x: y}\n")
	for i := 1; i < 40; i++ {
		refs := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ",")
		fmt.Fprintf(&lists, "a%d: &a%d [%s]\n", i, i, refs)
		fmt.Fprintf(&merges, "a%d: &a%d {<<: [%s]}\n", i, i, refs)
	}
	for name, doc := range map[string]string{"lists": lists.String(), "merges": merges.String(), "self": "a: &a [*a]\n", "merged self": "a: &a {<<: *a}\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := yamlfile.Parse("f.yaml", []byte(doc))
			if err != nil {
				return // the library saw it
			}
			var walk func(n yamlfile.Node)
			walk = func(n yamlfile.Node) {
				if n.Scalar() {
					return
				}
				if n.IsObject() {
					n.Entries(func(_ string, n yamlfile.Node) { walk(n) })
					return
				}
				n.Each(func(_ int, n yamlfile.Node) { walk(n) })
			}
			walk(f.Root())
			if err := f.Err(); err == nil || !strings.Contains(err.Error(), "too deep, or its aliases") {
				t.Errorf("walked through: %v", err)
			}
			f.Root().At("a39", "nothing", "here")
		})
	}
}

func TestMergeAndAt(t *testing.T) {
	t.Parallel()
	f, err := yamlfile.Parse("f.yaml", []byte("base: &b { x: 1, y: 2 }\nmore: &m { y: 3, z: 4 }\nall:\n  <<: [*b, *m]\n  x: 0\nlist: [p, { q: r }]\n"))
	if err != nil {
		t.Fatal(err)
	}
	all, _ := f.Root().At("all")
	if got, ok := all.TextMap(); !ok || !cmp.Equal(got, map[string]string{"x": "0", "y": "2", "z": "4"}) {
		t.Errorf("got %v, %v: %v", got, ok, f.Err())
	}
	for _, tt := range []struct {
		path  string
		place string
		whole bool
	}{
		{"all/x", "f.yaml:5", true},
		{"all/z", "f.yaml:2", true},
		{"all/w", "f.yaml:4", false},
		{"list/1/q", "f.yaml:6", true},
		{"list/7", "f.yaml:6", false},
		{"list/0/deeper", "f.yaml:6", false},
	} {
		n, whole := f.Root().At(strings.Split(tt.path, "/")...)
		if n.Place() != tt.place || whole != tt.whole {
			t.Errorf("At(%s) = %s, %v, want %s, %v", tt.path, n.Place(), whole, tt.place, tt.whole)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"1s": time.Second, "90m": 90 * time.Minute, "24h": 24 * time.Hour, "90d": 90 * 24 * time.Hour, "007s": 7 * time.Second,
		"": 0, "s": 0, "1": 0, "0s": 0, "-1s": 0, "1ms": 0, "1.5h": 0, "1H": 0, "٣s": 0, "99999999999999999999d": 0, "36601d": 0,
	} {
		if got, err := yamlfile.ParseDuration(in); got != want || (err != nil) != (want == 0) {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	known := []string{"scope", "scope_prefix", "id", "name"}
	for in, want := range map[string]string{
		"scaope": ": did you mean scope?", "scope-prefix": ": did you mean scope_prefix?", "ID": ": did you mean id?", "naem": ": did you mean name?",
		"zzz": "", "": "", strings.Repeat("scope", 100): "",
	} {
		if got := yamlfile.Suggest(in, known); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzParse holds that no document makes the walk panic or hang, and that an
// error of the walk has a place in the file.
func FuzzParse(f *testing.F) {
	for _, doc := range []string{"a: 1", "a: [b, {c: d}]", "<<: [*a]", "a: &a [*a]", "a: &a {<<: *a}", "? [x]\n: y", "--- a\n...\n--- b", "\ufeffa: b", "a: |\n  x\n", "a: 'x"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := yamlfile.Parse("f", data)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without text")
			}
			return
		}
		file.Root().Object(yamlfile.Fields{
			"a": func(n yamlfile.Node) { n.Texts() }, "b": func(n yamlfile.Node) { n.TextMap() }, "c": func(n yamlfile.Node) { n.Text() },
		})
		if err := file.Err(); err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Fatalf("no place: %v", err)
		}
	})
}
