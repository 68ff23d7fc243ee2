package storetest

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// pairings: one is decided once and used once, whoever else comes at the same
// time, and goes with its operator.
func pairings(t *testing.T, s store.Store) {
	ctx := t.Context()
	addOperators(t, s, bob())
	full := func(id string) *mintage.Pairing {
		return &mintage.Pairing{
			ID: id, Hash: "h" + id, Code: "a-b-c-d", Host: "laptop", Address: "192.0.2.1", UserAgent: "mintage/1", Created: at(1), Expires: at(600),
		}
	}
	write := func(do func(tx store.Tx) error) error { return s.Update(ctx, do) }
	create := func(p *mintage.Pairing) error {
		return write(func(tx store.Tx) error { return tx.CreatePairing(ctx, p) })
	}
	p := full("pair_1")
	must(t, create(p))
	wantErr(t, "the same", create(p), mintage.ErrExists)
	same := full("pair_2")
	same.Hash = p.Hash
	wantErr(t, "the same hash", create(same), mintage.ErrExists)
	got, err := s.Pairing(ctx, "pair_1")
	must(t, err)
	diff(t, "pairing", got, p)

	p.OperatorID, p.Tenant, p.Organization, p.Expires = "op_bob", "acme", "org-1", at(60)
	decide := func(p *mintage.Pairing) error {
		return write(func(tx store.Tx) error { return tx.DecidePairing(ctx, p) })
	}
	stranger := full("pair_1")
	stranger.OperatorID = "op_eve"
	wantErr(t, "signed in by nobody", decide(stranger), mintage.ErrNotFound)
	var taken atomic.Int32
	parallel(8, func(i int) {
		other := *p
		if i%2 == 1 {
			other.OperatorID, other.Denied = "", true
		}
		if decide(&other) == nil {
			taken.Add(1)
		}
	})
	if n := taken.Load(); n != 1 {
		t.Errorf("one pairing was decided %d times", n)
	}
	wantErr(t, "one that is not there", decide(full("pair_9")), mintage.ErrNotFound)

	must(t, create(full("pair_3")))
	yes := full("pair_3")
	yes.OperatorID, yes.Tenant, yes.Organization, yes.Expires = "op_bob", "acme", "org-1", at(60)
	must(t, decide(yes))
	got, err = s.PairingByHash(ctx, yes.Hash)
	must(t, err)
	diff(t, "pairing that was decided", got, yes)
	taken.Store(0)
	parallel(8, func(int) {
		if write(func(tx store.Tx) error { return tx.DeletePairing(ctx, "pair_3") }) == nil {
			taken.Add(1)
		}
	})
	if n := taken.Load(); n != 1 {
		t.Errorf("one pairing was used %d times", n)
	}
	pairingsOf(t, s, full)
}

// pairingsOf: those of an operator end together, and go with them.
func pairingsOf(t *testing.T, s store.Store, full func(id string) *mintage.Pairing) {
	t.Helper()
	signed := func(id string) {
		p := full(id)
		p.OperatorID = "op_bob"
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreatePairing(ctx, p) })
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreatePairing(ctx, full("pair_waits")) })
	signed("pair_4")
	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeletePairings(ctx, "op_bob") })
	}
	signed("pair_5")
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteOperator(ctx, "op_bob") })
	for _, id := range []string{"pair_4", "pair_5"} {
		_, err := s.Pairing(t.Context(), id)
		wantErr(t, id+" of an operator", err, mintage.ErrNotFound)
	}
	if _, err := s.Pairing(t.Context(), "pair_waits"); err != nil {
		t.Errorf("one that waits: %v", err)
	}
}
