package storetest

import (
	"context"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func sessionOf(operator, id string) *mintage.Session {
	return &mintage.Session{
		ID: id, OperatorID: operator, Method: "password", Tenant: "acme", Organization: "org-1", Created: at(5), LastSeen: at(5),
		Expires: at(100), Address: "192.0.2.1", UserAgent: "Firefox",
	}
}

func sessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	addOperators(t, s, bob())
	create := func(v *mintage.Session) error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.CreateSession(ctx, v) })
	}
	first, second := sessionOf("op_bob", "s1"), sessionOf("op_bob", "s2")
	second.Created = at(6)
	must(t, create(first))
	must(t, create(second))
	wantErr(t, "the same session", create(first), mintage.ErrExists)
	wantErr(t, "a session of nobody", create(sessionOf("op_eve", "s3")), mintage.ErrNotFound)
	got, err := s.Session(ctx, "s1")
	must(t, err)
	diff(t, "session", got, first)
	o, err := s.Operator(ctx, "op_bob")
	must(t, err)
	if !o.LastSignIn.Equal(at(6)) || o.Version != 1 {
		t.Errorf("last sign-in %v, version %d", o.LastSignIn, o.Version)
	}
	must(t, s.TouchSession(ctx, "s1", at(50)))
	must(t, s.TouchSession(ctx, "s1", at(40)))
	must(t, s.TouchSession(ctx, "none", at(40)))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.MoveSession(ctx, "s1", "", "") })
	first.LastSeen, first.Tenant, first.Organization = at(50), "", ""
	list, err := s.Sessions(ctx, "op_bob")
	must(t, err)
	diff(t, "sessions", list, []*mintage.Session{second, first})
	remove := func() error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.DeleteSession(ctx, "s1") })
	}
	must(t, remove())
	wantErr(t, "deleted twice", remove(), mintage.ErrNotFound)
	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteSessions(ctx, "op_bob") })
	}
	if list, err := s.Sessions(ctx, "op_bob"); err != nil || len(list) > 0 {
		t.Errorf("%d sessions are left (%v)", len(list), err)
	}
}

// sessionsOfTheDisabled: none begins, also not while somebody disables the
// operator and ends those that are there.
func sessionsOfTheDisabled(t *testing.T, s store.Store) {
	ctx := t.Context()
	addOperators(t, s, bob())
	parallel(8, func(i int) {
		if i == 4 {
			if err := disable(ctx, s, bob()); err != nil {
				t.Error(err)
			}
			return
		}
		_ = s.Update(ctx, func(tx store.Tx) error { return tx.CreateSession(ctx, sessionOf("op_bob", "abcdefgh"[i:i+1])) }) // either may come first
	})
	if list, err := s.Sessions(ctx, "op_bob"); err != nil || len(list) > 0 {
		t.Errorf("a disabled operator has %d sessions (%v)", len(list), err)
	}
	err := s.Update(ctx, func(tx store.Tx) error { return tx.CreateSession(ctx, sessionOf("op_bob", "later")) })
	wantErr(t, "a session of a disabled operator", err, mintage.ErrNotFound)
}

// disable disables an operator, as its use case does.
func disable(ctx context.Context, s store.Store, o *mintage.Operator) error {
	o.Disabled = true
	return s.Update(ctx, func(tx store.Tx) error {
		if err := tx.UpdateOperator(ctx, o); err != nil {
			return err
		}
		return tx.DeleteSessions(ctx, o.ID)
	})
}
