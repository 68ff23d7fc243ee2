package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

func ada() *mintage.Operator {
	return &mintage.Operator{
		ID: "op_ada", Email: "ada@example.com", Name: "Ada", Role: mintage.RoleDeveloper, Disabled: true,
		Memberships: []mintage.Membership{
			{Tenant: "acme", Organization: "org-1", Role: mintage.RoleAdmin},
			{Tenant: "other", Organization: "org-1", Role: mintage.RoleViewer},
		},
		Created: at(1), Updated: at(2),
	}
}

func bob() *mintage.Operator {
	return &mintage.Operator{ID: "op_bob", Email: "bob@example.com", Role: mintage.RoleOwner, Created: at(3), Updated: at(4)}
}

func addOperators(t *testing.T, s store.Store, list ...*mintage.Operator) {
	t.Helper()
	for _, o := range list {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateOperator(ctx, o) })
	}
}

func operators(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	a, b := ada(), bob()
	addOperators(t, s, a, b)
	if a.Version != 1 {
		t.Errorf("a new operator has version %d", a.Version)
	}
	for id, want := range map[string]*mintage.Operator{"op_ada": a, "op_bob": b} {
		got, err := s.Operator(ctx, id)
		must(t, err)
		diff(t, "operator", got, want)
		got, err = s.OperatorByEmail(ctx, want.Email)
		must(t, err)
		diff(t, "operator by address", got, want)
	}
	_, err := s.OperatorByEmail(ctx, "eve@example.com")
	wantErr(t, "an address that nobody has", err, mintage.ErrNotFound)
	for what, o := range map[string]*mintage.Operator{
		"identifier": {ID: "op_ada", Email: "new@example.com"}, "address": {ID: "op_new", Email: "ada@example.com"},
	} {
		err := s.Update(ctx, func(tx store.Tx) error { return tx.CreateOperator(ctx, o) })
		wantErr(t, "the same "+what, err, mintage.ErrExists)
	}
	fresh := bob()
	fresh.Name, fresh.Role, fresh.Disabled, fresh.LastSignIn = "Robert", "", true, at(99)
	fresh.Memberships = []mintage.Membership{{Tenant: "acme", Organization: "org-2", Role: mintage.RoleDeveloper}}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateOperator(ctx, fresh) })
	fresh.LastSignIn = time.Time{} // a mark, which a session moves
	got, err := s.Operator(ctx, "op_bob")
	must(t, err)
	diff(t, "operator after an update", got, fresh)
	if got.Version != 2 {
		t.Errorf("version %d, want 2", got.Version)
	}
	stolen := bob()
	stolen.Email = "ada@example.com"
	wantErr(t, "update to a taken address", s.Update(ctx, func(tx store.Tx) error { return tx.UpdateOperator(ctx, stolen) }), mintage.ErrExists)
	for _, ask := range []struct {
		q    store.OperatorQuery
		want []string
	}{
		{store.OperatorQuery{}, []string{"op_ada", "op_bob"}},
		{store.OperatorQuery{Page: store.Page{Limit: 1}}, []string{"op_ada"}},
		{store.OperatorQuery{Page: store.Page{After: "op_ada"}}, []string{"op_bob"}},
		{store.OperatorQuery{Tenant: "acme", Organization: "org-1"}, []string{"op_ada"}},
		{store.OperatorQuery{Tenant: "acme", Organization: "org-2"}, []string{"op_bob"}},
		{store.OperatorQuery{Tenant: "other", Organization: "org-2"}, nil},
		{store.OperatorQuery{Role: mintage.RoleDeveloper}, []string{"op_ada"}},
		{store.OperatorQuery{Role: mintage.RoleDeveloper, Tenant: "acme", Organization: "org-2"}, nil},
		{store.OperatorQuery{ByEmail: true}, []string{"op_ada", "op_bob"}},
		{store.OperatorQuery{ByEmail: true, Page: store.Page{After: "ada@example.com", Limit: 1}}, []string{"op_bob"}},
		{store.OperatorQuery{ByEmail: true, Tenant: "acme", Organization: "org-2", Page: store.Page{After: "b"}}, []string{"op_bob"}},
	} {
		list, err := s.Operators(ctx, ask.q)
		must(t, err)
		diff(t, "operators", ids(list, func(o *mintage.Operator) string { return o.ID }), ask.want)
	}
	remove := func() error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.DeleteOperator(ctx, "op_ada") })
	}
	must(t, remove())
	wantErr(t, "deleted twice", remove(), mintage.ErrNotFound)
	wantErr(t, "update of none", s.Update(ctx, func(tx store.Tx) error { return tx.UpdateOperator(ctx, ada()) }), mintage.ErrNotFound)
}

