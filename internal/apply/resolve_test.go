package apply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"plain": "a secret+with/=~%", "lf": "one\n", "crlf": "one\r\n", "two": "one\n\n", "empty": "", "line": "\n", "tab": "a\tb", "utf8": "é",
		"512": strings.Repeat("x", 512), "513": strings.Repeat("x", 513), "huge": strings.Repeat("x", 1<<16),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"SET": "from-env", "EMPTY": "", "LF": "one\n"}
	for _, tt := range []struct{ ref, want, err string }{
		{"value: { file: plain }", "a secret+with/=~%", ""},
		{"value: { file: lf }", "one", ""},
		{"value: { file: crlf }", "one", ""},
		{"value: { file: two }", "", "/value: the file DIR/two: a secret is printable ASCII on one line"},
		{"value: { file: empty }", "", "/value: the file DIR/empty: the secret is empty"},
		{"hash: { file: line }", "", "/hash: the file DIR/line: the secret is empty"},
		{"value: { file: tab }", "", "/value: the file DIR/tab: a secret is printable ASCII on one line"},
		{"value: { file: utf8 }", "", "/value: the file DIR/utf8: a secret is printable ASCII on one line"},
		{"value: { file: 512 }", strings.Repeat("x", 512), ""},
		{"value: { file: 513 }", "", "/value: the file DIR/513: a secret has at most 512 characters"},
		{"value: { file: huge }", "", "/value: the file DIR/huge cannot be read: it is larger than 4096 bytes"},
		{"value: { file: none }", "", "/value: the file DIR/none cannot be read: no such file or directory"},
		{"hash: { file: DIR/lf }", "one", ""},
		{"value: { env: SET }", "from-env", ""},
		{"hash: { env: LF }", "one", ""},
		{"value: { env: EMPTY }", "", "/value: the environment variable EMPTY: the secret is empty"},
		{"value: { env: UNSET }", "", "/value: the environment variable UNSET is not set"},
	} {
		t.Run(tt.ref, func(t *testing.T) {
			t.Parallel()
			doc := "apiVersion: mintage/v1\nclients: [{ id: a, tenant: prod, secrets: [{ name: x, " + strings.ReplaceAll(tt.ref, "DIR", dir) + " }] }]\n"
			parsed, err := apply.ParseDocument("t.yaml", dir, []byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			got, err := apply.Resolve(t.Context(), parsed.State, apply.ResolveOptions{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
			if tt.err != "" {
				if want := "/clients/0/secrets/0" + strings.ReplaceAll(tt.err, "DIR", dir); err == nil || err.Error() != want || got != nil {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := got.Clients[0].Secrets[0]
			ref := s.Value
			if ref == nil {
				ref = s.Hash
			}
			if ref.Text.Reveal() != tt.want || ref.Env != "" || ref.File != "" {
				t.Errorf("got %q", ref.Text.Reveal())
			}
			if before := parsed.State.Clients[0].Secrets[0]; before.Value != nil && before.Value.Text != "" {
				t.Error("Resolve modified its argument")
			}
		})
	}
}

// maker is internal/secret as far as Generate needs it.
func maker() apply.GenerateOptions {
	n := 0
	return apply.GenerateOptions{
		New: func(production bool) string {
			n++
			if production {
				return "mint_live_" + strings.Repeat("x", n)
			}
			return "mint_test_" + strings.Repeat("x", n)
		},
		WellFormed: func(s string) bool { return strings.HasPrefix(s, "mint_") },
		Hint:       func(s string) string { return s[5:] },
	}
}

func declared(t *testing.T, dir, file string) *apply.State {
	t.Helper()
	parsed, err := apply.ParseDocument("t.yaml", dir, []byte("apiVersion: mintage/v1\n"+
		"clients: [{ id: it's mine, tenants: [prod, test], secrets: [{ name: main, generate: true, write_to: { file: '"+file+"' } }] }]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.State
}

func generate(t *testing.T, s *apply.State, opts apply.GenerateOptions, hints ...string) (*apply.State, error) {
	t.Helper()
	return apply.Generate(t.Context(), s, resolve(t, s), []apply.Wanted{
		{Tenant: "prod", Client: "it's mine", Secret: "main", Production: true, Hints: hints},
		{Tenant: "test", Client: "it's mine", Secret: "main", Hints: hints},
	}, opts)
}

func read(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", name, info.Mode())
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := declared(t, dir, "out/{tenant}.env")
	got, err := generate(t, s, maker())
	if err != nil {
		t.Fatal(err)
	}
	made := got.Clients[0].Secrets[0].Made
	if made["prod"].Reveal() != "mint_live_x" || made["test"].Reveal() != "mint_test_xx" || len(made) != 2 {
		t.Errorf("made %q %q", made["prod"].Reveal(), made["test"].Reveal())
	}
	prod := filepath.Join(dir, "out", "prod.env")
	if got, want := read(t, prod), "MINTAGE_CLIENT_ID='it'\\''s mine'\nMINTAGE_CLIENT_SECRET=mint_live_x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "out")); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v %v", entries, err)
	}

	// The run ended before it applied: the next one takes what is there.
	if err := os.Chmod(prod, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err = generate(t, s, maker()); err != nil || got.Clients[0].Secrets[0].Made["test"].Reveal() != "mint_test_xx" {
		t.Errorf("after a crash: %v", err)
	}
	read(t, prod)

	// What is there is an old secret of the client: a new one replaces it.
	opts := maker()
	opts.New = func(bool) string { return "mint_new" }
	if got, err = generate(t, s, opts, "live_x", "test_xx"); err != nil || got.Clients[0].Secrets[0].Made["prod"].Reveal() != "mint_new" {
		t.Errorf("rotation: %v", err)
	}
	if got := read(t, prod); !strings.HasSuffix(got, "SECRET=mint_new\n") {
		t.Errorf("rotation: %q", got)
	}
}

func TestGenerateRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := generate(t, declared(t, dir, "same"), maker()); err == nil || !strings.Contains(err.Error(), "has {tenant} in the path") {
		t.Errorf("two tenants in one file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "same")); err == nil {
		t.Error("a refused run wrote a file")
	}
	if err := os.WriteFile(filepath.Join(dir, "prod"), []byte("notes of mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := generate(t, declared(t, dir, "{tenant}"), maker())
	fields := mintage.FieldErrors(err)
	if len(fields) != 1 || fields[0].Pointer != "/clients/0/secrets/0/write_to/file" || !strings.Contains(fields[0].Message, "holds no secret of ours") {
		t.Errorf("somebody's file: %v", err)
	}
	if got := read(t, filepath.Join(dir, "prod")); got != "notes of mine" {
		t.Errorf("overwritten: %q", got)
	}
	if _, err := generate(t, declared(t, dir, "prod/{tenant}"), maker()); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("a folder that is a file: %v", err)
	}
	s := declared(t, dir, "b/{tenant}")
	if _, err := apply.Generate(t.Context(), s, s, []apply.Wanted{{Tenant: "prod", Client: "other", Secret: "main"}}, maker()); err == nil {
		t.Error("a secret that the file does not have was made")
	}
	if got, err := generate(t, s, maker()); err != nil || read(t, filepath.Join(dir, "b", "prod")) != got.Clients[0].Secrets[0].Made["prod"].Reveal()+"\n" {
		t.Errorf("a bare secret: %v", err)
	}
}
