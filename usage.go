package mintage

import (
	"cmp"
	"slices"
	"time"
)

// UsageCount says how often requests to a tenant's token endpoint ended in one
// way in a span of time.
type UsageCount struct {
	Tenant   string
	ClientID string // empty: of nobody that is known
	Reason   string // reason code of the refusal; empty: a token was issued
	Audience string // resource servers of the tokens, separated by spaces
	Scope    string // scopes of the tokens as on the wire, separated by spaces
	Start    time.Time
	Step     time.Duration // of the span: a minute, an hour or a day, in UTC
	Count    int64
	Lifetime int64 // of the tokens, the longest, in seconds
}

// usageKey is what tells one UsageCount from another.
type usageKey struct {
	tenant, clientID, reason, audience, scope string
	start                                     int64
	step                                      time.Duration
}

func (u *UsageCount) key() usageKey {
	return usageKey{u.Tenant, u.ClientID, u.Reason, u.Audience, u.Scope, u.Start.Unix(), u.Step}
}

// Add adds what v counts of the same to u.
func (u *UsageCount) Add(v *UsageCount) {
	u.Count += v.Count
	u.Lifetime = max(u.Lifetime, v.Lifetime)
}

// MergeUsage returns the counts with those of the same added up, sorted. It
// changes what counts points to.
func MergeUsage(counts []*UsageCount) []*UsageCount {
	merged := make(map[usageKey]*UsageCount, len(counts))
	out := make([]*UsageCount, 0, len(counts))
	for _, u := range counts {
		if same := merged[u.key()]; same != nil {
			same.Add(u)
			continue
		}
		merged[u.key()] = u
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *UsageCount) int {
		return cmp.Or(
			cmp.Compare(a.Tenant, b.Tenant), a.Start.Compare(b.Start), cmp.Compare(a.Step, b.Step), cmp.Compare(a.ClientID, b.ClientID),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Audience, b.Audience), cmp.Compare(a.Scope, b.Scope),
		)
	})
	return out
}
