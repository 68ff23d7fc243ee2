//go:build !race

package clientauth_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/clientauth"
)

// TE-29: the time tells nobody whether a client exists. Of 20,000 requests each,
// one after the other, the median for an unknown client is between those for
// wrong secrets of a client that has one and of a client that has three, up to a
// twentieth.
func TestTimingTellsNothing(t *testing.T) { //nolint:paralleltest // it measures
	const n, rounds, noise = 20_000, 8, 0.05
	a, _ := newAuthenticator(t)
	ids := [3]string{"sol", "one", "six"} // with one secret, with three, and nobody
	median := func(took []time.Duration) float64 {
		slices.Sort(took)
		return float64(took[len(took)/2])
	}
	var seen []string
	for range rounds {
		var took [3][]time.Duration
		for range n / rounds {
			for i, id := range ids {
				req := clientauth.Request{Authorization: basic(id, wrong)}
				began := time.Now()
				if _, err := a.Authenticate(t.Context(), acme, &req); err == nil {
					t.Fatal("a wrong secret is right")
				}
				took[i] = append(took[i], time.Since(began))
			}
		}
		one, three, nobody := median(took[0]), median(took[1]), median(took[2])
		seen = append(seen, fmt.Sprintf("%.0f, %.0f and %.0f ns, ", one, three, nobody))
		if nobody >= min(one, three)*(1-noise) && nobody <= max(one, three)*(1+noise) {
			t.Logf("medians: unknown client %.0f ns, wrong secrets %.0f and %.0f ns", nobody, one, three)
			return // a busy machine may spoil a round, an oracle spoils them all
		}
	}
	t.Errorf("wrong secrets of clients with one and with three, and an unknown client take: %v", seen)
}
