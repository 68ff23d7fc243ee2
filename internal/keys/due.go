package keys

import (
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
)

// How long keys last. A key signs for DefaultPeriod, and for LongestPeriod at
// most. Once it is gone its private half is destroyed after DestroyAfter, so
// that no node with a wrong clock misses it, and its row is deleted after
// ForgetAfter: until then it says which key signed an old token.
const (
	DefaultPeriod = mintage.DefaultKeyPeriod
	LongestPeriod = mintage.LongestKeyPeriod
	DestroyAfter  = 24 * time.Hour
	ForgetAfter   = mintage.LongestTokenLifetime

	// Grace is how long a rotation may be late before somebody should look why.
	// The server looks every hour whether one is due.
	Grace = 24 * time.Hour
)

// DueAt returns when k is to be replaced: a period after it began to sign. It
// is zero where k has an end already.
func DueAt(k *mintage.SigningKey, period time.Duration) time.Time {
	if !k.SignsUntil.IsZero() || !k.VerifiesUntil.IsZero() {
		return time.Time{}
	}
	return k.SignsFrom.Add(period)
}

// Overdue returns the keys that sign at now, end within Grace or were to be
// replaced that long ago, and have no successor. There are none where the
// server rotates keys as it should.
func Overdue(ks []*mintage.SigningKey, now time.Time, period time.Duration) []*mintage.SigningKey {
	late := slices.DeleteFunc(slices.Clone(ks), func(k *mintage.SigningKey) bool {
		end := k.SignsUntil.Add(-Grace)
		if due := DueAt(k, period); !due.IsZero() {
			end = due.Add(Grace)
		}
		return k.State(now) != mintage.KeyActive || now.Before(end)
	})
	return slices.DeleteFunc(late, func(k *mintage.SigningKey) bool {
		return slices.ContainsFunc(ks, func(heir *mintage.SigningKey) bool {
			state := heir.State(now)
			return heir.Alg == k.Alg && heir.SignsFrom.After(k.SignsFrom) && (state == mintage.KeyNext || state == mintage.KeyActive)
		})
	})
}

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
