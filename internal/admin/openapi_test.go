package admin_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/explain"
)

var update = flag.Bool("update", false, "rewrite docs/reference/openapi.json, docs/reference/reasons.md and the golden files")

// golden compares got with the file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the code makes: look at the difference, then go test ./internal/admin -update\ngot %s", name, got)
	}
}

// openAPI is as much of the document as the tests look at.
type openAPI struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas map[string]schema
	}
}

type operation struct {
	OperationID string
	Security    []map[string][]string
	RequestBody *struct {
		Content map[string]struct{ Schema map[string]any }
	}
	Responses map[string]json.RawMessage
	Reasons   []string `json:"x-reasons"`
}

type schema struct {
	Type                 string
	AdditionalProperties any
	Properties           map[string]json.RawMessage
}

func document(t *testing.T, w *world) (openAPI, string) {
	t.Helper()
	resp := w.do(t, ask{method: "GET", path: "/openapi.json"})
	body := resp.Body
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "application/openapi+json" {
		t.Fatalf("%s %s: %s", resp.Status(), ct, body)
	}
	var doc openAPI
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, body
}

// The committed document is the one that is served, and says all that the
// table does.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc, body := document(t, newWorld(t))
	golden(t, "../../docs/reference/openapi.json", body)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s, want 3.1.0", doc.OpenAPI)
	}
	n := 0
	for _, methods := range doc.Paths {
		n += len(methods)
	}
	if want := len(admin.Operations()); n != want {
		t.Errorf("%d operations in the document, %d in the table", n, want)
	}
	for _, op := range admin.Operations() {
		got, ok := doc.Paths[op.Path][strings.ToLower(op.Method)]
		switch {
		case !ok || got.OperationID != op.ID:
			t.Errorf("%s %s is not in the document as %s", op.Method, op.Path, op.ID)
		case op.Scope != "" && fmt.Sprint(got.Security) != "[map[mintage:[mintage/"+op.Scope+"]]]":
			t.Errorf("%s: security %v, want the scope %s", op.ID, got.Security, op.Scope)
		case !strings.Contains(string(got.Responses["default"]), adminclient.ContentTypeProblem):
			t.Errorf("%s does not say what a refusal is", op.ID)
		}
	}
}

// AD-03: secrets are in the two answers that make them and in no other schema,
// hashes and sealed keys in none.
func TestSchemas(t *testing.T) {
	t.Parallel()
	doc, body := document(t, newWorld(t))
	for _, word := range []string{"hash_", "digest", `"sealed":`, "pepper", `"null"`} {
		if strings.Contains(body, word) {
			t.Errorf("the document has the word %s", word)
		}
	}
	var withSecret []string
	for name, s := range doc.Components.Schemas {
		if s.Type == "object" && s.AdditionalProperties != false {
			t.Errorf("AD-02: %s takes members that it does not name", name)
		}
		if _, ok := s.Properties["client_secret"]; ok {
			withSecret = append(withSecret, name)
		}
		for member := range s.Properties {
			sent := strings.Contains(string(s.Properties[member]), `"writeOnly": true`)
			if member == "hash" && !sent && !strings.HasPrefix(name, "State") && !strings.HasPrefix(name, "Audit") || member == "private" {
				t.Errorf("%s has the member %s", name, member)
			}
		}
	}
	slices.Sort(withSecret)
	if want := []string{"CreatedClient", "CreatedSecret"}; !slices.Equal(withSecret, want) {
		t.Errorf("client_secret is in %q, want %q", withSecret, want)
	}
}

const reasonPages = "../../docs/errors/reasons"

// Every reason is on the page of reasons and has a page of its own, to which
// problems and mintage explain point, and there is no page of anything else.
func TestReasonPages(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Reasons\n\nWhy a request was refused, by the code that is in the log, in metrics and in the answers of the admin API. " +
		"Made from the table in internal/explain; `go test ./internal/admin -update` writes it and the page of each reason.\n")
	files, err := filepath.Glob(reasonPages + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range explain.Reasons() {
		fmt.Fprintf(&b, "\n## %s\n\n%s", r.Code, r.Cause)
		if r.Cure != "" {
			b.WriteString(" " + r.Cure)
		}
		fmt.Fprintf(&b, " [More](../errors/reasons/%s.md)\n", r.Code)
		name := filepath.Join(reasonPages, r.Code+".md")
		golden(t, name, r.Page())
		files = slices.DeleteFunc(files, func(f string) bool { return f == name })
	}
	golden(t, "../../docs/reference/reasons.md", b.String())
	for _, f := range files {
		t.Errorf("%s is about no reason", f)
	}
}

// The problems that callers meet most, byte for byte but for the trace id.
func TestProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "clients:read", "clients:write")
	var b strings.Builder
	for _, a := range []ask{
		{method: "GET", path: "/tenants/hotel/clients"},
		{method: "GET", path: "/tenants", token: token},
		{method: "GET", path: "/tenants/other/clients", token: token},
		{method: "GET", path: "/tenants/hotel/clients?limit=1000", token: token},
		{method: "GET", path: "/nothing", token: token},
		{method: "PUT", path: "/tenants/hotel/clients", token: token},
		{method: "POST", path: "/tenants/hotel/clients", token: token, body: `{"name":"","scaope":"x"}`},
		{method: "POST", path: "/tenants/hotel/clients", token: token, body: `{"name":"","token":{"alg":"HS256","lifetime":-1}}`},
		{method: "POST", path: "/tenants/hotel/clients", token: token, body: `name=x`, header: map[string]string{"Content-Type": "text/plain"}},
	} {
		resp := w.do(t, a)
		fmt.Fprintf(&b, "%s %s %s\n%s\n", a.method, a.path, a.body, resp.Status())
		for _, name := range []string{"Allow", "Cache-Control", "Content-Type", "WWW-Authenticate"} {
			if v := resp.Header.Get(name); v != "" {
				fmt.Fprintf(&b, "%s: %s\n", name, v)
			}
		}
		fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(resp.Body, resp.Header.Get(adminclient.HeaderTraceID), "TRACE"))
	}
	golden(t, "testdata/problems.txt", b.String())
}

// The document names reasons that there are, and no operation that there is not.
func TestReasonsOfOperations(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, op := range admin.Operations() {
		known[op.ID] = true
	}
	for id, codes := range admin.Rules() {
		if !known[id] {
			t.Errorf("there is no operation %s", id)
		}
		for code := range strings.FieldsSeq(codes) {
			if _, ok := explain.Lookup(code); !ok {
				t.Errorf("%s: there is no reason %s", id, code)
			}
		}
	}
	doc, _ := document(t, newWorld(t))
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if len(op.Reasons) == 0 {
				t.Errorf("%s %s is never refused", method, path)
			}
			for _, code := range op.Reasons {
				if _, ok := explain.Lookup(code); !ok {
					t.Errorf("%s: there is no reason %s", op.OperationID, code)
				}
			}
		}
	}
}