// operatorMemberships: they name organizations that are there, and go with them.
func operatorMemberships(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	stray := ada()
	stray.Memberships[0].Organization = "none"
	wantErr(t, "a member of no organization", s.Update(ctx, func(tx store.Tx) error { return tx.CreateOperator(ctx, stray) }), mintage.ErrNotFound)
	addOperators(t, s, ada())
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateInvitation(ctx, &mintage.Invitation{
			ID: "inv_1", Hash: "h1", Kind: mintage.InvitationInvite, Tenant: "acme", Organization: "org-1", Expires: at(9),
		})
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteOrganization(ctx, "acme", "org-1") })
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateOrganization(ctx, &mintage.Organization{Tenant: "acme", ID: "org-1", Name: "Another of that name"})
	})
	got, err := s.Operator(ctx, "op_ada")
	must(t, err)
	diff(t, "memberships", got.Memberships, ada().Memberships[1:])
	_, err = s.Invitation(ctx, "inv_1")
	wantErr(t, "an invitation into an organization that is gone", err, mintage.ErrNotFound)
}

func operatorFeed(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	last, err := s.LastChange(ctx)
	must(t, err)
	o := bob()
	addOperators(t, s, o)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateOperator(ctx, o) })
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteOperator(ctx, o.ID) })
	got, err := s.Changes(ctx, last, 10)
	must(t, err)
	var want []mintage.Change
	for i := range 3 {
		want = append(want, mintage.Change{Seq: last + int64(i+1), Kind: mintage.ChangeOperator, ID: o.ID})
	}
	diff(t, "changes", got, want)
}

func operatorCredentials(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	addOperators(t, s, ada(), bob())
	password := &mintage.OperatorCredential{
		Operator: "op_ada", Kind: mintage.CredentialPassword, ID: "op_ada", Data: []byte("$argon2id$"), Created: at(1),
	}
	passkey := &mintage.OperatorCredential{
		Operator: "op_ada", Kind: mintage.CredentialPasskey, ID: "AQID", Name: "Phone", Data: []byte{1, 0, 255}, Step: 7,
		Failures: 2, Created: at(2), LastUsed: at(3),
	}
	create := func(c *mintage.OperatorCredential) error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.CreateOperatorCredential(ctx, c) })
	}
	must(t, create(password))
	must(t, create(passkey))
	theft := *passkey
	theft.Operator = "op_bob"
	wantErr(t, "another operator's passkey", create(&theft), mintage.ErrExists)
	wantErr(t, "a credential of nobody", create(&mintage.OperatorCredential{Operator: "op_eve", Kind: "totp", ID: "op_eve"}), mintage.ErrNotFound)
	got, err := s.OperatorCredential(ctx, mintage.CredentialPasskey, "AQID")
	must(t, err)
	diff(t, "passkey", got, passkey)
	list, err := s.OperatorCredentials(ctx, "op_ada")
	must(t, err)
	diff(t, "credentials", list, []*mintage.OperatorCredential{passkey, password})

	for want := int64(1); want <= 3; want++ {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			n, err := tx.FailOperatorCredential(ctx, mintage.CredentialPassword, "op_ada")
			if n != want {
				t.Errorf("%d failures, want %d", n, want)
			}
			return err
		})
	}
	remove := func(operator string) error {
		return s.Update(ctx, func(tx store.Tx) error {
			return tx.DeleteOperatorCredential(ctx, operator, mintage.CredentialPasskey, "AQID")
		})
	}
	wantErr(t, "deleted by another operator", remove("op_bob"), mintage.ErrNotFound)
	must(t, remove("op_ada"))
	wantErr(t, "deleted twice", remove("op_ada"), mintage.ErrNotFound)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteOperator(ctx, "op_ada") })
	_, err = s.OperatorCredential(ctx, mintage.CredentialPassword, "op_ada")
	wantErr(t, "a credential of a deleted operator", err, mintage.ErrNotFound)
}

