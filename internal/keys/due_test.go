package keys_test

import (
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
)

// TestOverdue: a key that should have a successor and has none is found, and
// nothing else.
func TestOverdue(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	aged := func(id string, age time.Duration) *mintage.SigningKey {
		k := key(id, "ES256")
		k.SignsFrom = noon.Add(-age)
		return k
	}
	ending := func(k *mintage.SigningKey, in time.Duration) *mintage.SigningKey {
		k.SignsUntil, k.VerifiesUntil = noon.Add(in), noon.Add(in+day)
		return k
	}
	other := aged("other", day)
	other.Alg = "RS256"
	for _, c := range []struct {
		name string
		ks   []*mintage.SigningKey
		want int
	}{
		{"none", nil, 0},
		{"young", []*mintage.SigningKey{aged("a", day)}, 0},
		{"due since less than a day", []*mintage.SigningKey{aged("a", 91*day-time.Second)}, 0},
		{"due since a day", []*mintage.SigningKey{aged("a", 91*day)}, 1},
		{"with a next one", []*mintage.SigningKey{ending(aged("a", 91*day), time.Minute), aged("b", -time.Minute)}, 0},
		{"with one of another algorithm", []*mintage.SigningKey{aged("a", 91*day), other}, 1},
		{"ends within a day without another", []*mintage.SigningKey{ending(aged("a", day), day)}, 1},
		{"ends later", []*mintage.SigningKey{ending(aged("a", day), day+time.Second)}, 0},
		{"retiring", []*mintage.SigningKey{ending(aged("a", 99*day), -time.Minute), aged("b", time.Minute)}, 0},
		{"replaced although it has no end", []*mintage.SigningKey{aged("a", 99*day), aged("b", day)}, 0},
	} {
		if got := keys.Overdue(c.ks, noon, keys.DefaultPeriod); len(got) != c.want {
			t.Errorf("%s: %d are overdue, want %d", c.name, len(got), c.want)
		}
	}
}
