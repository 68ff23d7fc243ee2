package chaos_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// beside returns a second server on the data directory of s, which is not started.
func beside(t *testing.T, s *server) *server {
	t.Helper()
	other := newServer(t)
	other.data = s.data
	return other
}

// run runs a command of mintage to its end and returns all that it said.
func (s *server) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.bin, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MINTAGE_") })
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestTwoOnOneFile is R33 of the fault plan: two servers write to one SQLite
// file, and one after the other is killed -9 and started again at once, while the
// other goes on. Nothing acknowledged by either is lost on either, and the file
// is sound.
func TestTwoOnOneFile(t *testing.T) {
	t.Parallel()
	rounds := map[form]int{formShort: 1, formCI: 4, formLong: 100}[theForm()]
	first := newServer(t)
	cl := &cluster{nodes: []*server{first, beside(t, first)}, front: first.public}
	first.ready(t)
	if _, err := cl.nodes[1].start(); err != nil {
		t.Fatal(err)
	}
	l := &ledger{count: map[string]int{}}
	seed := rand.Uint64()
	workers := newWorkers(l, seed)
	half := len(workers) / 2
	for round := range rounds {
		all := cl.callers(t)
		here := []*callers{cl.asAdmin(t, all, cl.nodes[0]), cl.asAdmin(t, all, cl.nodes[1])}
		cl.learn(t, all, cl.nodes[1])
		ctx, cancel := context.WithCancel(t.Context())
		wrong := func(err error) { t.Errorf("round %d: %v", round+1, err) }
		at := []*sync.WaitGroup{runAll(ctx, here[0], workers[:half], wrong), runAll(ctx, here[1], workers[half:], wrong)}
		time.Sleep(150 * time.Millisecond) // a load, of other processes
		victim := cl.nodes[round%2]
		victim.kill()
		if round == 0 || round == rounds-1 {
			offlineBeside(t, cl.nodes[1-round%2])
		}
		if _, err := victim.start(); err != nil {
			t.Fatal(err)
		}
		cancel()
		for _, wg := range at {
			wg.Wait()
		}
		// Whose first request the kill cut off has no token.
		agree(t, l, cl.asAdmin(t, all, cl.nodes[0]), cl.asAdmin(t, all, cl.nodes[1]))
		if t.Failed() {
			return
		}
	}
	all := cl.callers(t)
	for _, node := range cl.nodes {
		for _, err := range l.checkAll(t.Context(), cl.asAdmin(t, all, node)) {
			t.Errorf("in the end: lost %v", err)
		}
	}
	for _, node := range cl.nodes {
		node.kill()
	}
	integrity(t, first)
	t.Logf("seed %d: two servers on one file, %d kills, %d acknowledged writes, lost: 0, the file is sound", seed, rounds, l.writes())
}

// offlineBeside runs the commands that work on the database itself beside a
// server that is busy: each does its work, or refuses and says what to do.
func offlineBeside(t *testing.T, s *server) {
	t.Helper()
	copied := t.TempDir() + "/copy.db"
	for _, c := range []struct {
		args []string
		says string
		ok   bool
	}{
		{[]string{"backup", "--data", s.data, "--to", copied, "--verify"}, "verified", true},
		{[]string{"migrate", "status", "--data", s.data}, "up to date", true},
		{[]string{"migrate", "up", "--data", s.data}, "up to date", true},
		{[]string{"restore", copied, "--data", s.data, "--yes"}, "stop it first", false},
		{[]string{"serve", "--data", s.data, "--listen", s.public, "--admin-listen", s.admin}, "another process has that address", false},
	} {
		if out, err := s.run(t.Context(), c.args...); (err == nil) != c.ok || !strings.Contains(out, c.says) {
			t.Errorf("mintage %s: %v\n%s", strings.Join(c.args, " "), err, out)
		}
	}
}

// TestStartTwice: two servers that are started at once on an empty data
// directory agree on one database, one master key and one administrator, or one
// of them refuses; neither leaves anything half done.
func TestStartTwice(t *testing.T) {
	t.Parallel()
	rounds := map[form]int{formShort: 1, formCI: 3, formLong: 100}[theForm()]
	refused := 0
	for range rounds {
		first := newServer(t)
		both := []*server{first, beside(t, first)}
		errs := make([]error, len(both))
		var wg sync.WaitGroup
		for i, s := range both {
			wg.Go(func() { _, errs[i] = s.start() })
		}
		wg.Wait()
		for i, s := range both {
			if errs[i] != nil {
				refused++
				if errs[1-i] != nil {
					t.Fatalf("neither started: %v, %v", errs[0], errs[1])
				}
				t.Logf("one refused: %v", errs[i])
				continue
			}
			c, err := s.callAt("http://" + s.admin)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.api.Token(t.Context()); err != nil {
				t.Errorf("the administrator at server %d: %v", i+1, err)
			}
		}
		for _, s := range both {
			s.kill()
		}
		integrity(t, first)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d times two servers started at once on an empty folder: %d refused, each file is sound", rounds, refused)
}