// operatorCredentialSteps: a step is used once, whoever else uses it, and none
// before it any more.
func operatorCredentialSteps(t *testing.T, s store.Store) {
	addOperators(t, s, bob())
	c := &mintage.OperatorCredential{Operator: "op_bob", Kind: mintage.CredentialTOTP, ID: "op_bob", Data: []byte("old"), Failures: 5}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateOperatorCredential(ctx, c) })
	use := func(step int64, data []byte) (used bool) {
		err := s.Update(t.Context(), func(tx store.Tx) (err error) {
			used, err = tx.UseOperatorCredential(t.Context(), c, step, data, at(int(step)))
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return used
	}
	for i, try := range []struct {
		step int64
		data []byte
		want bool
	}{{10, nil, true}, {10, nil, false}, {9, nil, false}, {11, []byte("new"), true}, {0, nil, true}, {11, nil, false}} {
		if got := use(try.step, try.data); got != try.want {
			t.Errorf("use %d, step %d: got %v", i+1, try.step, got)
		}
	}
	got, err := s.OperatorCredential(t.Context(), c.Kind, c.ID)
	must(t, err)
	diff(t, "credential", got, &mintage.OperatorCredential{
		Operator: "op_bob", Kind: mintage.CredentialTOTP, ID: "op_bob", Data: []byte("new"), Step: 11, LastUsed: at(0),
	})
	var taken atomic.Int32
	parallel(8, func(int) {
		if use(20, nil) {
			taken.Add(1)
		}
	})
	if n := taken.Load(); n != 1 {
		t.Errorf("one step was used %d times at once", n)
	}
}

func invitations(t *testing.T, s store.Store) {
	prepare(t, s)
	ctx := t.Context()
	addOperators(t, s, bob())
	full := &mintage.Invitation{
		ID: "inv_1", Hash: "h1", Kind: mintage.InvitationInvite, Email: "eve@example.com", Name: "Eve", Role: mintage.RoleViewer,
		Tenant: "acme", Organization: "org-1", CreatedBy: "op_bob", Created: at(1), Expires: at(2),
	}
	recovery := &mintage.Invitation{ID: "inv_2", Hash: "h2", Kind: mintage.InvitationRecover, OperatorID: "op_bob", Expires: at(3)}
	create := func(i *mintage.Invitation) error {
		return s.Update(ctx, func(tx store.Tx) error { return tx.CreateInvitation(ctx, i) })
	}
	must(t, create(full))
	must(t, create(recovery))
	wantErr(t, "the same hash", create(&mintage.Invitation{ID: "inv_3", Hash: "h1"}), mintage.ErrExists)
	wantErr(t, "no organization", create(&mintage.Invitation{ID: "inv_3", Hash: "h3", Tenant: "acme", Organization: "none"}), mintage.ErrNotFound)
	got, err := s.InvitationByHash(ctx, "h1")
	must(t, err)
	diff(t, "invitation", got, full)
	list, err := s.Invitations(ctx, store.Page{})
	must(t, err)
	diff(t, "invitations", list, []*mintage.Invitation{full, recovery})
	var taken atomic.Int32
	parallel(8, func(int) {
		if s.Update(ctx, func(tx store.Tx) error { return tx.DeleteInvitation(ctx, "inv_1") }) == nil {
			taken.Add(1)
		}
	})
	if n := taken.Load(); n != 1 {
		t.Errorf("one invitation was used %d times", n)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteOperator(ctx, "op_bob") })
	_, err = s.Invitation(ctx, "inv_2")
	wantErr(t, "a recovery of a deleted operator", err, mintage.ErrNotFound)
}

// challenges: one that was used is used, whoever else comes at the same time.
func challenges(t *testing.T, s store.Store) {
	var taken atomic.Int32
	parallel(8, func(int) {
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.SpendChallenge(t.Context(), "c1", at(1)) })
		if err == nil {
			taken.Add(1)
			return
		}
		wantErr(t, "a spent challenge", err, mintage.ErrExists)
	})
	if n := taken.Load(); n != 1 {
		t.Errorf("one challenge was spent %d times", n)
	}
}

// expiring writes an invitation, a challenge and a pairing that expire.
func expiring(ctx context.Context, tx store.Tx, id string, expires int) error {
	return errors.Join(
		tx.CreateInvitation(ctx, &mintage.Invitation{ID: id, Hash: id, Expires: at(expires)}),
		tx.SpendChallenge(ctx, id, at(expires)),
		tx.CreatePairing(ctx, &mintage.Pairing{ID: id, Hash: id, Expires: at(expires)}))
}

func peopleSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	addOperators(t, s, bob())
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for i, v := range []struct{ seen, expires int }{{10, 29}, {9, 90}, {10, 30}} {
			ses := sessionOf("op_bob", "abc"[i:i+1])
			ses.LastSeen, ses.Expires = at(v.seen), at(v.expires)
			if err := tx.CreateSession(ctx, ses); err != nil {
				return err
			}
		}
		return errors.Join(expiring(ctx, tx, "a", 29), expiring(ctx, tx, "b", 30))
	})
	for _, want := range []int{4, 1, 0} { // one of each, then the second session
		if n, err := s.SweepPeople(ctx, at(30), at(10), 1); err != nil || n != want {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	if _, err := s.Session(ctx, "c"); err != nil {
		t.Error(err)
	}
	if _, err := s.Invitation(ctx, "b"); err != nil {
		t.Error(err)
	}
	if _, err := s.Pairing(ctx, "b"); err != nil {
		t.Error(err)
	}
}
