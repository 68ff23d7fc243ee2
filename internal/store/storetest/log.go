package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func revocations(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	create := func(r *mintage.Revocation) {
		t.Helper()
		must(t, s.Update(ctx, func(tx store.Tx) error { return tx.CreateRevocation(ctx, r) }))
	}
	first := &mintage.Revocation{
		Tenant: "acme", ID: "a", ClientID: "mc_one",
		Before: at(1).Add(123 * time.Millisecond), Created: at(1), Expires: at(10),
	}
	byJTI := &mintage.Revocation{Tenant: "acme", ID: "b", JTI: "jti", Created: at(2), Expires: at(20)}
	byKey := &mintage.Revocation{Tenant: "acme", ID: "c", KeyID: "kid", Created: at(3), Expires: at(30)}
	foreign := &mintage.Revocation{Tenant: "other", ID: "a", JTI: "x", Created: at(4), Expires: at(40)}
	for _, r := range []*mintage.Revocation{byKey, first, byJTI, foreign} {
		create(r)
	}
	last, err := s.LastChange(ctx)
	must(t, err)
	create(&mintage.Revocation{Tenant: "acme", ID: "a", JTI: "something else", Expires: at(99)})
	if now, err := s.LastChange(ctx); err != nil || now != last {
		t.Errorf("a revocation that exists moved the feed from %d to %d (%v)", last, now, err)
	}
	got, err := s.Revocation(ctx, "acme", "a")
	must(t, err)
	diff(t, "revocation created twice", got, first)
	_, err = s.Revocation(ctx, "other", "b")
	wantErr(t, "revocation of another tenant", err, mintage.ErrNotFound)
	for now, want := range map[int][]*mintage.Revocation{
		9: {first, byJTI, byKey}, 10: {byJTI, byKey}, 29: {byKey}, 30: nil,
	} {
		got, err := s.Revocations(ctx, "acme", at(now))
		must(t, err)
		diff(t, "revocations in force", got, want)
	}
}

func revocationSweep(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for i := range 5 {
			r := &mintage.Revocation{Tenant: "acme", ID: "abcde"[i : i+1], JTI: "j", Expires: at(i)}
			if err := tx.CreateRevocation(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []int{2, 1, 0} { // three have expired before at(3)
		if n, err := s.SweepRevocations(ctx, at(3), 2); err != nil || n != want {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	left, err := s.Revocations(ctx, "acme", at(-1))
	must(t, err)
	diff(t, "revocations left", ids(left, func(r *mintage.Revocation) string { return r.ID }), []string{"d", "e"})
}

func events(t *testing.T, s store.Store) {
	ctx := t.Context()
	full := &mintage.Event{
		Time: at(1), Tenant: "acme", Actor: mintage.Actor{Tenant: "mintage", ClientID: "mc_admin", OperatorID: "op_1", OperatorEmail: "ada@example.com", Address: "127.0.0.1"},
		Action: "client.create", Target: "x", Name: "Export", Via: "api", TraceID: "req_1",
		Before: []byte(`{"a":1}`), After: []byte(`{"a":2}`),
	}
	list := []*mintage.Event{full, {Time: at(2), Tenant: "other", Action: "b", Via: "cli"}, {Time: at(3), Tenant: "acme", Action: "client.delete"}, {Action: "d"}}
	for i, e := range list {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.AppendEvent(ctx, e) })
		if e.Seq != int64(i+1) {
			t.Errorf("event %d got the number %d", i+1, e.Seq)
		}
	}
	for _, ask := range []struct {
		q    store.EventQuery
		want []int // indexes of list
	}{
		{store.EventQuery{}, []int{3, 2, 1, 0}},
		{store.EventQuery{Limit: 2}, []int{3, 2}},
		{store.EventQuery{After: 3}, []int{1, 0}},
		{store.EventQuery{Oldest: true}, []int{0, 1, 2, 3}},
		{store.EventQuery{Oldest: true, After: 1, Limit: 2}, []int{1, 2}},
		{store.EventQuery{Tenant: "acme"}, []int{2, 0}},
		{store.EventQuery{Tenant: "acme", After: 3}, []int{0}},
		{store.EventQuery{Tenant: "acme", Limit: 1}, []int{2}},
		{store.EventQuery{Tenant: "acme", After: 1}, nil},
		{store.EventQuery{Tenant: "none"}, nil},
		{store.EventQuery{Actor: "mc_admin"}, []int{0}},
		{store.EventQuery{Actor: "op_1"}, []int{0}},
		{store.EventQuery{Actor: "ada@example.com"}, []int{0}},
		{store.EventQuery{Actor: "ada"}, nil},
		{store.EventQuery{Action: "client.create"}, []int{0}},
		{store.EventQuery{Action: "client"}, []int{2, 0}},
		{store.EventQuery{Action: "clien"}, nil},
		{store.EventQuery{Action: "cl_ent"}, nil},
		{store.EventQuery{Target: "x"}, []int{0}},
		{store.EventQuery{Via: "cli"}, []int{1}},
		{store.EventQuery{Since: at(2), Until: at(3)}, []int{1}},
		{store.EventQuery{Since: at(2), Tenant: "acme", Action: "client", Oldest: true}, []int{2}},
	} {
		var want []*mintage.Event
		for _, i := range ask.want {
			want = append(want, list[i])
		}
		got, err := s.Events(ctx, ask.q)
		must(t, err)
		diff(t, fmt.Sprintf("events of %+v", ask.q), got, want)
	}
}

// eventChain: each row is linked to all before it, whoever writes at the same
// time, and what a failed transaction wrote is not in between.
func eventChain(t *testing.T, s store.Store) {
	ctx := t.Context()
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for turn := range 5 {
				if err := twoEvents(ctx, s, i, turn); err != nil && !errors.Is(err, errStop) {
					t.Errorf("writer %d: %v", i, err)
				}
			}
		})
	}
	writers.Wait()
	c := chained(t, s)
	if last, err := s.LastEvent(ctx); err != nil || last != c.Seq || last != 32 {
		t.Errorf("32 rows were written: the chain ends at %d and the log at %d (%v)", c.Seq, last, err)
	}
}

