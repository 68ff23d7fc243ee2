//go:build !race

package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// slowForm is how long slow callers hold on, and how many connections each of
// the four kinds has.
type slowForm struct {
	seconds, connections int
}

var slowForms = map[form]slowForm{
	formShort: {seconds: 3, connections: 100},
	formCI:    {seconds: 5, connections: 500},
	formLong:  {seconds: 30, connections: 2000},
}

// bystander calls from an address of its own, each time on a new connection, and
// keeps how long it took.
type bystander struct {
	client *http.Client
	url    string
	took   []time.Duration
	failed []error
}

func newBystander(g *runningGateway) *bystander {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	return &bystander{url: "http://" + g.addr + "/ok", client: &http.Client{
		Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}, Timeout: 10 * time.Second,
	}}
}

func (b *bystander) call(ctx context.Context) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url, http.NoBody)
	if err == nil {
		var res *http.Response
		if res, err = b.client.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode != http.StatusNoContent {
				err = errors.New(res.Status)
			}
		}
	}
	if err != nil {
		b.failed = append(b.failed, err)
		return
	}
	b.took = append(b.took, time.Since(began))
}

func (b *bystander) percentile(p int) time.Duration {
	if len(b.took) == 0 {
		return time.Hour // a machine on which nothing went
	}
	slices.Sort(b.took)
	return b.took[len(b.took)*p/100]
}

// TestSlowCallers is R19 and point 3 of issue 5: slowhttptest's four modes at the
// same time, slow headers, slow bodies, slow readers and many ranges. No call of a
// bystander fails. Once the connections are there, one who calls in turns at that
// gateway and at one that nobody attacks has a p99 there of at most twice the
// other's; making them takes both cores, from whomever. In the end they are gone.
// A bystander is slow when the machine is: of three rounds one has to hold. It
// measures time, so it has the machine to itself: make gates runs it alone, and
// the race detector, which runs beside all else, does not.
func TestSlowCallers(t *testing.T) {
	tool, err := exec.LookPath("slowhttptest")
	if err != nil && ci() {
		t.Fatal("slowhttptest is not installed: scripts/setup does")
	} else if err != nil {
		t.Skip("slowhttptest is not installed: scripts/setup does")
	}
	large := bytes.Repeat([]byte("x"), 1<<20)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/large":
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(large))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(backend.Close)
	f := slowForms[theForm()]
	attacked, calm := newRunningGateway(t, backend.URL), newRunningGateway(t, backend.URL)
	for round := 1; ; round++ {
		here, there, most := f.attack(t, tool, attacked, calm)
		t.Logf("%d connections of each kind for %d s, %v open at once: p99 of a bystander %v of %d calls, without attack %v; p50 %v and %v; %.0f MB resident",
			f.connections, f.seconds, most, here.percentile(99), len(here.took), there.percentile(99), here.percentile(50), there.percentile(50),
			attacked.gauge(t.Context(), "process_resident_memory_bytes")/1e6)
		if len(here.failed) > 0 {
			t.Fatalf("%d calls of the bystander failed: %v", len(here.failed), here.failed[0])
		}
		attack := most >= float64(f.connections)/2
		if attack && here.percentile(99) <= 2*there.percentile(99) {
			break
		}
		if round == 3 {
			t.Errorf("three times in a row the p99 of the bystander is more than twice what it is without attack, or there was none")
			break
		}
	}
	for end := time.Now().Add(30 * time.Second); attacked.gauge(t.Context(), `mintage_gateway_connections{listener="gateway"}`) > 5; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("connections of the slow callers are open still")
		}
	}
}

// attack runs the four modes and returns what the bystander saw at both
// gateways, and how many connections were open at most.
func (f slowForm) attack(t *testing.T, tool string, attacked, calm *runningGateway) (here, there *bystander, most float64) {
	t.Helper()
	common := []string{"-c", strconv.Itoa(f.connections), "-r", strconv.Itoa(f.connections), "-l", strconv.Itoa(f.seconds), "-i", "1", "-p", "10", "-v", "0"}
	url := "http://" + attacked.addr
	var attackers sync.WaitGroup
	for _, mode := range [][]string{
		{"-H", "-u", url + "/"},
		{"-B", "-s", "8192", "-u", url + "/"},
		{"-X", "-w", "10", "-y", "20", "-n", "1", "-z", "5", "-u", url + "/large"},
		{"-R", "-a", "1", "-b", "3000", "-t", "GET", "-u", url + "/large"},
	} {
		attackers.Go(func() {
			out, err := exec.CommandContext(t.Context(), tool, append(slices.Clone(common), mode...)...).CombinedOutput()
			if err != nil {
				t.Errorf("slowhttptest %v: %v\n%s", mode, err, out)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		attackers.Wait()
		close(over)
	}()
	here, there = newBystander(attacked), newBystander(calm)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ramp := time.Now().Add(1500 * time.Millisecond)
	for n := 0; ; n++ {
		select {
		case <-over:
			return here, there, most
		case <-tick.C:
		}
		here.call(t.Context())
		there.call(t.Context())
		if n%50 == 0 {
			most = max(most, attacked.gauge(t.Context(), `mintage_gateway_connections{listener="gateway"}`))
		}
		if !ramp.IsZero() && time.Now().After(ramp) {
			ramp, here.took, there.took = time.Time{}, nil, nil
		}
	}
}
