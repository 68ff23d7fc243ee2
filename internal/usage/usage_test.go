package usage_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/usage"
)

// table is a store that keeps what it is told.
type table struct {
	mu     sync.Mutex
	fail   error
	calls  int
	counts []*mintage.UsageCount
	rolls  []string
}

func (s *table) AddUsage(_ context.Context, counts []*mintage.UsageCount) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail == nil {
		s.counts = append(s.counts, counts...)
	}
	return s.fail
}

func (s *table) RollUsage(_ context.Context, from, to time.Duration, before time.Time, limit int) (int, error) {
	s.rolls = append(s.rolls, from.String()+" to "+to.String()+" before "+before.Format(time.RFC3339))
	if len(s.rolls) == 1 {
		return limit, nil // there is more
	}
	return 0, nil
}

func (s *table) Usage(_ context.Context, q store.UsageQuery) ([]*mintage.UsageCount, error) {
	var out []*mintage.UsageCount
	for _, u := range s.counts {
		if q.Issued && u.Reason != "" || u.Start.Before(q.Since) {
			continue
		}
		sum := *u
		sum.Start, sum.Step = time.Time{}, 0
		out = append(out, &sum)
	}
	return mintage.MergeUsage(out), nil
}

func (s *table) total() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.counts {
		n += u.Count
	}
	return n
}

func issued(client string) *usage.Ended {
	return &usage.Ended{Tenant: "acme", ClientID: client, Audience: []string{"a", "b"}, Scope: []string{"read"}, Lifetime: 3600}
}

// What is counted is there after an interval, each in its minute, whatever was
// counted at the same time.
func TestCounter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		c := usage.New(s, time.Now, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { c.Run(ctx) })
		start := time.Now().UTC() // midnight
		time.Sleep(58 * time.Second)
		var cores sync.WaitGroup
		for i := range 8 {
			cores.Go(func() {
				for range 100 {
					c.Count(byte(i), issued("one"))
				}
				c.Count(byte(i), &usage.Ended{Tenant: "acme", ClientID: "one", Reason: "secret.mismatch"})
			})
		}
		cores.Wait()
		if s.total() != 0 {
			t.Error("a request waits for the database")
		}
		time.Sleep(3 * time.Second) // a second into the next minute
		c.Count(0, issued("one"))
		time.Sleep(usage.Interval)
		synctest.Wait() // until it is written
		want := []*mintage.UsageCount{
			{Tenant: "acme", ClientID: "one", Audience: "a b", Scope: "read", Start: start, Step: time.Minute, Count: 800, Lifetime: 3600},
			{Tenant: "acme", ClientID: "one", Reason: "secret.mismatch", Start: start, Step: time.Minute, Count: 8},
			{Tenant: "acme", ClientID: "one", Audience: "a b", Scope: "read", Start: start.Add(time.Minute), Step: time.Minute, Count: 1, Lifetime: 3600},
		}
		if d := cmp.Diff(want, mintage.MergeUsage(s.counts)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
		c.Count(0, issued("two"))
		stop()
		run.Wait()
		if s.total() != 810 {
			t.Errorf("%d are counted when it ends, want 810", s.total())
		}
	})
}

// A database that is away loses nothing, and each count keeps its minute.
func TestCounterWaits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	s := &table{fail: errors.New("away")}
	c := usage.New(s, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for range 3 {
		c.Count(1, issued("one"))
		now = now.Add(usage.Interval)
		if err := c.Flush(t.Context()); !errors.Is(err, s.fail) {
			t.Fatalf("got %v", err)
		}
		now = now.Add(time.Minute - usage.Interval)
		_ = c.Flush(t.Context())
	}
	s.fail = nil
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range s.counts {
		got = append(got, u.Start.Format("15:04")+" "+strconv.FormatInt(u.Count, 10))
	}
	if want := []string{"09:30 1", "09:31 1", "09:32 1"}; !cmp.Equal(got, want) {
		t.Errorf("counts %q, want %q", got, want)
	}
	if err := c.Flush(t.Context()); err != nil || s.total() != 3 {
		t.Errorf("written twice: %d, %v", s.total(), err)
	}
}

// A flood of clients costs bounded memory.
func TestCounterIsBounded(t *testing.T) {
	t.Parallel()
	s := &table{}
	c := usage.New(s, time.Now, slog.New(slog.DiscardHandler))
	for i := range 70_000 {
		c.Count(byte(i), issued(strconv.Itoa(i)))
	}
	if err := c.Flush(t.Context()); err != nil || len(s.counts) != 64<<10 {
		t.Errorf("%d sums of 70,000 clients are kept (%v), want %d", len(s.counts), err, 64<<10)
	}
}

