package chaos_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// sql runs a statement by psql.
func (d *database) sql(statement string) string {
	d.t.Helper()
	out, err := d.command("psql", "-h", d.dir, "-U", "mintage", "-d", "postgres", "-AtqXc", statement).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", statement, err, out)
	}
	return string(out)
}

// newReplica makes a replica that follows d, and lets d wait for it with each
// commit.
func newReplica(t *testing.T, d *database) *database {
	t.Helper()
	r := emptyDatabase(t)
	if out, err := d.command("pg_basebackup", "-h", d.dir, "-U", "mintage", "-D", r.data(), "-R", "-X", "stream", "-c", "fast").CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	r.start()
	d.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
	d.sql("SELECT pg_reload_conf()")
	for end := time.Now().Add(readyIn); d.sql("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1\n"; time.Sleep(20 * time.Millisecond) { // other processes
		if time.Now().After(end) {
			t.Fatal("the replica does not follow")
		}
	}
	return r
}

// TestFailover is R6 of the fault plan: the primary is killed in the middle of
// writes and its replica promoted. Known clients get JWTs all along, writes are
// back within 10 s of the promotion, and nothing acknowledged is lost. The server
// is told of both databases and restarts for neither.
func TestFailover(t *testing.T) {
	rounds := map[form]int{formShort: 1, formCI: 1, formLong: 20}[theForm()]
	var gaps []time.Duration
	written := 0
	for range rounds {
		gap, n := failover(t)
		gaps, written = append(gaps, gap), written+n
	}
	slices.Sort(gaps)
	t.Logf("failovers: %d, acknowledged writes: %d, lost: 0, writes again after the promotion: p50 %v, longest %v",
		rounds, written, gaps[len(gaps)/2].Round(time.Millisecond), gaps[len(gaps)-1].Round(time.Millisecond))
}

func failover(t *testing.T) (gap time.Duration, written int) {
	t.Helper()
	ctx := t.Context()
	primary := newDatabase(t)
	replica := newReplica(t, primary)
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=postgres://mintage@/postgres?sslmode=disable&host=" + primary.dir + "," + replica.dir}
	c := s.ready(t)
	if a := ask(ctx, t, c, pathJWT); a.Status != http.StatusOK {
		t.Fatalf("a token before: %+v", a)
	}
	l := &ledger{count: map[string]int{}}
	working, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for _, w := range newWorkers(l, rand.Uint64()) {
		wg.Go(func() {
			for working.Err() == nil {
				if err := w.turn(working, c); err != nil && working.Err() == nil && !away(err) {
					t.Errorf("%s: %v", w.name, err)
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond) // a load, of another process
	primary.kill()
	for range 10 {
		if a := ask(ctx, t, c, pathJWT); a.Status != http.StatusOK {
			t.Errorf("a JWT without a primary: %d %s", a.Status, a.Error)
		}
	}
	if out, err := replica.command("pg_ctl", "-D", replica.data(), "-w", "promote").CombinedOutput(); err != nil {
		t.Fatalf("promote: %v\n%s", err, out)
	}
	promoted := time.Now()
	for ask(ctx, t, c, pathStored).Status != http.StatusOK {
		if gap = time.Since(promoted); gap > 10*time.Second {
			t.Fatalf("no writes %v after the promotion", gap)
		}
		time.Sleep(20 * time.Millisecond) // another process, which tells nobody
	}
	gap = time.Since(promoted)
	time.Sleep(200 * time.Millisecond)
	stop()
	wg.Wait()
	for _, err := range l.checkAll(ctx, c) {
		t.Errorf("lost: %v", err)
	}
	select {
	case <-s.done:
		t.Error("the server ended")
	default:
	}
	return gap, l.writes()
}

// away reports whether an answer is that of a server whose database is away:
// what was asked may be so or not.
func away(err error) bool {
	if p, ok := errors.AsType[*adminclient.Problem](err); ok {
		return p.Status == http.StatusServiceUnavailable
	}
	u, ok := errors.AsType[*unexpected](err)
	return ok && u.status == http.StatusServiceUnavailable
}
