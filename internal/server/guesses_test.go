package server_test

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/internal/server"
)

// askFrom asks for a token as a client from an address behind the proxy that
// this test is, and returns the status and the Retry-After.
func (r *running) askFrom(ctx context.Context, from netip.Addr, id, secret string) (int, string) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.public+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", from.String())
	req.Header.Set("X-Forwarded-Proto", "https")
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	_ = res.Body.Close()
	return res.StatusCode, res.Header.Get("Retry-After")
}

// TE-11: wrong secrets from one address and from 500. Attempts are bounded per
// client and per address, and the real clients keep working: that
// whose secret we made, and the one whose imported secret is known, from the
// guessed address as from another; and one whose imported secret has not been
// seen, from another.
func TestGuessing(t *testing.T) { //nolint:paralleltest // it keeps the processors busy
	const guesses = 1500 // internal/issue has 10,000, without the network
	first := netip.MustParseAddr("203.0.113.1")
	for name, c := range map[string]struct {
		addresses int
		looked    [2]int // at least and at most
	}{"one address": {1, [2]int{20, 25}}, "500 addresses": {500, [2]int{500, 1100}}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, server.Config{BehindProxy: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			r.importForeign()
			if status, _ := r.askFrom(t.Context(), first, "sha256sum", foreignSecret); status != http.StatusOK {
				t.Fatal(status)
			}
			statuses := r.guess(t, "sha256sum", first, c.addresses, guesses)
			looked := statuses[http.StatusBadRequest]
			if looked < c.looked[0] || looked > c.looked[1] || looked+statuses[http.StatusTooManyRequests] != guesses {
				t.Errorf("of %d guesses the answers were %v, want %v looked at and the others refused with 429", guesses, statuses, c.looked)
			}
			t.Logf("%d guesses from %d addresses: %v", guesses, c.addresses, statuses)
			other := netip.MustParseAddr("198.51.100.7")
			for _, real := range []struct {
				what, id, secret string
				from             netip.Addr
			}{
				{"generated, at the guesser's address", r.demo.ClientID, r.demo.Secret, first},
				{"imported and known, at the guesser's address", "sha256sum", foreignSecret, first},
				{"imported and known, elsewhere", "sha256sum", foreignSecret, other},
				{"imported and not seen yet, elsewhere", "htpasswd", foreignSecret, other},
			} {
				if status, _ := r.askFrom(t.Context(), real.from, real.id, real.secret); status != http.StatusOK {
					t.Errorf("%s: %d", real.what, status)
				}
			}
			if c.addresses > 1 {
				return
			}
			status, retry := r.askFrom(t.Context(), first, "sha256sum", "one more")
			if seconds, err := strconv.Atoi(retry); status != http.StatusTooManyRequests || err != nil || seconds < 1 {
				t.Errorf("one more guess: %d, Retry-After %q", status, retry)
			}
		})
	}
}

// guess sends wrong secrets, each another one, and counts the answers by status.
func (r *running) guess(t *testing.T, id string, first netip.Addr, addresses, n int) map[int]int {
	t.Helper()
	const workers = 20
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < n; i += workers {
				from := first
				for range i % addresses {
					from = from.Next()
				}
				status, _ := r.askFrom(t.Context(), from, id, "guess "+strconv.Itoa(i))
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return statuses
}
