package agent_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/mintagetest"
)

// length is how long a test under load takes: seconds in a commit's check,
// about half a minute in CI, ten minutes with MINTAGE_CHAOS=long.
func length() time.Duration {
	switch {
	case os.Getenv("MINTAGE_CHAOS") == "long":
		return 10 * time.Minute
	case testing.Short():
		return 4 * time.Second
	}
	return 36 * time.Second
}

// rate is requests a second.
const rate = 200

// load sends requests at a steady rate. It returns how many were sent and what
// went wrong with them.
func load(t *testing.T, d time.Duration, one func(n int) error) (sent int, failed map[string]int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	failed = map[string]int{}
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	slots := make(chan struct{}, 400)
	for end := time.Now().Add(d); time.Now().Before(end); sent++ {
		<-tick.C
		slots <- struct{}{}
		n := sent
		all.Go(func() {
			defer func() { <-slots }()
			if err := one(n); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[err.Error()]++
			}
		})
	}
	all.Wait()
	return sent, failed
}

// behind runs an agent in front of an issuer's API, with the client's secret in
// a file.
func behind(t *testing.T, s *mintagetest.Server) *running {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "client-secret")
	if err := os.WriteFile(secret, []byte(s.ClientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, fmt.Sprintf(`
upstreams:
  api:
    url: %s
    token: { token_url: "%s", client_id: %s, client_secret: { file: %s }, wait: 20s }
`, s.APIURL, s.TokenURL, s.ClientID, secret), nil)
}

// caller sends requests of several shapes through an agent.
func caller(t *testing.T, r *running) func(n int) error {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(tr.CloseIdleConnections)
	client := &http.Client{Transport: tr, Timeout: 30 * time.Second}
	return func(n int) error {
		method, body := http.MethodGet, ""
		if n%3 == 0 {
			method, body = http.MethodPost, `{"n":`+strconv.Itoa(n)+`}`
		}
		req, err := http.NewRequestWithContext(t.Context(), method, r.url+"/api/orders", strings.NewReader(body))
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return errors.New("no answer")
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%d %s", res.StatusCode, res.Header.Get("Mintage-Agent-Error"))
		}
		return nil
	}
}

// TestHostileIssuer: nothing of an issuer's misbehaviour reaches the
// application, and it is not asked much more often than it must be.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	s := mintagetest.New(t, mintagetest.Options{Life: 4 * time.Second, Hostility: mintagetest.Hostility{
		RefusePercent: 5, UnavailablePercent: 10, ResetPercent: 10, TooManyPercent: 5, RetryAfter: time.Second,
	}})
	r := behind(t, s)
	sent, failed := load(t, length(), caller(t, r))
	stats := s.Stats()
	t.Logf("%d requests; issuer: %+v", sent, stats)
	for what, n := range failed {
		t.Errorf("%d of %d requests failed: %s", n, sent, what)
	}
	if stats.Refusals == 0 {
		t.Error("no token was refused: the test shows nothing")
	}
	// Each token lasts until it is renewed, at three quarters of its life at the
	// earliest, but for those that were refused.
	ideal := length().Seconds()/(0.75*4) + 1 + float64(stats.Tokens)*0.05 + 1
	if n := float64(s.Requests()); n > 1.5*ideal {
		t.Errorf("%.0f token requests, more than 1.5 times the ideal %.1f", n, ideal)
	}
}

// TestCachingUnderLoad: one upstream token in each life, whatever the dialect.
func TestCachingUnderLoad(t *testing.T) {
	t.Parallel()
	const life = 2 * time.Second
	s := mintagetest.New(t, mintagetest.Options{Life: life})
	began := time.Now()
	a := start(t, fmt.Sprintf(`
token_endpoints:
  /oauth2/token: { url: "%s" }
  /access-token: { url: "%s" }
  /oauth/token: { url: "%s" }
`, s.TokenURL, s.MyParcelURL, s.DoorkeeperURL), nil)
	tr := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(tr.CloseIdleConnections)
	client := &http.Client{Transport: tr, Timeout: 30 * time.Second}
	var asked atomic.Int64
	ways := []func() (*http.Request, error){
		func() (*http.Request, error) {
			req, err := http.NewRequestWithContext(t.Context(), "POST", a.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
			if err == nil {
				req.SetBasicAuth(s.ClientID, s.ClientSecret)
				req.Header.Set("Content-Type", formType)
			}
			return req, err
		},
		func() (*http.Request, error) {
			req, err := http.NewRequestWithContext(t.Context(), "POST", a.url+"/access-token", strings.NewReader(
				`{"grant_type":"client_credentials","client_id":"`+s.ClientID+`","client_secret":"`+s.ClientSecret+`","scope":"*"}`))
			if err == nil {
				req.Header.Set("Content-Type", "application/json")
			}
			return req, err
		},
		func() (*http.Request, error) {
			return http.NewRequestWithContext(t.Context(), "POST", a.url+"/oauth/token?grant_type=client_credentials&client_id="+s.ClientID+
				"&client_secret="+s.ClientSecret, nil)
		},
	}
	sent, failed := load(t, min(length(), 10*time.Second), func(n int) error {
		asked.Add(1)
		req, err := ways[n%len(ways)]()
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return errors.New("no answer")
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%d", res.StatusCode)
		}
		return nil
	})
	for what, n := range failed {
		t.Errorf("%d of %d requests failed: %s", n, sent, what)
	}
	// Each token is renewed when nine tenths of its life are over, at the earliest.
	lives := int(time.Since(began)/(life*9/10)) + 1
	var saved uint64
	for _, e := range a.Status().TokenEndpoints {
		if e.Fetched < 2 || e.Fetched > uint64(lives) {
			t.Errorf("%s: %d token requests to the server for %d of applications, want 2 at least and one for each of %d lives",
				e.Path, e.Fetched, asked.Load(), lives)
		}
		saved += e.Saved
	}
	if n := s.Requests(); n > lives*len(ways) {
		t.Errorf("%d token requests reached the server, want no more than %d for each of %d dialects", n, lives, len(ways))
	}
	if least := uint64(sent - lives*len(ways)); saved < least {
		t.Errorf("%d tokens saved, want %d or more", saved, least)
	}
}
