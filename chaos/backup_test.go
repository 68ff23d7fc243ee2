package chaos_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// so returns what the ledger holds now. What a later request ends is void by the
// time that it is looked for.
func (l *ledger) so() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(slices.Clone(l.settled), l.fresh...)
}

// under starts the mixed load and returns what ends it. Answers that should not
// have come are errors of the test.
func (l *ledger) under(t *testing.T, c *callers, workers []*worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	wg := runAll(ctx, c, workers, func(err error) { t.Error(err) })
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// copyFile copies a file that only its owner may read.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBackups is R31 of the fault plan on SQLite: a backup every moment while all
// kinds of writes go on. Each is verified and restored into a new folder, and a
// server there holds everything that was acknowledged before the backup began.
func TestBackups(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.ready(t)
	l := &ledger{count: map[string]int{}}
	stop := l.under(t, c, newWorkers(l, rand.Uint64()))
	cl := &cluster{nodes: []*server{s}, front: s.public}
	rounds := map[form]int{formShort: 1, formCI: 3, formLong: 60}[theForm()]
	var took []time.Duration
	var size int64
	checked := 0
	for range rounds {
		time.Sleep(200 * time.Millisecond) // a load, of another process
		// Each thing is looked for in one backup: wrong secrets without end are
		// refused as guesses.
		before, file := l.so()[checked:], filepath.Join(t.TempDir(), "copy.db")
		began := time.Now()
		if out, err := s.run(t.Context(), "backup", "--data", s.data, "--to", file, "--verify"); err != nil {
			t.Fatalf("backup: %v\n%s", err, out)
		}
		took = append(took, time.Since(began))
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		size = info.Size()
		restored := newServer(t)
		for _, name := range []string{"master.key", "admin.json"} {
			copyFile(t, filepath.Join(s.data, name), filepath.Join(restored.data, name))
		}
		if out, err := s.run(t.Context(), "restore", file, "--data", restored.data, "--yes"); err != nil || strings.Contains(out, "will not start") {
			t.Fatalf("restore: %v\n%s", err, out)
		}
		if _, err := restored.start(); err != nil {
			t.Fatal(err)
		}
		for _, err := range check(t.Context(), cl.asAdmin(t, cl.callers(t), restored), before) {
			t.Errorf("acknowledged before the backup and not in it: %v", err)
		}
		checked += len(before)
		restored.kill()
		if t.Failed() {
			return
		}
	}
	stop()
	slices.Sort(took)
	t.Logf("backups under load: %d of %d restored; %d acknowledged things looked for, lost: 0; %d kB, p50/max %d/%d ms with their verification",
		rounds, rounds, checked, size>>10, took[len(took)/2].Milliseconds(), took[len(took)-1].Milliseconds())
}

// TestPostgresBackups is R31 on PostgreSQL, as docs/howto/back-up.md has it:
// pg_dump and a base backup are taken under load and the log is archived. When
// all is lost, the dump holds what was acknowledged before it, and the base backup
// goes to the point in time that is asked for: to all before it, and no further.
func TestPostgresBackups(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := newDatabase(t, "archive_mode=on", "archive_command=cp %p ../archive/%f")
	d.mkdir("archive")
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
	c := s.ready(t)
	l := &ledger{count: map[string]int{}}
	stop := l.under(t, c, newWorkers(l, rand.Uint64()))
	time.Sleep(200 * time.Millisecond) // a load, of another process
	r := emptyDatabase(t)
	r.must("pg_basebackup", "-h", d.dir, "-U", "mintage", "-D", r.data(), "-c", "fast")
	dumped, dump := l.so(), filepath.Join(r.dir, "mintage.dump")
	r.must("pg_dump", "-h", d.dir, "-U", "mintage", "--format=custom", "--file="+dump, "postgres")
	time.Sleep(200 * time.Millisecond)
	stop()
	before := l.so()
	point := strings.TrimSpace(d.sql("SELECT clock_timestamp()"))
	later, err := c.api.CreateClient(ctx, tenant, adminclient.NewClient{ClientSettings: adminclient.ClientSettings{Name: "After the point"}})
	if err != nil {
		t.Fatal(err)
	}
	segment := strings.TrimSpace(d.sql("SELECT pg_walfile_name(pg_switch_wal())"))
	for end := time.Now().Add(readyIn); ; time.Sleep(20 * time.Millisecond) { // another process, which tells nobody
		if _, err := os.Stat(filepath.Join(d.dir, "archive", segment)); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the log is not archived")
		}
	}
	s.kill()
	d.kill()

	began := time.Now()
	r.set = []string{"restore_command=cp " + d.dir + "/archive/%f %p", "recovery_target_time=" + point, "recovery_target_action=promote"}
	r.touch(filepath.Join(r.data(), "recovery.signal"))
	r.start()
	for end := time.Now().Add(readyIn); strings.TrimSpace(r.sql("SELECT pg_is_in_recovery()")) != "f"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the recovery does not end")
		}
	}
	recovered := time.Since(began)
	holdsOn(t, s, r.url(), before)
	if c, err := s.call(); err != nil {
		t.Error(err)
	} else if _, err := c.api.Client(ctx, tenant, later.ClientID); status(err) != 404 {
		t.Errorf("the client that was made after the point: %v", err)
	}
	s.kill()
	r.must("createdb", "-h", r.dir, "-U", "mintage", "copy")
	r.must("pg_restore", "-h", r.dir, "-U", "mintage", "-d", "copy", dump)
	holdsOn(t, s, strings.Replace(r.url(), "/postgres?", "/copy?", 1), dumped)
	t.Logf("a dump under load: %d acknowledged things looked for, lost: 0; recovered to a point in %v: %d looked for, lost: 0, nothing of what came after",
		len(dumped), recovered.Round(time.Millisecond), len(before))
}

// holdsOn starts s on another database and looks for entries there.
func holdsOn(t *testing.T, s *server, url string, entries []*entry) {
	t.Helper()
	s.env = []string{"MINTAGE_DATABASE_URL=" + url}
	if _, err := s.start(); err != nil {
		t.Fatal(err)
	}
	c, err := s.call()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range check(t.Context(), c, entries) {
		t.Errorf("acknowledged before it and not there: %v", err)
	}
}

// status returns that of an answer of the admin API that is an error.
func status(err error) int {
	if p, ok := err.(*adminclient.Problem); ok { //nolint:errorlint // it is never wrapped
		return p.Status
	}
	return 0
}
