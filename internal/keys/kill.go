package keys

import (
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
)

// Kill returns ks without the use of the key that has the kid, which must be
// among them, and the key that takes over, or nil where none needs to. It is
// pure, as Rotate is. Fresh is a new key of the same algorithm; it joins only
// if it is needed.
//
//   - the killed key neither signs nor verifies from now on, and its private
//     half is destroyed;
//   - if it signed, the key that was next signs at once, or else fresh does:
//     verifiers with a cached key set refuse its tokens until they fetch again;
//   - if it was next, fresh is, and the one that signs goes on until then.
//
// What happens now is dated back by Skew, so that a node with a slow clock does
// not wait with it.
func Kill(ks []*mintage.SigningKey, kid string, fresh *mintage.SigningKey, now time.Time, plan Plan) (out []*mintage.SigningKey, heir *mintage.SigningKey) {
	now = now.UTC().Truncate(time.Second)
	since := now.Add(-Skew)
	at := slices.IndexFunc(ks, func(k *mintage.SigningKey) bool { return k.ID == kid })
	was := ks[at].State(now)
	out = slices.Clone(ks)
	out[at] = killed(ks[at], since)

	in := func(state mintage.KeyState) int {
		return slices.IndexFunc(out, func(k *mintage.SigningKey) bool { return k.Alg == fresh.Alg && k.State(now) == state })
	}
	switch next := in(mintage.KeyNext); {
	case was == mintage.KeyNext && next < 0:
		out = Rotate(out, fresh, now, plan)
		return out, out[len(out)-1]
	case was != mintage.KeyActive || in(mintage.KeyActive) >= 0:
		return out, nil
	case next >= 0:
		heir = ended(out[next], time.Time{}, time.Time{})
		heir.SignsFrom = since
		out[next] = heir
	default:
		heir = ended(fresh, time.Time{}, time.Time{})
		heir.SignsFrom = since
		out = append(out, heir)
	}
	return out, heir
}

// killed returns a copy of k that ended by then, without its private half.
func killed(k *mintage.SigningKey, then time.Time) *mintage.SigningKey {
	c := *k
	earlier := func(t time.Time) time.Time {
		if !t.IsZero() && t.Before(then) {
			return t
		}
		return then
	}
	c.SignsUntil, c.VerifiesUntil, c.Sealed = earlier(k.SignsUntil), earlier(k.VerifiesUntil), nil
	return &c
}
