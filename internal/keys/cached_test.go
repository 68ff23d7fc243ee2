package keys_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
)

// KY-04 and MD-08: however rotations follow one another, a verifier whose copy
// of the key set is as old as the Cache-Control allows knows the key of every
// token that has not expired.
func TestNoGoodTokenIsRefused(t *testing.T) {
	t.Parallel()
	const keep = 20 * time.Minute
	rapid.Check(t, func(t *rapid.T) {
		ks := []*mintage.SigningKey{key("0", "ES256")}
		type moment struct {
			now    time.Time
			public []string // kids in the key set
			signs  string
		}
		var past []moment
		period := time.Duration(rapid.IntRange(1, 60).Draw(t, "period")) * time.Minute
		for i := range 90 {
			now := noon.Add(time.Duration(i) * time.Minute)
			forced := rapid.IntRange(0, 20).Draw(t, "forced") == 0
			if forced || len(keys.Due(ks, now, period)) > 0 {
				ks = keys.Rotate(ks, key(string(rune('A'+i)), "ES256"), now, keys.Plan{Wait: keys.DefaultWait, Keep: keep})
			}
			m := moment{now: now}
			for _, k := range ks {
				state := k.State(now)
				if state != mintage.KeyGone {
					m.public = append(m.public, k.ID)
				}
				if state == mintage.KeyActive {
					m.signs = k.ID
				}
			}
			past = append(past, m)
		}
		for _, at := range past {
			for _, age := range []time.Duration{0, time.Minute, keys.JWKSMaxAge} {
				j := slices.IndexFunc(past, func(m moment) bool { return m.now.Equal(at.now.Add(-age)) })
				if j < 0 {
					continue // before the server was there
				}
				for _, minted := range past {
					live := !minted.now.After(at.now) && at.now.Before(minted.now.Add(keep))
					if live && !slices.Contains(past[j].public, minted.signs) {
						t.Fatalf("at %s a key set of %s does not have %s, which signed at %s", at.now, age, minted.signs, minted.now)
					}
				}
			}
		}
	})
}
