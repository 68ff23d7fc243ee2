package chaos_test

import (
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// kindOf is what callers of one path met.
type kindOf struct {
	mu       sync.Mutex
	took     []time.Duration
	statuses map[int]int
}

func (k *kindOf) percentile(p int) time.Duration {
	slices.Sort(k.took)
	return k.took[(len(k.took)-1)*p/100].Round(time.Millisecond)
}

// TestSlowDatabase is R7 of the fault plan: a database that is 300 ms away, and
// then one that says nothing. JWTs for known clients come from what is cached and
// do not wait for it; stored tokens wait, within the pool that there is, and are
// 503 when it has said nothing for 5 s. Requests do not pile up, nothing is left
// of them, and the server can be stopped all the same.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := newDatabase(t)
	l := newLink(t, d)
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=" + l.url(), "MINTAGE_DATABASE_MAX_CONNECTIONS=6"}
	c := s.ready(t)
	for _, path := range []string{pathJWT, pathStored} {
		if a := ask(ctx, t, c, path); a.Status != http.StatusOK {
			t.Fatalf("before: %+v", a)
		}
	}
	waitFor(t, s, d, c) // caches, prepared statements
	before := settled(t, s, d, c)
	l.set(linkState{each: 150 * time.Millisecond})
	jwt, stored, most := waitFor(t, s, d, c)
	if jwt.statuses[http.StatusOK] != len(jwt.took) || stored.statuses[http.StatusOK]+stored.statuses[http.StatusServiceUnavailable] != len(stored.took) {
		t.Errorf("a slow database: JWTs %v, stored tokens %v", jwt.statuses, stored.statuses)
	}
	if jwt.percentile(50) >= stored.percentile(50) {
		t.Errorf("half of the JWTs took more than %v, of the stored tokens %v: they wait for the database", jwt.percentile(50), stored.percentile(50))
	}
	t.Logf("a database 300 ms away: %d JWTs, p50/p99 %v/%v; %d stored tokens, p50 %v, %v; goroutines %d before, at most %d",
		len(jwt.took), jwt.percentile(50), jwt.percentile(99), len(stored.took), stored.percentile(50), stored.statuses, before.Goroutines, most.Goroutines)
	flat(t, before, most)

	l.set(linkState{up: true})
	jwt, stored, most = waitFor(t, s, d, c)
	if jwt.statuses[http.StatusOK] != len(jwt.took) || stored.statuses[http.StatusServiceUnavailable] != len(stored.took) {
		t.Errorf("a database that says nothing: JWTs %v, stored tokens %v", jwt.statuses, stored.statuses)
	}
	t.Logf("a database that says nothing: %d JWTs, p50/p99 %v/%v; %d stored tokens refused after %v at most; goroutines at most %d",
		len(jwt.took), jwt.percentile(50), jwt.percentile(99), len(stored.took), stored.percentile(100), most.Goroutines)
	flat(t, before, most)

	l.set(linkState{})
	for end := time.Now().Add(readyIn); ask(ctx, t, c, pathStored).Status != http.StatusOK; time.Sleep(20 * time.Millisecond) { // another process
		if time.Now().After(end) {
			t.Fatal("the server does not go on")
		}
	}
	if after := settled(t, s, d, c); after.Goroutines > before.Goroutines+5 || after.Files > before.Files+5 {
		t.Errorf("the server holds %+v, and held %+v", after, before)
	}
	l.set(linkState{up: true})
	began := time.Now()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	const patience = 20 * time.Second // the least that deploy/ has is 20 s
	select {
	case <-s.done:
		t.Logf("stopped without its database in %v, exit code %d", time.Since(began).Round(time.Millisecond), s.cmd.ProcessState.ExitCode())
	case <-time.After(patience):
		t.Errorf("runs on %v after SIGTERM, without its database", patience)
	}
}

// crowdOf is how many callers of each kind wait.
const crowdOf = 20

// flat fails the test where there are more goroutines than callers account for:
// two for a connection, and two for what it waits for.
func flat(t *testing.T, before, most holdings) {
	t.Helper()
	if limit := before.Goroutines + 2*crowdOf*4; most.Goroutines > limit {
		t.Errorf("%d goroutines, %d before, for %d callers", most.Goroutines, before.Goroutines, 2*crowdOf)
	}
}

// waitFor has callers of JWTs ask for a while and callers of stored tokens ask
// until each had an answer at least, and returns what they met and the most that
// the server held meanwhile.
func waitFor(t *testing.T, s *server, d *database, c *callers) (jwt, stored *kindOf, most holdings) {
	t.Helper()
	over := time.Now().Add(time.Second)
	jwt, stored = &kindOf{statuses: map[int]int{}}, &kindOf{statuses: map[int]int{}}
	var wg sync.WaitGroup
	for i := range 2 * crowdOf {
		path, k := pathJWT, jwt
		if i%2 == 1 {
			path, k = pathStored, stored
		}
		wg.Go(func() {
			for first := true; first || time.Now().Before(over); first = false {
				began := time.Now()
				a, err := c.token(t.Context(), path, checker, checkerSecret)
				took := time.Since(began)
				if err != nil {
					t.Error(err)
					return
				}
				k.mu.Lock()
				k.took = append(k.took, took)
				k.statuses[a.Status]++
				k.mu.Unlock()
				time.Sleep(10 * time.Millisecond) // the rest of the machine is for the server
			}
		})
	}
	time.Sleep(time.Until(over))
	most = holds(t, s, d, &callers{http: &http.Client{}})
	wg.Wait()
	return jwt, stored, most
}
