package keys

import (
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
)

// How long keys last. A key signs for DefaultPeriod, and for LongestPeriod at
// most (NIST SP 800-57 part 1 §5.3.6). Once it is gone its private half is
// destroyed after DestroyAfter, so that no node with a wrong clock misses it,
// and its row is deleted after ForgetAfter: until then it says which key signed
// an old token.
const (
	DefaultPeriod = 90 * 24 * time.Hour
	LongestPeriod = 366 * 24 * time.Hour
	DestroyAfter  = 24 * time.Hour
	ForgetAfter   = mintage.LongestTokenLifetime
)

// Due returns the algorithms, sorted, whose key is to be rotated at now: those
// whose newest key signs for the period already, or will end without another
// that takes over. An algorithm with a key that is next, or with none that
// signs, is not due.
func Due(ks []*mintage.SigningKey, now time.Time, period time.Duration) []string {
	newest := map[string]*mintage.SigningKey{}
	for _, k := range ks {
		state := k.State(now)
		if state != mintage.KeyActive && state != mintage.KeyNext {
			continue
		}
		if n := newest[k.Alg]; n == nil || n.SignsFrom.Before(k.SignsFrom) {
			newest[k.Alg] = k
		}
	}
	var due []string
	for alg, k := range newest {
		old := !now.Before(k.SignsFrom.Add(period))
		if k.State(now) == mintage.KeyActive && (old || !k.SignsUntil.IsZero()) {
			due = append(due, alg)
		}
	}
	slices.Sort(due)
	return due
}

// Spent says what is to be done with a key that has been gone for some time at
// now: destroy its private half, or forget the key altogether.
func Spent(k *mintage.SigningKey, now time.Time) (destroy, forget bool) {
	if k.State(now) != mintage.KeyGone {
		return false, false
	}
	since := now.Sub(k.VerifiesUntil)
	return len(k.Sealed) > 0 && since >= DestroyAfter, since >= ForgetAfter
}
