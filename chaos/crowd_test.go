package chaos_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// poolSize is how many connections to PostgreSQL the server of TestCrowd may
// have; ten times as many callers come.
const poolSize = 6

// TestCrowd: ten times as many connections as the pool has keep the server
// busy, beside callers that hang up in the middle of their request or do not
// wait for the answer. Nobody else is refused anything, and afterwards the
// server holds no more goroutines, files and database connections than before.
// A peer of ours stops issuing in this place: it looks up a key while it holds a
// transaction.
func TestCrowd(t *testing.T) {
	d := newDatabase(t)
	s := newServer(t)
	s.env = []string{"MINTAGE_DATABASE_URL=" + d.url(), "MINTAGE_DATABASE_MAX_CONNECTIONS=" + strconv.Itoa(poolSize)}
	c := s.ready(t)
	waves := map[form]int{formShort: 1, formCI: 3, formLong: 60}[theForm()]
	crowd(t, s, c) // caches, prepared statements, buffers
	before := settled(t, s, d, c)
	var rates []string
	for range waves {
		rates = append(rates, strconv.Itoa(crowd(t, s, c)))
	}
	after := settled(t, s, d, c)
	if after.Goroutines > before.Goroutines+5 || after.Files > before.Files+5 || after.Backends > poolSize+1 { // one listens
		t.Errorf("the server holds %+v, and held %+v", after, before)
	}
	t.Logf("%d callers over %d connections to the database, %s tokens in waves of a second; held before %+v, after %+v",
		10*poolSize, poolSize, strings.Join(rates, ", "), before, after)
}

// holdings are what a leak would make grow.
type holdings struct{ Goroutines, Files, Backends int }

// settled waits until nothing gets less any more: what hung up is noticed a
// little later.
func settled(t *testing.T, s *server, d *database, c *callers) holdings {
	t.Helper()
	last, same := holdings{}, 0
	for end := time.Now().Add(readyIn); ; time.Sleep(100 * time.Millisecond) { // another process
		h := holds(t, s, d, c)
		if same++; h != last {
			last, same = h, 0
		}
		if same == 5 {
			return h
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not come to rest: %+v", h)
		}
	}
}

// holds reads the three figures, with no connection of the test's own open.
func holds(t *testing.T, s *server, d *database, c *callers) holdings {
	t.Helper()
	c.http.CloseIdleConnections()
	resp, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var h holdings
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		name, value, _ := strings.Cut(sc.Text(), " ")
		n, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "go_goroutines":
			h.Goroutines = int(n)
		case "process_open_fds":
			h.Files = int(n)
		}
	}
	out, err := d.command("psql", "-h", d.dir, "-U", "mintage", "-d", "postgres", "-Atc",
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if h.Backends = number(t, strings.TrimSpace(string(out))); h.Goroutines == 0 || h.Files == 0 || h.Backends == 0 {
		t.Fatalf("a figure is missing: %+v", h)
	}
	return h
}

// crowd sends for a second and returns how many tokens were got.
func crowd(t *testing.T, s *server, c *callers) int {
	t.Helper()
	end := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	counts := make([]int, 10*poolSize)
	for i := range counts {
		path := []string{pathStored, pathJWT}[i%2]
		wg.Go(func() {
			for counts[i] == 0 || time.Now().Before(end) {
				a, err := c.token(t.Context(), path, checker, checkerSecret)
				if err := good("a token", a, err); err != nil {
					t.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	for i := range 2 * poolSize {
		wg.Go(func() {
			for n := i; time.Now().Before(end); n++ {
				hangUp(t, s, n)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

// hangUp begins a request for a stored token and leaves: within the head,
// within the body, or before the answer.
func hangUp(t *testing.T, s *server, n int) {
	t.Helper()
	conn, err := net.Dial("tcp", s.public)
	if err != nil {
		t.Error(err)
		return
	}
	body := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}.Encode()
	whole := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		pathStored, s.public, base64.StdEncoding.EncodeToString([]byte(checker+":"+checkerSecret)), len(body), body)
	part := []int{len(whole), len(whole) - 5, 40}[n%3]
	_, _ = conn.Write([]byte(whole[:part]))
	_ = conn.Close()
}
