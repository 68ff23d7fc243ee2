package chaos_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// conflicts has PostgreSQL refuse one in five commits with 40001, as CockroachDB
// does where transactions meet, and others do at their strictest. Each
// transaction that writes a row is asked once, at its commit.
const conflicts = `
CREATE SEQUENCE conflicts_met;
CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF coalesce(current_setting('chaos.asked', true), '') <> '' THEN RETURN NULL; END IF;
	PERFORM set_config('chaos.asked', 'yes', true);
	IF random() < 0.2 THEN
		PERFORM nextval('conflicts_met');
		RAISE EXCEPTION 'restart transaction' USING ERRCODE = '40001';
	END IF;
	RETURN NULL;
END $$;
DO $$
DECLARE name text;
BEGIN
	FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE 'schema_%' LOOP
		EXECUTE format('CREATE CONSTRAINT TRIGGER conflict AFTER INSERT OR UPDATE OR DELETE ON %I
			DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION conflict()', name);
	END LOOP;
END $$`

// retryAfter fails the test where an answer of 503 does not say when to come
// again.
type retryAfter struct {
	t    *testing.T
	next http.RoundTripper
	n    atomic.Int64 // of 503
}

func (r *retryAfter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		r.n.Add(1)
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || seconds < 1 {
			r.t.Errorf("%s %s: 503 with Retry-After %q", req.Method, req.URL.Path, resp.Header.Get("Retry-After"))
		}
	}
	return resp, err
}

// TestConflicts is R8 of the fault plan: one in five commits fails with 40001 on
// every path that writes, and then connections are cut on top of it. What is
// answered is right or 503 with Retry-After, nothing acknowledged is lost, and
// nothing is done that was not acknowledged, but for writes whose commit was cut
// off.
func TestConflicts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := newDatabase(t)
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
	c := s.ready(t)
	d.sql(conflicts)
	answers := &retryAfter{t: t, next: c.http.Transport}
	c.http.Transport = answers
	l := &ledger{count: map[string]int{}}
	workers := newWorkers(l, rand.Uint64())
	long := map[form]time.Duration{formShort: time.Second, formCI: 2 * time.Second, formLong: time.Minute}[theForm()]
	var refused int64
	met := 0
	for end := time.Now().Add(readyIn); met < 25 && time.Now().Before(end); { // a machine that has other work too
		refused += busy(ctx, t, c, workers, long, nil)
		met = number(t, strings.TrimSpace(d.sql("SELECT last_value FROM conflicts_met")))
	}
	made := clients(ctx, t, c)
	if acknowledged := l.count[kindClient] + 1; made != acknowledged { // and the checker
		t.Errorf("%d clients are there and %d were acknowledged: one was made by a request that was refused, or twice", made, acknowledged)
	}
	t.Logf("%d commits failed with 40001; %d acknowledged writes, %d requests answered 503, wrong answers: 0", met, l.writes(), refused)
	if met < 25 {
		t.Error("too few conflicts to tell anything")
	}
	cuts := 0
	refused = busy(ctx, t, c, workers, long, func() {
		d.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mintage'")
		cuts++
	})
	d.sql("DROP FUNCTION conflict CASCADE")
	for end := time.Now().Add(readyIn); ask(ctx, t, c, pathStored).Status != http.StatusOK; time.Sleep(20 * time.Millisecond) { // another process
		if time.Now().After(end) {
			t.Fatal("the server does not go on")
		}
	}
	for _, err := range l.checkAll(ctx, c) {
		t.Errorf("lost: %v", err)
	}
	t.Logf("and all connections cut %d times: %d acknowledged writes in all, lost: 0, %d requests answered 503; 503 in all: %d, each with Retry-After",
		cuts, l.writes(), refused, answers.n.Load())
}

// busy lets the workers work for so long, and does something every 300 ms. An
// answer may be 503, which it counts.
func busy(ctx context.Context, t *testing.T, c *callers, workers []*worker, long time.Duration, now func()) (refused int64) {
	t.Helper()
	working, stop := context.WithTimeout(ctx, long)
	defer stop()
	var n atomic.Int64
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for working.Err() == nil {
				switch err := w.turn(ctx, c); { // what is under way at the end is answered
				case err == nil:
				case away(err):
					n.Add(1)
				default:
					t.Errorf("%s: %v", w.name, err)
					return
				}
			}
		})
	}
	for tick := time.NewTicker(300 * time.Millisecond); working.Err() == nil; {
		select {
		case <-tick.C:
			if now != nil {
				now()
			}
		case <-working.Done():
			tick.Stop()
		}
	}
	wg.Wait()
	return n.Load()
}

// clients counts those of the tenant.
func clients(ctx context.Context, t *testing.T, c *callers) (n int) {
	t.Helper()
	for _, err := range c.api.Clients(ctx, tenant, adminclient.List{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
