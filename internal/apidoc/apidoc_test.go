package apidoc_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/apidoc"
)

var update = flag.Bool("update", false, "rewrite docs/reference/admin-api.md")

func parsed(t *testing.T) (*apidoc.Reference, []byte) {
	t.Helper()
	document, err := os.ReadFile("../../docs/reference/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := apidoc.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	return r, document
}

// Every operation of the document is in one group, with all that it has to have.
func TestParse(t *testing.T) {
	t.Parallel()
	r, document := parsed(t)
	var d struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, g := range r.Groups {
		documents := map[string]bool{"": true}
		for _, doc := range g.Documents {
			documents[doc.Name] = len(doc.Members) > 0
		}
		for _, op := range g.Operations {
			seen[op.ID]++
			if op.Summary == "" || op.Scope != "" && !op.Token || len(op.Answers) == 0 || len(op.Reasons) == 0 {
				t.Errorf("%s lacks something: %+v", op.ID, op)
			}
			if strings.Contains(op.Curl, "<nil>") || strings.Contains(op.Curl, "{tenant}") || strings.Contains(op.Path, "{") && op.Curl == "" {
				t.Errorf("%s has the example %s", op.ID, op.Curl)
			}
			if op.Body != "" && !json.Valid([]byte(op.Example)) {
				t.Errorf("%s takes the example %s", op.ID, op.Example)
			}
			if !documents[op.Body] {
				t.Errorf("%s takes %s, which is not shown", op.ID, op.Body)
			}
			for _, a := range op.Answers {
				if !documents[a.Document] {
					t.Errorf("%s answers %s, which is not shown", op.ID, a.Document)
				}
			}
		}
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			if seen[op.OperationID] != 1 {
				t.Errorf("%s %s is shown %d times", method, path, seen[op.OperationID])
			}
		}
	}
}

// The committed page is what the document makes.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	r, _ := parsed(t)
	const name = "../../docs/reference/admin-api.md"
	got := r.Markdown()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the document makes: go test ./internal/apidoc -update", name)
	}
	for _, text := range []string{"`grants[].scopes`", "| `client_secret` |", `-H 'Idempotency-Key: "`, "`secret.rotating`", "| required |"} {
		if !strings.Contains(got, text) {
			t.Errorf("the page has no %s", text)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		"", "[]", `{"paths":{"/x":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Nobody"}}}}}}}}`,
		`{"paths":{"/x":{"get":{"responses":{"200":{"content":{"a":{"schema":{"$ref":"#/components/schemas/Nobody"}}}}}}}}}`,
	} {
		if r, err := apidoc.Parse([]byte(document)); err == nil {
			t.Errorf("%s gives %+v", document, r)
		}
	}
}

// What parses can be written; the document is ours, and a broken one must not
// take the console down.
func FuzzParse(f *testing.F) {
	document, err := os.ReadFile("../../docs/reference/openapi.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(document))
	f.Add(`{"paths":{"/x":{"get":{}}}}`)
	f.Add(`{"paths":{"/x":{"post":{"requestBody":{"content":{"a":{"schema":{"$ref":"#/components/schemas/A"}}}}}}},"components":{"schemas":{"A":{"properties":{"a":{"$ref":"#/components/schemas/A"}},"required":["a"],"type":"object"}}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		r, err := apidoc.Parse([]byte(document))
		if err != nil {
			return
		}
		text := r.Markdown()
		for _, g := range r.Groups {
			for _, op := range g.Operations {
				if !strings.Contains(text, "### "+op.ID) {
					t.Errorf("%s is not on the page", op.ID)
				}
			}
		}
	})
}
