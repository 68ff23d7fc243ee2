package mintage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestQuickStart does what the README and the tutorial say, command by command,
// in a copy of the tree. Their addresses are fixed, so one follows the other.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the product twice")
	}
	tree := copyTree(t)
	followReadme(t, tree)
	followTutorial(t, tree)
}

// copyTree copies what git tracks, and what it would if it were added.
func copyTree(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted and not committed yet
		} else if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// commands returns the shell blocks of a Markdown file.
func commands(t *testing.T, name string) []string {
	t.Helper()
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllSubmatch(doc, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

func followReadme(t *testing.T, tree string) {
	t.Helper()
	for _, block := range commands(t, "README.md") {
		switch block {
		case "make dev\n":
			runDev(t, tree, block)
			readyInASecond(t, tree)
		case "make test\n":
			// This very run: CI calls it, and nothing else.
			ci, err := os.ReadFile(".ci/run")
			if err != nil || !bytes.Contains(ci, []byte("\nmake test\n")) {
				t.Errorf(".ci/run does not call make test (%v)", err)
			}
		default:
			runShell(t, tree, block)
		}
	}
}

// runDev runs block until it has printed its curl lines, and pastes each.
func runDev(t *testing.T, tree, block string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", block)
	cmd.Dir = tree
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var curls []string
	took := ""
	for sc := bufio.NewScanner(stdout); sc.Scan(); {
		if m := regexp.MustCompile(`ready in (\d+) ms`).FindStringSubmatch(sc.Text()); m != nil {
			took = m[1]
		}
		if strings.HasPrefix(sc.Text(), "curl ") {
			curls = append(curls, sc.Text())
		}
		if strings.HasPrefix(sc.Text(), "mintage client list") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	if len(curls) != 4 {
		t.Errorf("%q printed %d curl lines, want one for each dialect; stderr:\n%s", block, len(curls), stderr.String())
	}
	if took == "" {
		t.Error("mintage dev does not say when it was ready")
	}
	for _, line := range curls {
		pasteCurl(t, line)
	}
	cancel()
	_ = cmd.Wait()
}

// readyInASecond starts what make dev built, on other addresses, and wants the
// best of three to be ready in under a second: other tests may have the machine.
func readyInASecond(t *testing.T, tree string) {
	t.Helper()
	best := time.Hour
	for range 3 {
		out := runShell(t, tree, `bin/mintage dev --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 > dev.out 2> dev.err & pid=$!
while ! grep -q 'mintage client list' dev.out; do kill -0 $pid; sleep 0.05; done; kill -INT $pid; wait $pid; cat dev.out; rm dev.out dev.err`)
		m := regexp.MustCompile(`ready in (\d+) ms`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("mintage dev printed %s", out)
		}
		ms, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Duration(ms)*time.Millisecond)
	}
	t.Logf("mintage dev is ready in %s", best)
	if best >= time.Second {
		t.Errorf("mintage dev is ready in %s, want under 1 s", best)
	}
}

// pasteCurl runs one line and wants a token.
func pasteCurl(t *testing.T, line string) {
	t.Helper()
	var out []byte
	var err error
	for range 100 {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1")
		if out, err = cmd.Output(); !bytes.Contains(out, []byte("temporarily_unavailable")) {
			break // else an RSA key takes longer than dev waits for it
		}
		time.Sleep(100 * time.Millisecond)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if jsonErr := json.Unmarshal(out, &answer); err != nil || jsonErr != nil || answer.AccessToken == "" || answer.ExpiresIn <= 0 {
		t.Errorf("%s\nanswered %s (%v %v)", line, out, err, jsonErr)
	}
}

// followTutorial runs the blocks as one person would, in one shell.
func followTutorial(t *testing.T, tree string) {
	t.Helper()
	blocks := commands(t, "docs/tutorial/first-token.md")
	if len(blocks) < 5 {
		t.Fatalf("%d blocks in the tutorial", len(blocks))
	}
	// Whatever becomes of a block, the server of the tutorial is not left behind.
	script := "set -em\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + strings.Join(blocks, "\necho\n")
	out := runShell(t, tree, script)
	for _, want := range []string{`"access_token":"`, `"scope":"orders/read"`, `"error":"invalid_scope"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the tutorial printed no %s:\n%s", want, out)
		}
	}
}

// runShell runs a script and returns what it printed.
func runShell(t *testing.T, dir, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(slices.Clone(os.Environ()), "NO_PROXY=127.0.0.1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}
