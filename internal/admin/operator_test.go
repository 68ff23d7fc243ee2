package admin_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// overPeople reports whether a path is about people, who belong to no tenant.
func overPeople(path string) bool {
	return strings.HasPrefix(path, "/operators") || strings.HasPrefix(path, "/invitations")
}

// sessionOf is the session of the operator that person makes.
func sessionOf(client string) string {
	sum := sha256.Sum256([]byte(client))
	return hex.EncodeToString(sum[:])
}

func (w *world) invitation(t *testing.T) string {
	t.Helper()
	l, err := w.manager.Invite(t.Context(), manage.Server(), mintage.Invitation{Email: "somebody@example.com", Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	return l.ID
}

// person makes an operator that is named after a client, with a session.
func (w *world) person(t *testing.T, client string) *mintage.Operator {
	t.Helper()
	ctx, email := t.Context(), strings.ToLower(client)+"@example.com"
	l, err := w.manager.Invite(ctx, manage.Server(), mintage.Invitation{Email: email, Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.manager.Accept(ctx, manage.By{}, manage.Acceptance{
		Token: l.Token, ID: "op_" + client[3:], Name: "Person",
		Credentials: []*mintage.OperatorCredential{{Kind: mintage.CredentialPasskey, ID: client, Data: []byte("x")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.manager.SignIn(ctx, manage.By{}, o, &mintage.Session{
		ID: sessionOf(client), OperatorID: o.ID, Method: "passkey", Created: w.now, LastSeen: w.now, Expires: w.now.Add(time.Hour), Address: "192.0.2.1",
	}, func(store.Tx) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), adminclientFor(t, w, mintage.BuiltInTenant, "operators:read", "operators:write", "clients:read")
	o := w.person(t, "mc_Person")
	got, err := c.Operator(ctx, o.ID)
	if err != nil || got.Email != "mc_person@example.com" || got.Role != "viewer" || got.LastSignIn == nil || got.Version != 1 {
		t.Fatalf("got %+v (%v)", got, err)
	}
	w.organization(t, "hotel", "acme")
	got, err = c.UpdateOperator(ctx, o.ID, adminclient.Patch{
		"role": nil, "memberships": []adminclient.Membership{{Tenant: "hotel", Organization: "acme", Role: "viewer"}},
	}, 1)
	// Who lacks what a role gives may not take it, and here lacks most of it.
	if p, ok := errors.AsType[*adminclient.Problem](err); !ok || p.Code != "scope.not_granted" {
		t.Errorf("got %+v, %v", got, err)
	}
	all := adminclientFor(t, w, mintage.BuiltInTenant, "*")
	got, err = all.UpdateOperator(ctx, o.ID, adminclient.Patch{
		"role": nil, "memberships": []adminclient.Membership{{Tenant: "hotel", Organization: "acme", Role: "viewer"}},
	}, 1)
	if err != nil || got.Role != "" || len(got.Memberships) != 1 || got.Name != "Person" {
		t.Fatalf("got %+v (%v)", got, err)
	}
	if _, err := all.UpdateOperator(ctx, o.ID, adminclient.Patch{"name": "X"}, 1); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("an old version: %v", err)
	}
	if _, err := all.UpdateOperator(ctx, o.ID, adminclient.Patch{"id": "op_other"}, 0); err == nil {
		t.Error("AD-02: a member that cannot be written was taken")
	}
	sessions, err := whole(all.Sessions(ctx, o.ID, listAll))
	if err != nil || len(sessions) != 1 || sessions[0].Address != "192.0.2.1" {
		t.Fatalf("sessions %+v (%v)", sessions, err)
	}
	if err := all.EndSessions(ctx, o.ID, sessions[0].ID); err != nil {
		t.Error(err)
	}
	if err := all.EndSessions(ctx, o.ID, sessions[0].ID); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
	var made []string
	for _, email := range []string{"New@example.com", "two@example.com", "three@example.com"} {
		i, err := all.Invite(ctx, adminclient.NewInvitation{Email: email, Role: "developer"})
		if err != nil || !strings.Contains(i.Link, "/console/invitation/") || i.Email != strings.ToLower(email) {
			t.Fatalf("invited %+v (%v)", i, err)
		}
		made = append(made, i.ID)
	}
	list, err := whole(c.Invitations(ctx, adminclient.List{Limit: 2}))
	if err != nil || len(list) != len(made) || list[0].Link != "" {
		t.Errorf("AD-03: invitations %+v (%v)", list, err)
	}
	if r, err := all.RecoverOperator(ctx, o.ID); err != nil || r.Link == "" || r.OperatorID != o.ID {
		t.Errorf("recovery %+v (%v)", r, err)
	}
	for _, id := range made {
		if err := all.DeleteInvitation(ctx, id); err != nil {
			t.Error(err)
		}
	}
	if err := all.DeleteOperator(ctx, o.ID, 0); err != nil {
		t.Error(err)
	}
	for o, err := range c.Operators(ctx, listAll) {
		t.Errorf("left: %+v (%v)", o, err)
	}
}

// whole reads all pages of a list.
func whole[T any](pages iter.Seq2[*T, error]) (list []*T, err error) {
	for item, err := range pages {
		if err != nil {
			return list, err
		}
		list = append(list, item)
	}
	return list, nil
}
