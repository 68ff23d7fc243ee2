package requestlog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/requestlog"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clock is a time that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t *testing.T) (*requestlog.Log, *sqlstore.Store, *clock) {
	t.Helper()
	st := sqltest.Open(t)
	c := &clock{now: start}
	return requestlog.New(st, c.Now, slog.New(slog.DiscardHandler)), st, c
}

func refused(c *clock, trace, client, address, reason string) *mintage.RequestRecord {
	return &mintage.RequestRecord{
		TraceID: trace, Tenant: "acme", Time: c.Now(), ClientID: client, Address: address, Endpoint: "token",
		Error: "invalid_client", Reason: reason, Status: 401,
	}
}

func records(t *testing.T, st *sqlstore.Store) []*mintage.RequestRecord {
	t.Helper()
	list, err := st.Requests(t.Context(), store.RequestQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A flood of equal refusals is one record a minute with a count, and what
// differs is a record of its own.
func TestFlood(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	flush := func() {
		t.Helper()
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		l.Add(refused(c, fmt.Sprintf("req_a%03d", i), "x", "192.0.2.1", "secret.mismatch"))
		if i%30 == 0 {
			flush()
		}
	}
	l.Add(refused(c, "req_b", "x", "192.0.2.2", "secret.mismatch"))
	l.Add(refused(c, "req_c", "y", "192.0.2.1", "secret.mismatch"))
	l.Add(refused(c, "req_d", "x", "192.0.2.1", "secret.expired"))
	flush()
	c.advance(time.Minute)
	l.Add(refused(c, "req_e", "x", "192.0.2.1", "secret.mismatch"))
	flush()
	flush()
	var got strings.Builder
	for _, r := range records(t, st) {
		fmt.Fprintf(&got, "%s %d\n", r.TraceID, r.Count)
	}
	if want := "req_e 1\nreq_d 1\nreq_c 1\nreq_b 1\nreq_a000 100\n"; got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
	// The first of the others are found by their own trace ids.
	if r, err := st.Request(t.Context(), "acme", "req_a032"); err != nil || r.TraceID != "req_a000" {
		t.Errorf("trace of an equal request: %v, %v", r, err)
	}
	if _, err := st.Request(t.Context(), "acme", "req_a033"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("more traces are kept than promised: %v", err)
	}
}

// Ever new names do not fill the disk: the rest of the minute shares records.
func TestManyNames(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	for i := range 5000 {
		l.Add(refused(c, fmt.Sprintf("req_%05d", i), fmt.Sprint("client", i), "192.0.2.1", "client.unknown"))
	}
	for i := range 1000 {
		r := refused(c, fmt.Sprintf("req_x%05d", i), "", fmt.Sprint("192.0.2.", i), "request.not_found")
		r.Tenant = ""
		l.Add(r)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := records(t, st)
	total := int64(0)
	for _, r := range list {
		total += r.Count
	}
	if len(list) != 1026 || total != 6000 {
		t.Errorf("%d records of %d requests, want 1026 of 6000", len(list), total)
	}
}

// What a second look finds is told of the request that it looked at, and of
// those alone at which it found the same, in whatever order they come.
func TestSecondLook(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	foreign := requestlog.Finding{Reason: "client.other_tenant", OwnerTenant: "other", OwnerClient: "y"}
	pasted := requestlog.Finding{Reason: "auth.whitespace"}
	found := map[string]requestlog.Finding{
		"req_a": {}, "req_b": pasted, "req_c": {}, "req_d": foreign, "req_e": pasted,
		"req_f": {Reason: "client.other_tenant", OwnerTenant: "other", OwnerClient: "z"},
	}
	for _, trace := range []string{"req_a", "req_b", "req_c", "req_d", "req_e", "req_f"} {
		l.Hold(refused(c, trace, "x", "192.0.2.1", "secret.mismatch"))
	}
	if err := l.Flush(t.Context()); err != nil || len(records(t, st)) > 0 {
		t.Fatalf("%v; written before the looks: %v", err, records(t, st))
	}
	for _, trace := range []string{"req_b", "req_a", "req_d", "req_c", "req_f", "req_e", "req_none"} {
		l.Found(trace, found[trace])
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for trace, want := range found {
		r, err := st.Request(t.Context(), "", trace)
		if err != nil {
			t.Fatalf("%s: %v", trace, err)
		}
		if got := (requestlog.Finding{Reason: r.Second, OwnerTenant: r.OwnerTenant, OwnerClient: r.OwnerClient}); got != want || r.Reason != "secret.mismatch" {
			t.Errorf("%s: found %+v behind %s, want %+v", trace, got, r.Reason, want)
		}
	}
	if n := len(records(t, st)); n != 4 {
		t.Errorf("%d records, want 4: equal ones share theirs", n)
	}
}

// A request whose look never ends is written all the same, and so are many.
func TestHeld(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	const n = 1030 // a few more than are held
	for i := range n {
		l.Hold(refused(c, fmt.Sprintf("req_%04d", i), "x", "192.0.2.1", "secret.mismatch"))
	}
	for _, want := range []int64{n - 1024, n} {
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list := records(t, st); len(list) != 1 || list[0].Count != want {
			t.Errorf("%+v, want one record of %d", list, want)
		}
		c.advance(11 * time.Second)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	l, st, c := open(t)
	for i := range 1500 {
		l.Add(refused(c, fmt.Sprintf("req_%04d", i), fmt.Sprint("c", i), "192.0.2.1", "secret.mismatch"))
		if i%500 == 499 {
			if err := l.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.advance(2 * time.Minute)
		}
	}
	c.advance(requestlog.Keep - 2*time.Minute)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(records(t, st)); n != 500 {
		t.Errorf("%d records are left, want the 500 of the last minute", n)
	}
}

// flaky is a store that is away for a while.
type flaky struct {
	*sqlstore.Store
	away bool
}

func (f *flaky) WriteRequests(ctx context.Context, rs []*mintage.RequestRecord, us []*mintage.LadderUse) error {
	if f.away {
		return errors.New("away")
	}
	return f.Store.WriteRequests(ctx, rs, us)
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	_, st, c := open(t)
	err := st.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.CreateTenant(t.Context(), &mintage.Tenant{ID: "acme", Issuer: "https://acme.example"}); err != nil {
			return err
		}
		return tx.CreateClient(t.Context(), &mintage.Client{Tenant: "acme", ID: "x", Name: "x"})
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Store: st, away: true}
	l := requestlog.New(f, c.Now, slog.New(slog.DiscardHandler))
	for i := range 3 {
		l.Add(refused(c, fmt.Sprint("req_", i), "x", "192.0.2.1", "secret.mismatch"))
		l.Weak("acme", "x", mintage.RungQueryCredentials, "192.0.2.1", c.Now())
		if err := l.Flush(t.Context()); err == nil {
			t.Fatal("a write that failed is no error")
		}
		c.advance(time.Second)
	}
	f.away = false
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, trace := range []string{"req_0", "req_1", "req_2"} {
		if r, err := st.Request(t.Context(), "acme", trace); err != nil || r.Count != 3 {
			t.Errorf("%s: %+v, %v", trace, r, err)
		}
	}
	uses, err := st.LadderUses(t.Context(), "acme")
	if err != nil || len(uses) != 1 || uses[0].Count != 3 || !uses[0].First.Equal(start) || !uses[0].Last.Equal(start.Add(2*time.Second)) {
		t.Errorf("uses %+v, %v", uses, err)
	}
}

// memory is a store for a bubble, in which no database can be.
type memory struct {
	traces  []string
	written []*mintage.RequestRecord
}

func (m *memory) WriteRequests(_ context.Context, rs []*mintage.RequestRecord, _ []*mintage.LadderUse) error {
	for _, r := range rs {
		m.traces, m.written = append(m.traces, r.TraceID), append(m.written, r)
	}
	return nil
}

func (m *memory) SweepRequests(context.Context, time.Time, int) (int, error) { return 0, nil }

// Run writes once a second, and what is left when the server stops.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		l := requestlog.New(m, time.Now, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { l.Run(ctx) })
		l.Add(&mintage.RequestRecord{TraceID: "req_a", Time: time.Now(), Reason: "a"})
		time.Sleep(requestlog.Interval + time.Millisecond)
		synctest.Wait()
		if got := strings.Join(m.traces, " "); got != "req_a" {
			t.Errorf("after a second: %q", got)
		}
		l.Add(&mintage.RequestRecord{TraceID: "req_b", Time: time.Now(), Reason: "b"})
		stop()
		done.Wait()
		if got := strings.Join(m.traces, " "); got != "req_a req_b" {
			t.Errorf("after the end: %q", got)
		}
	})
}
