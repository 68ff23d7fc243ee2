package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// killForms says how many kills each form has.
var killForms = map[form]int{formShort: 3, formCI: 100, formLong: 1000}

// TestKill is R1 of the fault plan: kill -9 at random points of a mixed load,
// and everything that was acknowledged is there afterwards. It measures how long
// a restart takes, so it has the machine to itself.
func TestKill(t *testing.T) {
	s := newServer(t)
	killRounds(t, s, killForms[theForm()], s.kill, func() { integrity(t, s) })
}

// killRounds kills so many times by strike, which leaves the server dead, and
// holds that nothing acknowledged is lost. Look is called now and then while all
// is dead.
func killRounds(t *testing.T, s *server, kills int, strike, look func()) {
	t.Helper()
	ctx := t.Context()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	c := s.ready(t)
	l := &ledger{count: map[string]int{}}
	workers := newWorkers(l, seed)
	var restarts []time.Duration
	lost, early := 0, 0
	for round := range kills {
		wrong := burst(ctx, s, c, workers, strike, time.Duration(20+random.IntN(130))*time.Millisecond)
		for _, err := range wrong {
			t.Errorf("kill %d: before it, %v", round+1, err)
		}
		if round%10 == 9 || round == kills-1 {
			look()
			early += killWhileStarting(t, s, time.Duration(random.IntN(60))*time.Millisecond)
		}
		took, err := s.start()
		if err != nil {
			t.Fatalf("kill %d: %v", round+1, err)
		}
		restarts = append(restarts, took)
		if c, err = s.call(); err != nil {
			t.Fatal(err)
		}
		missing := l.checkFresh(ctx, c)
		if round == kills-1 {
			missing = append(missing, l.checkAll(ctx, c)...)
		}
		lost += len(missing)
		for _, err := range missing[:min(len(missing), 5)] {
			t.Errorf("after kill %d: lost %v", round+1, err)
		}
		if t.Failed() {
			break
		}
	}
	slices.Sort(restarts)
	p50 := restarts[len(restarts)/2]
	t.Logf("seed %d; acknowledged: %s", seed, l)
	t.Logf("kills: %d, acknowledged writes: %d, lost: %d, restart p50/max %d/%d ms (and %d kills of a server that was starting)",
		len(restarts), l.writes(), lost, p50.Milliseconds(), restarts[len(restarts)-1].Milliseconds(), early)
	if p50 > time.Second {
		t.Errorf("half of the restarts took more than %v, want at most 1 s", p50)
	}
	for _, kind := range kinds {
		if l.count[kind] == 0 && kills > 50 {
			t.Errorf("the load had no %s", kind)
		}
	}
}

// burst runs the load for a while, strikes in the middle of it, and returns
// answers that should not have come.
func burst(ctx context.Context, s *server, c *callers, workers []*worker, strike func(), after time.Duration) []error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu    sync.Mutex
		wrong []error
	)
	wg := runAll(ctx, c, workers, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		wrong = append(wrong, err)
	})
	select {
	case <-time.After(after):
	case <-s.done:
		wrong = append(wrong, fmt.Errorf("the server ended by itself:\n%s", s.stderr.tail(2000)))
	}
	strike()
	cancel()
	wg.Wait()
	c.http.CloseIdleConnections()
	return wrong
}

// killWhileStarting starts the server and kills it before or just after it is
// ready: recovery must bear that too.
func killWhileStarting(t *testing.T, s *server, after time.Duration) int {
	t.Helper()
	if _, err := s.launch(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-time.After(after):
	case <-s.done:
		t.Errorf("the server ended by itself:\n%s", s.stderr.tail(2000))
	}
	s.kill()
	return 1
}

// integrity lets another implementation, the SQLite of Debian's Python, judge a
// copy of the database and its log as the kill left them.
func integrity(t *testing.T, s *server) {
	t.Helper()
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		if ci() {
			t.Fatalf("the integrity check needs %s", python)
		}
		t.Logf("without %s the database was not checked", python)
		return
	}
	dir := t.TempDir()
	for _, name := range []string{"mintage.db", "mintage.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(s.data, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		} else if name != "mintage.db" && os.IsNotExist(err) {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const look = `import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute("PRAGMA integrity_check").fetchall(), c.execute("PRAGMA foreign_key_check").fetchall())`
	out, err := exec.CommandContext(t.Context(), python, "-c", look, filepath.Join(dir, "mintage.db")).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "[('ok',)] []" {
		t.Errorf("integrity check: %v %s", err, got)
	}
}

// String says how many of each kind there are.
func (l *ledger) String() string {
	var parts []string
	for _, kind := range kinds {
		parts = append(parts, fmt.Sprintf("%d × %s", l.count[kind], kind))
	}
	return strings.Join(parts, ", ")
}
