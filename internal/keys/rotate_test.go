package keys_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
)

// key is a row without its halves, which Rotate does not look at.
func key(id, alg string) *mintage.SigningKey {
	return &mintage.SigningKey{Tenant: "a", ID: id, Alg: alg, SignsFrom: noon.Add(-time.Hour)}
}

// states prints the keys' states at now.
func states(ks []*mintage.SigningKey, now time.Time) string {
	var b strings.Builder
	for _, k := range ks {
		b.WriteString(k.ID + " " + string(k.State(now)) + "\n")
	}
	return b.String()
}

// KY-04 and MD-08: published for longer than a key set may be cached, then
// signing; the old one verifies for as long as its last token can live.
func TestRotate(t *testing.T) {
	t.Parallel()
	if keys.DefaultWait <= keys.JWKSMaxAge {
		t.Fatal("the default wait is not longer than a key set is cached")
	}
	plan := keys.Plan{Wait: keys.DefaultWait, Keep: time.Hour}
	ks := keys.Rotate([]*mintage.SigningKey{key("old", "ES256"), key("rsa", "RS256")}, key("new", "ES256"), noon, plan)
	start := noon.Add(keys.DefaultWait)
	end := start.Add(time.Hour + keys.Skew)
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{noon, "old active\nrsa active\nnew next\n"},
		{start.Add(-time.Second), "old active\nrsa active\nnew next\n"},
		{start, "old retiring\nrsa active\nnew active\n"},
		{end.Add(-time.Second), "old retiring\nrsa active\nnew active\n"},
		{end, "old gone\nrsa active\nnew active\n"},
	} {
		if got := states(ks, c.now); got != c.want {
			t.Errorf("at %s:\n%swant\n%s", c.now, got, c.want)
		}
	}
}

func TestRotateAtOnce(t *testing.T) {
	t.Parallel()
	ks := keys.Rotate([]*mintage.SigningKey{key("old", "ES256")}, key("new", "ES256"), noon, keys.Plan{Keep: time.Hour})
	if got, want := states(ks, noon), "old retiring\nnew active\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The first key of an algorithm does not wait: nothing else could sign.
func TestRotateWithoutAnActiveKey(t *testing.T) {
	t.Parallel()
	gone := key("gone", "ES256")
	gone.SignsUntil, gone.VerifiesUntil = noon.Add(-time.Minute), noon.Add(-time.Second)
	ks := keys.Rotate([]*mintage.SigningKey{gone, key("rsa", "RS256")}, key("new", "ES256"), noon, keys.Plan{Wait: time.Hour})
	if got, want := states(ks, noon), "gone gone\nrsa active\nnew active\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Rotating again replaces the key that was next, and the one that signs goes on
// until the new one does.
func TestRotateTwice(t *testing.T) {
	t.Parallel()
	plan := keys.Plan{Wait: 10 * time.Minute, Keep: time.Hour}
	first := keys.Rotate([]*mintage.SigningKey{key("old", "ES256")}, key("b", "ES256"), noon, plan)
	later := noon.Add(time.Minute)
	second := keys.Rotate(first, key("c", "ES256"), later, plan)
	if got, want := states(second, later), "old active\nb gone\nc next\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := states(second, noon.Add(10*time.Minute)), "old active\nb gone\nc next\n"; got != want {
		t.Errorf("when b should have signed:\n%swant\n%s", got, want)
	}
	if got, want := states(second, later.Add(10*time.Minute)), "old retiring\nb gone\nc active\n"; got != want {
		t.Errorf("when c signs:\n%swant\n%s", got, want)
	}
	// So near its time that another node may sign with it already, it verifies.
	near := noon.Add(10*time.Minute - keys.Skew)
	third := keys.Rotate(first, key("c", "ES256"), near, plan)
	if got, want := states(third, near), "old active\nb retiring\nc next\n"; got != want {
		t.Errorf("near its time:\n%swant\n%s", got, want)
	}
	if got, want := states(third, near.Add(time.Hour+keys.Skew)), "old retiring\nb gone\nc active\n"; got != want {
		t.Errorf("an hour later:\n%swant\n%s", got, want)
	}
	// Impatience: at once, with a next key waiting.
	fourth := keys.Rotate(first, key("c", "ES256"), later, keys.Plan{Keep: time.Hour})
	if got, want := states(fourth, later), "old retiring\nb gone\nc active\n"; got != want {
		t.Errorf("at once:\n%swant\n%s", got, want)
	}
}

func TestRotateChangesNoArgument(t *testing.T) {
	t.Parallel()
	old, fresh := key("old", "ES256"), key("new", "ES256")
	wasOld, wasFresh := *old, *fresh
	keys.Rotate([]*mintage.SigningKey{old}, fresh, noon, keys.Plan{Wait: time.Minute})
	if old.SignsUntil != wasOld.SignsUntil || fresh.SignsFrom != wasFresh.SignsFrom {
		t.Error("Rotate changed its arguments")
	}
}

// Whatever rotations follow one another, one key signs at any time from the
// first on, and a key that signed verifies for Keep after.
func TestRotateNeverLeavesAGap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(label string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Second
		}
		ks := []*mintage.SigningKey{key("0", "ES256")}
		now, signed := noon, map[string]time.Time{}
		const keep = 10 * time.Minute
		for i := range rapid.IntRange(1, 6).Draw(t, "rotations") {
			ks = keys.Rotate(ks, key(string(rune('a'+i)), "ES256"), now, keys.Plan{Wait: seconds("wait", 900), Keep: keep})
			for range rapid.IntRange(1, 6).Draw(t, "looks") {
				now = now.Add(seconds("step", 300))
				active := slices.IndexFunc(ks, func(k *mintage.SigningKey) bool { return k.State(now) == mintage.KeyActive })
				if active < 0 {
					t.Fatalf("no key signs at %s:\n%s", now, states(ks, now))
				}
				signed[ks[active].ID] = now
				for _, k := range ks {
					if last, ok := signed[k.ID]; ok && !now.After(last.Add(keep)) && k.State(now) == mintage.KeyGone {
						t.Fatalf("%s signed at %s and is gone at %s", k.ID, last, now)
					}
				}
			}
		}
	})
}
