package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/mintagetest"
)

// snippet is what a how-to page shows, and how it is run.
type snippet struct {
	file string   // that it is saved as
	run  []string // in the folder of that file, or for Go in this module
	want string   // what it prints
	// fetches is how many requests for a token it needs; the first token is
	// refused.
	fetches int
	agent   bool // whether API_URL is the agent's
}

// twenty is what a program prints that makes twenty calls at once.
var twenty = strings.Repeat("200\n", 20)

// pages are the how-to pages on getting, keeping and using a token, with all
// their code in order. A program is given a first token that the API refuses: it
// has to get another one, once for all its calls, and send them again.
func pages() map[string][]snippet {
	return map[string][]snippet{
		"use-from-go":     {{"main.go", []string{"go", "run"}, twenty, 2, false}, {"plain.go", []string{"go", "run"}, "200\n", 2, true}},
		"use-from-node":   {{"orders.mjs", []string{"node"}, twenty, 2, false}, {"plain.mjs", []string{"node"}, "200\n", 2, true}},
		"use-from-python": {{"orders.py", []string{"/usr/bin/python3"}, twenty, 2, false}, {"plain.py", []string{"/usr/bin/python3"}, "200\n", 2, true}},
		"use-from-java":   {{"Orders.java", []string{"java"}, twenty, 2, false}, {"Plain.java", []string{"java"}, "200\n", 2, true}},
		"use-from-curl": {
			{"first.sh", []string{"sh", "-e"}, "401\n401\n401\n", 1, false}, // it says that it is the reader's to ask again
			{"second.sh", []string{"sh", "-e"}, "200\n", 1, false},
			{"third.sh", []string{"sh", "-e"}, "200\n", 2, true},
		},
	}
}

var fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// TestHowTo runs the code of the how-to pages as it is written there.
func TestHowTo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts compilers and interpreters")
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for page, snippets := range pages() {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("../docs/howto/" + page + ".md")
			if err != nil {
				t.Fatal(err)
			}
			code := fenced.FindAllStringSubmatch(string(text), -1)
			if len(code) != len(snippets) {
				t.Fatalf("the page has %d pieces of code, and %d are run", len(code), len(snippets))
			}
			s := mintagetest.New(t, mintagetest.Options{Hostility: mintagetest.Hostility{RefusePercent: 100}})
			dir := t.TempDir()
			secret := filepath.Join(dir, "secret")
			if err := os.WriteFile(secret, []byte(s.ClientSecret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			env := append(os.Environ(), "TOKEN_URL="+s.TokenURL, "CLIENT_ID="+s.ClientID, "CLIENT_SECRET_FILE="+secret, "API_URL="+s.APIURL,
				"PATH="+filepath.Dir(bin)+":"+nodeFolder(t)+os.Getenv("PATH"), "NO_PROXY=127.0.0.1", "HOME="+dir,
				"GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"))
			for i, sn := range snippets {
				before := s.Requests()
				env := env
				if sn.agent {
					env = append(env, "API_URL="+agentBefore(t, bin, s)+"/orders")
				}
				out := sn.do(t, dir, code[i][2], env)
				if out != sn.want {
					t.Errorf("%s printed %q, want %q", sn.file, out, sn.want)
				}
				if got := s.Requests() - before; got != sn.fetches {
					t.Errorf("%s asked for a token %d times, want %d", sn.file, got, sn.fetches)
				}
			}
		})
	}
}

// do saves the code and runs it.
func (sn snippet) do(t *testing.T, dir, code string, env []string) string {
	t.Helper()
	path := filepath.Join(dir, sn.file)
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "env", append(sn.run, path)...)
	cmd.Env, cmd.Dir = env, dir
	if sn.run[0] == "go" {
		cmd.Dir = ".." // whose module it imports
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", sn.file, err, out, stderr.String())
	}
	return string(out)
}

// nodeFolder returns where scripts/setup put a newer Node.js, with a colon, or
// nothing.
func nodeFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../.tools/node/bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir + ":"
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