// Counting what was counted before allocates nothing.
func TestCountAllocations(t *testing.T) { //nolint:paralleltest // what others allocate is counted too
	c := usage.New(&table{}, time.Now, slog.New(slog.DiscardHandler))
	e := issued("one")
	if n := testing.AllocsPerRun(1000, func() { c.Count(3, e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRoll(t *testing.T) {
	t.Parallel()
	s := &table{}
	c := usage.New(s, func() time.Time { return time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC) }, slog.New(slog.DiscardHandler))
	if err := c.Roll(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1m0s to 1h0m0s before 2026-11-21T06:00:00Z", "1m0s to 1h0m0s before 2026-11-21T06:00:00Z",
		"1h0m0s to 24h0m0s before 2026-10-07T00:00:00Z", "24h0m0s to 0s before 2025-10-17T09:30:00Z",
	}
	if d := cmp.Diff(want, s.rolls); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestSums(t *testing.T) {
	t.Parallel()
	s := &table{counts: []*mintage.UsageCount{
		{Tenant: "acme", ClientID: "one", Audience: "a b", Scope: "read write", Count: 10},
		{Tenant: "acme", ClientID: "one", Audience: "a", Scope: "read", Count: 1},
		{Tenant: "acme", ClientID: "one", Reason: "scope.unknown", Count: 4},
	}}
	r := &usage.Reports{Store: s, Now: time.Now}
	for _, tt := range []struct {
		name string
		q    usage.Query
		want []usage.Sum
	}{
		{"by API", usage.Query{ByAPI: true}, []usage.Sum{
			{Tenant: "acme", ClientID: "one", Refused: 4}, {Tenant: "acme", ClientID: "one", API: "a", Issued: 11}, {Tenant: "acme", ClientID: "one", API: "b", Issued: 10},
		}},
		{"by scope at one API", usage.Query{ByScope: true, API: "b"}, []usage.Sum{
			{Tenant: "acme", ClientID: "one", Scope: "read", Issued: 10}, {Tenant: "acme", ClientID: "one", Scope: "write", Issued: 10},
		}},
		{"of one scope", usage.Query{Scope: "write"}, []usage.Sum{{Tenant: "acme", ClientID: "one", Issued: 10}}},
		{"by reason", usage.Query{ByReason: true}, []usage.Sum{
			{Tenant: "acme", ClientID: "one", Issued: 11}, {Tenant: "acme", ClientID: "one", Reason: "scope.unknown", Refused: 4},
		}},
		{"of all", usage.Query{}, []usage.Sum{{Tenant: "acme", ClientID: "one", Issued: 11, Refused: 4}}},
	} {
		got, err := r.Sums(t.Context(), tt.q)
		if d := cmp.Diff(tt.want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, d)
		}
	}
}

// A client that asks far more often than its tokens end is told of, one that
// keeps its tokens and one of a few processes are not.
func TestAdvice(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	of := func(client string, n, life int64) *mintage.UsageCount {
		return &mintage.UsageCount{Tenant: "acme", ClientID: client, Audience: "a", Scope: "read", Start: now.Add(-10 * time.Minute), Count: n, Lifetime: life}
	}
	old := of("of yesterday", 1000, 3600)
	old.Start = now.Add(-24 * time.Hour)
	s := &table{counts: []*mintage.UsageCount{
		of("label-printer", 96, 86400), of("every minute", 60, 3600), of("keeps", 1, 3600), of("five processes", 5, 3600),
		of("short tokens", 60, 60), of("short tokens wasted", 400, 60), old, of("", 1000, 3600),
		{Tenant: "acme", ClientID: "many scopes", Scope: "a", Start: now, Count: 11, Lifetime: 3600},
		{Tenant: "acme", ClientID: "many scopes", Scope: "b", Start: now, Count: 11, Lifetime: 3600},
	}}
	got, err := (&usage.Reports{Store: s, Now: func() time.Time { return now }}).Advice(t.Context(), "acme")
	want := []usage.Advice{
		{ClientID: "short tokens wasted", Tokens: 400, Window: time.Hour, Lifetime: time.Minute},
		{ClientID: "label-printer", Tokens: 96, Window: time.Hour, Lifetime: 24 * time.Hour},
		{ClientID: "every minute", Tokens: 60, Window: time.Hour, Lifetime: time.Hour},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if got, want := got[1].String(), "asked 96 times in an hour for a token that lives 24 hours: it does not cache"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
