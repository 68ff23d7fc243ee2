package storetest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// minute returns a time n minutes after a day began.
func minute(n int) time.Time {
	return time.Date(2026, 11, 21, 0, n, 0, 0, time.UTC)
}

func count(tenant, client, reason string, n int, c int64) *mintage.UsageCount {
	u := &mintage.UsageCount{Tenant: tenant, ClientID: client, Reason: reason, Start: minute(n), Step: time.Minute, Count: c}
	if reason == "" {
		u.Audience, u.Scope, u.Lifetime = "https://api.example", "read write", 3600
	}
	return u
}

func usage(t *testing.T, s store.Store) {
	ctx := t.Context()
	last, err := s.LastChange(ctx)
	must(t, err)
	must(t, s.AddUsage(ctx, nil))
	must(t, s.AddUsage(ctx, []*mintage.UsageCount{
		count("acme", "one", "", 1, 10), count("acme", "one", "", 2, 5), count("acme", "one", "secret.mismatch", 2, 2),
		count("acme", "two", "", 61, 1), count("other", "one", "", 1, 100), count("acme", "", "client.unknown", 1, 7),
		count("acme", "one", "", 1, 1), // twice in a call
	}))
	longer := count("acme", "one", "", 1, 4)
	longer.Lifetime = 7200
	must(t, s.AddUsage(ctx, []*mintage.UsageCount{longer}))
	unmoved(t, s, last)
	sum := func(client, reason string, start time.Time, step time.Duration, n, lifetime int64) *mintage.UsageCount {
		return &mintage.UsageCount{ClientID: client, Reason: reason, Start: start, Step: step, Count: n, Lifetime: lifetime}
	}
	for _, test := range []struct {
		q    store.UsageQuery
		want []*mintage.UsageCount
	}{
		{store.UsageQuery{Tenant: "acme"}, []*mintage.UsageCount{sum("", "", time.Time{}, 0, 30, 7200)}},
		{store.UsageQuery{Tenant: "none"}, nil},
		{store.UsageQuery{Tenant: "acme", ByClient: true, Issued: true}, []*mintage.UsageCount{sum("one", "", time.Time{}, 0, 20, 7200), sum("two", "", time.Time{}, 0, 1, 3600)}},
		{store.UsageQuery{Tenant: "acme", ByReason: true, Refused: true}, []*mintage.UsageCount{sum("", "client.unknown", time.Time{}, 0, 7, 0), sum("", "secret.mismatch", time.Time{}, 0, 2, 0)}},
		{store.UsageQuery{Tenant: "acme", ByReason: true, Refused: true, Limit: 1}, []*mintage.UsageCount{sum("", "client.unknown", time.Time{}, 0, 7, 0)}},
		{store.UsageQuery{Tenant: "acme", Reason: "secret.mismatch"}, []*mintage.UsageCount{sum("", "", time.Time{}, 0, 2, 0)}},
		{store.UsageQuery{Tenant: "acme", Step: time.Hour}, []*mintage.UsageCount{sum("", "", minute(0), time.Hour, 29, 7200), sum("", "", minute(60), time.Hour, 1, 3600)}},
		{store.UsageQuery{Tenant: "acme", ClientID: "one", Step: time.Minute, Issued: true}, []*mintage.UsageCount{sum("", "", minute(1), time.Minute, 15, 7200), sum("", "", minute(2), time.Minute, 5, 3600)}},
		{store.UsageQuery{Tenant: "acme", Since: minute(2), Until: minute(3)}, []*mintage.UsageCount{sum("", "", time.Time{}, 0, 7, 3600)}},
		{store.UsageQuery{ByTenant: true, Until: minute(2)}, []*mintage.UsageCount{
			{Tenant: "acme", Count: 22, Lifetime: 7200}, {Tenant: "other", Count: 100, Lifetime: 3600},
		}},
		{store.UsageQuery{Tenant: "other", ByAudience: true, ByScope: true}, []*mintage.UsageCount{{Audience: "https://api.example", Scope: "read write", Count: 100, Lifetime: 3600}}},
	} {
		got, err := s.Usage(ctx, test.q)
		must(t, err)
		diff(t, fmt.Sprintf("usage of %+v", test.q), got, test.want)
	}
}

// usageRolls: moving counts to longer spans keeps every sum, whatever comes late
// and whoever adds meanwhile.
func usageRolls(t *testing.T, s store.Store) {
	ctx := t.Context()
	var writers sync.WaitGroup
	for i := range 3 {
		writers.Go(func() {
			for n := range 8 {
				if err := s.AddUsage(ctx, []*mintage.UsageCount{count("acme", "one", "", n*17, 1), count("acme", strconv.Itoa(i), "", n*17, 1)}); err != nil {
					t.Error(err)
				}
				if _, err := s.RollUsage(ctx, time.Minute, time.Hour, minute(60), 2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	for {
		n, err := s.RollUsage(ctx, time.Minute, time.Hour, minute(60), 3)
		must(t, err)
		if n < 3 {
			break
		}
	}
	got, err := s.Usage(ctx, store.UsageQuery{Tenant: "acme", ClientID: "one", Step: time.Minute})
	must(t, err)
	want := []*mintage.UsageCount{
		{Start: minute(0), Step: time.Minute, Count: 12, Lifetime: 3600}, // what was of the first hour has its start
		{Start: minute(68), Step: time.Minute, Count: 3, Lifetime: 3600},
		{Start: minute(85), Step: time.Minute, Count: 3, Lifetime: 3600},
		{Start: minute(102), Step: time.Minute, Count: 3, Lifetime: 3600},
		{Start: minute(119), Step: time.Minute, Count: 3, Lifetime: 3600},
	}
	diff(t, "usage after the first hour moved", got, want)
	for {
		n, err := s.RollUsage(ctx, time.Hour, 0, minute(60), 3)
		must(t, err)
		if n < 3 {
			break
		}
	}
	sums, err := s.Usage(ctx, store.UsageQuery{Tenant: "acme", ClientID: "one"})
	must(t, err)
	diff(t, "usage after the first hour went", sums, []*mintage.UsageCount{{Count: 12, Lifetime: 3600}})
}
