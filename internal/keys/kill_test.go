package keys_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
)

// KY-05: the killed key is gone at once, on nodes with slow clocks too, and
// another signs at once.
func TestKill(t *testing.T) {
	t.Parallel()
	plan := keys.Plan{Wait: keys.DefaultWait, Keep: time.Hour}
	sealed := func(id, alg string) *mintage.SigningKey {
		k := key(id, alg)
		k.Sealed = []byte("sealed")
		return k
	}
	alone := []*mintage.SigningKey{sealed("rsa", "RS256"), sealed("old", "ES256")}
	rotating := keys.Rotate(alone, sealed("next", "ES256"), noon, plan)
	rotated := noon.Add(keys.DefaultWait)
	for _, c := range []struct {
		name string
		ks   []*mintage.SigningKey
		kid  string
		now  time.Time
		want string
		heir string
	}{
		{"the only one", alone, "old", noon, "rsa active\nold gone\nfresh active\n", "fresh"},
		{"with a next one", rotating, "old", noon, "rsa active\nold gone\nnext active\n", "next"},
		{"the next one", rotating, "next", noon, "rsa active\nold active\nnext gone\nfresh next\n", "fresh"},
		{"the one after", rotating, "next", rotated, "rsa active\nold retiring\nnext gone\nfresh active\n", "fresh"},
		{"a retiring one", rotating, "old", rotated, "rsa active\nold gone\nnext active\n", ""},
		{"a gone one", rotating, "old", rotated.Add(2 * time.Hour), "rsa active\nold gone\nnext active\n", ""},
	} {
		before := states(c.ks, c.now)
		out, heir := keys.Kill(c.ks, c.kid, sealed("fresh", "ES256"), c.now, plan)
		if got := states(out, c.now); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
		if heir == nil && c.heir != "" || heir != nil && heir.ID != c.heir {
			t.Errorf("%s: the heir is %+v, want %q", c.name, heir, c.heir)
		}
		if states(c.ks, c.now) != before {
			t.Errorf("%s: Kill changed its arguments", c.name)
		}
		killed := out[slices.IndexFunc(out, func(k *mintage.SigningKey) bool { return k.ID == c.kid })]
		slow := c.now.Add(-keys.Skew)
		if killed.State(slow) != mintage.KeyGone || len(killed.Sealed) > 0 {
			t.Errorf("%s: on a slow node %s is %s with %d bytes", c.name, c.kid, killed.State(slow), len(killed.Sealed))
		}
		if heir != nil && heir.State(c.now) == mintage.KeyActive && heir.State(slow) != mintage.KeyActive {
			t.Errorf("%s: on a slow node the heir is %s", c.name, heir.State(slow))
		}
		signs := slices.ContainsFunc(out, func(k *mintage.SigningKey) bool { return k.Alg == "ES256" && k.State(c.now) == mintage.KeyActive })
		if !signs {
			t.Errorf("%s: nothing signs", c.name)
		}
	}
	// The one that goes on does so until its new successor begins.
	out, heir := keys.Kill(rotating, "next", sealed("fresh", "ES256"), noon.Add(time.Minute), plan)
	if end := out[1].SignsUntil; !end.Equal(heir.SignsFrom) || !end.Equal(noon.Add(time.Minute+keys.DefaultWait)) {
		t.Errorf("the old one signs until %s, the new one from %s", end, heir.SignsFrom)
	}
}

// KY-06: 90 days by default and a year at most, by date alone.
func TestDue(t *testing.T) {
	t.Parallel()
	if keys.DefaultPeriod != 90*24*time.Hour || keys.LongestPeriod > 366*24*time.Hour {
		t.Errorf("periods %s and %s", keys.DefaultPeriod, keys.LongestPeriod)
	}
	const day = 24 * time.Hour
	aged := func(id, alg string, age time.Duration) *mintage.SigningKey {
		k := key(id, alg)
		k.SignsFrom = noon.Add(-age)
		return k
	}
	with := func(k *mintage.SigningKey, signs, verifies time.Duration) *mintage.SigningKey {
		k.SignsUntil, k.VerifiesUntil = noon.Add(signs), noon.Add(verifies)
		return k
	}
	for _, c := range []struct {
		name string
		ks   []*mintage.SigningKey
		want []string
	}{
		{"none", nil, nil},
		{"young", []*mintage.SigningKey{aged("a", "ES256", 90*day-time.Second)}, nil},
		{"old", []*mintage.SigningKey{aged("a", "ES256", 90*day)}, []string{"ES256"}},
		{"several", []*mintage.SigningKey{aged("a", "RS256", 91*day), aged("b", "ES256", day), aged("c", "XC20P", 99*day)}, []string{"RS256", "XC20P"}},
		{"under way", []*mintage.SigningKey{with(aged("a", "ES256", 91*day), time.Minute, time.Hour), aged("b", "ES256", -time.Minute)}, nil},
		{"retiring and new", []*mintage.SigningKey{with(aged("a", "ES256", 91*day), -time.Minute, time.Hour), aged("b", "ES256", time.Minute)}, nil},
		{"ends without another", []*mintage.SigningKey{with(aged("a", "ES256", day), time.Minute, time.Hour)}, []string{"ES256"}},
		{"gone", []*mintage.SigningKey{with(aged("a", "ES256", 99*day), -2*time.Hour, -time.Hour)}, nil},
	} {
		if got := keys.Due(c.ks, noon, keys.DefaultPeriod); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSpent(t *testing.T) {
	t.Parallel()
	k := key("a", "ES256")
	k.Sealed = []byte("x")
	k.SignsUntil, k.VerifiesUntil = noon, noon.Add(time.Hour)
	bare := *k
	bare.Sealed = nil
	for _, c := range []struct {
		k               *mintage.SigningKey
		now             time.Time
		destroy, forget bool
	}{
		{key("a", "ES256"), noon.Add(10 * keys.ForgetAfter), false, false},
		{k, noon.Add(time.Hour - time.Second), false, false},
		{k, k.VerifiesUntil.Add(keys.DestroyAfter - time.Second), false, false},
		{k, k.VerifiesUntil.Add(keys.DestroyAfter), true, false},
		{&bare, k.VerifiesUntil.Add(keys.DestroyAfter), false, false},
		{&bare, k.VerifiesUntil.Add(keys.ForgetAfter - time.Second), false, false},
		{&bare, k.VerifiesUntil.Add(keys.ForgetAfter), false, true},
	} {
		if destroy, forget := keys.Spent(c.k, c.now); destroy != c.destroy || forget != c.forget {
			t.Errorf("at %s: %v, %v; want %v, %v", c.now, destroy, forget, c.destroy, c.forget)
		}
	}
}
