package apply_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestParseErrors holds each error byte for byte: place, line and caret.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := apply.ParseDocument(ar.Files[0].Name, "conf", ar.Files[0].Data)
			if err == nil {
				t.Fatal("parsed")
			}
			if parsed != nil {
				t.Error("what fails returns something")
			}
			got := err.Error() + "\n"
			if strings.Contains(got, "hunter2") {
				t.Errorf("the error shows a secret:\n%s", got)
			}
			if *update {
				ar.Files[1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(ar.Files[1].Data), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestParseSeeds(t *testing.T) {
	t.Parallel()
	parsed, err := apply.Parse("testdata/seeds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Source != "seeds.yaml" {
		t.Errorf("source %q", parsed.Source)
	}
	s := parsed.State
	if got, want := s.TenantIDs(), []string{"production", "sandbox"}; !cmp.Equal(got, want) {
		t.Errorf("tenants %q, want %q", got, want)
	}
	if got, want := s.Clients[1].Secrets[0].Value.File, filepath.Join("testdata", "secrets", "otto"); got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	if got := s.Tenants[1].Secret.Expires.String(); got != "90d" {
		t.Errorf("expires %s", got)
	}
	doc, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back apply.State
	if err := json.Unmarshal(doc, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, &back); d != "" {
		t.Errorf("the state is another after JSON:\n%s", d)
	}
}

func TestParseFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := apply.Parse(dir); err == nil {
		t.Error("an empty folder is a state")
	}
	write("a.yaml", "apiVersion: mintage/v1\ntenants:\n  - { id: prod, issuer: https://a.example }\nprune: [clients]\n")
	write("b.yml", "apiVersion: mintage/v1\nclients:\n  - { id: x, tenant: prod, disabled: false }\n")
	write("notes.txt", "not: [yaml")
	write(".hidden.yaml", "not: [yaml")
	parsed, err := apply.Parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.State.Tenants) != 1 || len(parsed.State.Clients) != 1 || len(parsed.State.Prune) != 1 {
		t.Errorf("merged: %+v", parsed.State)
	}
	if want := filepath.Base(dir); parsed.Source != want {
		t.Errorf("source %q, want %q", parsed.Source, want)
	}

	// An error of the server finds its place in the right file.
	located := parsed.Locate(&mintage.FieldError{Pointer: "/clients/0/disabled", Message: "no"}).Error()
	if want := filepath.Join(dir, "b.yml") + ":3:38: no"; !strings.HasPrefix(located, want) {
		t.Errorf("located %q, want %q", located, want)
	}

	write("c.yaml", "apiVersion: mintage/v1\nclients:\n  - { id: x, tenant: prod }\n")
	_, err = apply.Parse(dir)
	if err == nil || !strings.Contains(err.Error(), "c.yaml:3:5: x is there twice in the tenant prod; the first is at "+filepath.Join(dir, "b.yml")+":3") {
		t.Errorf("twice in two files: %v", err)
	}
}

func TestParseForms(t *testing.T) {
	t.Parallel()
	parsed, err := apply.ParseDocument("t.yaml", ".", []byte(`
apiVersion: mintage/v1
clients:
  - &base
    id: 0123
    tenant: prod
    default_scope: none
    labels: &labels { team: billing }
    allow_from: [203.0.113.7]
  - <<: *base
    id: 2026-11-21
    default_scope: all
    grants: []
    labels: { <<: *labels, floor: 2 }
  - { id: three, tenant: prod, default_scope: [read], token: { alg: "" }, secrets: [{ name: a, hash: { env: H }, expires: never }] }
`))
	if err != nil {
		t.Fatal(err)
	}
	c := parsed.State.Clients
	if c[0].ID != "0123" || c[0].DefaultScope == nil || len(c[0].DefaultScope) != 0 || c[0].Grants != nil {
		t.Errorf("first: %+v", c[0])
	}
	if c[1].ID != "2026-11-21" || !cmp.Equal(c[1].DefaultScope, []string{"*"}) || c[1].Grants == nil ||
		!cmp.Equal(c[1].Labels, map[string]string{"team": "billing", "floor": "2"}) || !cmp.Equal(c[1].AllowFrom, c[0].AllowFrom) {
		t.Errorf("second: %+v", c[1])
	}
	if *c[2].Token.Alg != "" || *c[2].Secrets[0].Expires != 0 || c[2].Secrets[0].Hash.Env != "H" {
		t.Errorf("third: %+v", c[2])
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"90d": "90d", "24h": "1d", "1h": "1h", "90m": "90m", "30s": "30s", "3600s": "1h", "never": "never",
		"": "", "0s": "", "1": "", "-1h": "", "1.5h": "", "1w": "", "1h30m": "", " 1h": "", "9999999999999999d": "", "+1s": "", "40000d": "",
	} {
		d, err := apply.ParseDuration(in)
		if got := d.String(); (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("ParseDuration(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

// FuzzParse holds that nothing panics and that what parses survives the way to
// the server.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ar.Files[0].Data)
	}
	seeds, err := os.ReadFile("testdata/seeds.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seeds)
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("apiVersion: mintage/v1\nclients: &a\n  - <<: [*a, {id: x}]\n"))
	f.Add([]byte("a: &a {<<: *a}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := apply.ParseDocument("f.yaml", ".", data)
		if err != nil {
			if first != nil || err.Error() == "" {
				t.Fatalf("what fails returns something: %v", err)
			}
			return
		}
		second, err := apply.ParseDocument("f.yaml", ".", data)
		if err != nil || !cmp.Equal(first.State, second.State) {
			t.Fatalf("the second time: %v\n%s", err, cmp.Diff(first.State, second.State))
		}
		doc, err := json.Marshal(first.State)
		if err != nil {
			t.Fatal(err)
		}
		var back apply.State
		if err := json.Unmarshal(doc, &back); err != nil || !cmp.Equal(first.State, &back) {
			t.Fatalf("after JSON: %v\n%s", err, cmp.Diff(first.State, &back))
		}
	})
}
