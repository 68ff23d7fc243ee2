//go:build !race

package clientauth_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/clientauth"
)

// TE-29: the time tells nobody whether a client exists. Of 20,000 requests each,
// one after the other, the medians for an unknown client and for a wrong secret
// are as near as those of two clients with wrong secrets, up to a twentieth.
func TestTimingTellsNothing(t *testing.T) { //nolint:paralleltest // it measures
	const n, rounds, noise = 20_000, 8, 0.05
	a, _ := newAuthenticator(t)
	ids := [3]string{"one", "two", "six"} // the last is nobody
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
		one, two, nobody := median(took[0]), median(took[1]), median(took[2])
		apart, equal := math.Abs(nobody-(one+two)/2)/one, math.Abs(one-two)/one
		seen = append(seen, fmt.Sprintf("%.0f, %.0f and %.0f ns, ", one, two, nobody))
		if apart <= max(equal, noise) {
			t.Logf("medians: unknown client %.0f ns, wrong secrets %.0f and %.0f ns", nobody, one, two)
			return // a busy machine may spoil a round, an oracle spoils them all
		}
	}
	t.Errorf("two wrong secrets and an unknown client take: %v", seen)
}