// errStop ends a transaction on purpose.
var errStop = errors.New("stop")

// twoEvents writes two rows in a transaction, which fails at the third turn.
func twoEvents(ctx context.Context, s store.Store, writer, turn int) error {
	return s.Update(ctx, func(tx store.Tx) error {
		first := &mintage.Event{Time: at(turn), Tenant: "acme", Action: "client.create", Target: strconv.Itoa(writer), After: []byte(`{"a":1}`)}
		second := &mintage.Event{Time: at(turn), Action: "client.delete"}
		err := errors.Join(tx.AppendEvent(ctx, first), tx.AppendEvent(ctx, second))
		if turn == 3 {
			err = errors.Join(err, errStop)
		}
		return err
	})
}

// chained returns the chain of all rows, which must be whole.
func chained(t *testing.T, s store.Store) (c mintage.Chain) {
	t.Helper()
	list, err := s.Events(t.Context(), store.EventQuery{Oldest: true})
	must(t, err)
	for _, e := range list {
		must(t, c.Next(e))
	}
	return c
}

// eventsWithoutGaps: a transaction that fails takes its events and their
// numbers with it.
func eventsWithoutGaps(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, stop := t.Context(), errors.New("stop")
	for i := range 4 {
		err := s.Update(ctx, func(tx store.Tx) error {
			if err := tx.CreateClient(ctx, simpleClient("abcd"[i:i+1])); err != nil {
				return err
			}
			if err := tx.AppendEvent(ctx, &mintage.Event{Tenant: "acme", Action: "client.create"}); err != nil {
				return err
			}
			if i%2 == 1 {
				return stop
			}
			return nil
		})
		if i%2 == 1 {
			wantErr(t, "failing function", err, stop)
		} else {
			must(t, err)
		}
	}
	list, err := s.Events(ctx, store.EventQuery{Tenant: "acme", Limit: 10})
	must(t, err)
	var got []int64
	for _, e := range list {
		got = append(got, e.Seq)
	}
	diff(t, "numbers of events", got, []int64{2, 1})
	clients, err := clientNoun().list(ctx, s, "acme", store.Page{})
	must(t, err)
	diff(t, "clients", clients, []string{"a", "c"})
}

func dataKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	k := &store.DataKey{Name: "pepper", Sealed: []byte{0, 1, 2}, Created: at(1)}
	create := func(tx store.Tx) error { return tx.CreateDataKey(ctx, k) }
	replace := func(tx store.Tx) error {
		return tx.ReplaceDataKey(ctx, &store.DataKey{Name: "pepper", Sealed: []byte("new"), Created: at(2)})
	}
	_, err := s.DataKey(ctx, "pepper")
	wantErr(t, "no data key", err, mintage.ErrNotFound)
	wantErr(t, "replace none", s.Update(ctx, replace), mintage.ErrNotFound)
	must(t, s.Update(ctx, create))
	wantErr(t, "create twice", s.Update(ctx, create), mintage.ErrExists)
	got, err := s.DataKey(ctx, "pepper")
	must(t, err)
	diff(t, "data key", got, k)
	must(t, s.Update(ctx, replace))
	got, err = s.DataKey(ctx, "pepper")
	must(t, err)
	diff(t, "replaced data key", got, &store.DataKey{Name: "pepper", Sealed: []byte("new"), Created: at(2)})
	must(t, s.Update(ctx, func(tx store.Tx) error {
		for _, name := range []string{"value/b", "value/a", "value", "valued"} {
			if err := tx.CreateDataKey(ctx, &store.DataKey{Name: name, Sealed: []byte(name)}); err != nil {
				return err
			}
		}
		list, err := tx.DataKeys(ctx, "value/")
		diff(t, "data keys in the transaction", list, []*store.DataKey{{Name: "value/a", Sealed: []byte("value/a")}, {Name: "value/b", Sealed: []byte("value/b")}})
		return err
	}))
	for prefix, want := range map[string]int{"value/": 2, "value": 4, "": 5, "%": 0} {
		list, err := s.DataKeys(ctx, prefix)
		must(t, err)
		diff(t, "data keys beginning with "+prefix, len(list), want)
	}
}

// times: whatever the zone and the fraction, whole seconds UTC come back.
func times(t *testing.T, s store.Store) {
	prepare(t, s)
	zone := time.FixedZone("elsewhere", 3600)
	odd := at(5).Add(999_999_999).In(zone)
	epoch := time.Unix(0, 0)
	c := simpleClient("x")
	c.Created, c.Updated = odd, epoch
	c.Secrets = []mintage.Secret{{ID: "s", Created: odd, Expires: epoch}}
	must(t, change(t.Context(), s, clientNoun().create, c))
	got, err := s.Client(t.Context(), "acme", "x")
	must(t, err)
	want := simpleClient("x")
	want.Version, want.Created, want.Updated = 1, at(5), epoch.UTC()
	want.Secrets = []mintage.Secret{{ID: "s", Created: at(5), Expires: epoch.UTC()}}
	diff(t, "client with odd times", got, want)
}

func updateFails(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx, stop := t.Context(), errors.New("stop")
	last, err := s.LastChange(ctx)
	must(t, err)
	err = s.Update(ctx, func(tx store.Tx) error {
		for _, n := range nouns() {
			if err := n.create(ctx, tx, n.a("acme", "x")); err != nil {
				return err
			}
		}
		return stop
	})
	wantErr(t, "failing function", err, stop)
	for _, n := range nouns() {
		list, err := n.list(ctx, s, "acme", store.Page{})
		if err != nil || slices.Contains(list, "x") {
			t.Errorf("%s is left behind (%v)", n.name, err)
		}
	}
	if now, err := s.LastChange(ctx); err != nil || now != last {
		t.Errorf("the feed moved from %d to %d (%v)", last, now, err)
	}
}

func updatePanics(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = s.Update(ctx, func(tx store.Tx) error {
			must(t, tx.CreateClient(ctx, simpleClient("x")))
			panic("on purpose")
		})
	}()
	_, err := s.Client(ctx, "acme", "x")
	wantErr(t, "client of a transaction that panicked", err, mintage.ErrNotFound)
	must(t, change(ctx, s, clientNoun().create, simpleClient("x"))) // the writer is free
}

// updateReadsItsWrites: in the transaction what was written is seen, and
// outside of it what was before.
func updateReadsItsWrites(t *testing.T, s store.Store) {
	prepare(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateClient(ctx, simpleClient("x")); err != nil {
			return err
		}
		if _, err := tx.Client(ctx, "acme", "x"); err != nil {
			t.Errorf("inside: %v", err)
		}
		_, err := s.Client(ctx, "acme", "x")
		wantErr(t, "outside", err, mintage.ErrNotFound)
		return nil
	})
	_, err := s.Client(t.Context(), "acme", "x")
	must(t, err)
}

// updateCounts: reading and writing in a transaction loses no update.
func updateCounts(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	must(t, change(ctx, s, clientNoun().create, simpleClient("x")))
	const writers, each = 8, 5
	parallel(writers, func(int) {
		for range each {
			err := s.Update(ctx, func(tx store.Tx) error {
				c, err := tx.Client(ctx, "acme", "x")
				if err != nil {
					return err
				}
				c.DisabledReason += "."
				return tx.UpdateClient(ctx, c)
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	c, err := s.Client(ctx, "acme", "x")
	must(t, err)
	if len(c.DisabledReason) != writers*each || c.Version != writers*each+1 {
		t.Errorf("%d updates at version %d, want %d at %d", len(c.DisabledReason), c.Version, writers*each, writers*each+1)
	}
}
