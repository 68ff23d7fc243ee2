package chaos_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// previousFile names the release before: a tag, or a commit of this repository
// where there is no tag yet.
const previousFile = "testdata/previous"

// previous builds the release before, once, of what the repository has of it.
var previous = sync.OnceValues(func() (string, error) {
	name, err := os.ReadFile(filepath.FromSlash(previousFile))
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(string(name))
	if out, err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").CombinedOutput(); err != nil {
		return "", fmt.Errorf("the release before, %s, is not in this checkout, which a shallow clone or an archive is: clone the whole history (%w) %s", commit, err, out)
	}
	fresh, err := program()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(fresh), "previous") // gone with the other
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	var tree bytes.Buffer
	archive := exec.Command("git", "-C", "..", "archive", commit)
	archive.Stdout = &tree
	if err := archive.Run(); err != nil {
		return "", fmt.Errorf("git archive: %w", err)
	}
	unpack := exec.Command("tar", "-x", "-C", dir)
	unpack.Stdin = &tree
	if out, err := unpack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w\n%s", err, out)
	}
	path := filepath.Join(dir, "mintage")
	// Trimmed of its path, a package that was built before is not built again.
	build := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/mintage")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", commit, err, out)
	}
	return path, nil
})

// releases returns the release before and the one of this tree. CI has the
// whole history.
func releases(t *testing.T) (old, fresh string) {
	t.Helper()
	fresh, err := program()
	if err != nil {
		t.Fatal(err)
	}
	if old, err = previous(); err != nil {
		if ci() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return old, fresh
}

// TestUpgrade is R15 of the fault plan, two nodes over one PostgreSQL behind
// nginx: they are replaced one after the other, first by the next release and
// then by the one before again, under load. No request fails that one retry,
// which is nginx's, can save, and at each step what a node of either release
// wrote is so on the other.
func TestUpgrade(t *testing.T) {
	old, fresh := releases(t)
	t.Run("PostgreSQL", func(t *testing.T) { upgradeRolling(t, old, fresh) })
	t.Run("SQLite", func(t *testing.T) { upgradeInPlace(t, old, fresh) })
}

func upgradeRolling(t *testing.T, old, fresh string) {
	t.Helper()
	c := newClusterOf(t, old, 2, true)
	all := c.callers(t)
	if err := prepare(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	var here []*callers
	for _, node := range c.nodes {
		c.learn(t, all, node)
		here = append(here, c.at(all, node))
	}
	load := startLoad(t, all, 5*time.Millisecond) // the rest of the machine is for what is written beside it
	l := &ledger{count: map[string]int{}}
	workers := newWorkers(l, rand.Uint64())
	for _, step := range []struct {
		node int
		bin  string
	}{{1, fresh}, {0, fresh}, {1, old}, {0, old}} {
		node := c.nodes[step.node]
		node.bin = step.bin
		_ = node.cmd.Process.Signal(syscall.SIGTERM)
		<-node.done
		if _, err := node.start(); err != nil {
			t.Fatal(err)
		}
		load.goesOn(t)
		for _, writes := range c.nodes {
			exercise(t, c.asAdmin(t, all, writes), workers)
			agree(t, l, here...)
		}
	}
	for _, reads := range here {
		for _, err := range l.checkAll(t.Context(), reads) {
			t.Errorf("in the end: lost %v", err)
		}
	}
	for what, n := range load.stop() {
		t.Errorf("%d times %s", n, what)
	}
	auditHolds(t, all)
	t.Logf("2 nodes, up and down again: %d tokens, %d failed requests; acknowledged by either release and read by both: %s",
		load.answers.Load(), load.failures(), l)
}

// upgradeInPlace replaces the binary of a server with a SQLite database, and
// takes the old one back, twice.
func upgradeInPlace(t *testing.T, old, fresh string) {
	t.Helper()
	s := newServer(t)
	l := &ledger{count: map[string]int{}}
	workers := newWorkers(l, rand.Uint64())
	var c *callers
	for i, bin := range []string{old, fresh, old, fresh} {
		s.bin = bin
		if _, err := s.start(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c, err = s.call(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := prepare(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		exercise(t, c, workers)
		agree(t, l, c)
		if i == 3 {
			for _, err := range l.checkAll(t.Context(), c) {
				t.Errorf("in the end: lost %v", err)
			}
			auditHolds(t, c)
		}
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		<-s.done
		integrity(t, s)
	}
	t.Logf("old, new, old, new on one database: %s", l)
}

// exercise does a number of things of each kind by way of c.
func exercise(t *testing.T, c *callers, workers []*worker) {
	t.Helper()
	turns := map[form]int{formShort: 4, formCI: 6, formLong: 200}[theForm()]
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for range turns {
				if err := w.turn(t.Context(), c); err != nil {
					t.Errorf("%s: %v", w.name, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// agree waits until all that was acknowledged since the last time is so
// wherever it is asked: another node may have written it a moment ago.
func agree(t *testing.T, l *ledger, everywhere ...*callers) {
	t.Helper()
	for _, c := range everywhere {
		var lost []error
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // another process
			if lost = check(t.Context(), c, l.fresh); len(lost) == 0 {
				break
			}
			if time.Now().After(end) {
				for _, err := range lost[:min(len(lost), 5)] {
					t.Errorf("not so after 10 s: %v", err)
				}
				break
			}
		}
	}
	l.settled, l.fresh = append(l.settled, l.fresh...), nil
}

// auditHolds has the server check the chain of the audit log, whose rows both
// releases wrote.
func auditHolds(t *testing.T, c *callers) {
	t.Helper()
	if v, err := c.api.VerifyAudit(t.Context(), ""); err != nil {
		t.Errorf("the audit log: %v", err)
	} else {
		t.Logf("the audit log: %+v", *v)
	}
}

// TestPreviousConfiguration: the settings that the release before wrote for a
// new server are understood by this one, and the other way round.
func TestPreviousConfiguration(t *testing.T) {
	old, fresh := releases(t)
	for _, pair := range [][2]string{{old, fresh}, {fresh, old}} {
		dir := filepath.Join(t.TempDir(), "new")
		for _, cmd := range []*exec.Cmd{
			exec.CommandContext(t.Context(), pair[0], "init", "--issuer", "https://auth.example.com", "--dir", dir),
			exec.CommandContext(t.Context(), pair[1], "config", "show", "--config", filepath.Join(dir, "server.yaml")),
		} {
			cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MINTAGE_") })
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", cmd.Args[1:], err, out)
			}
		}
	}
}
