package people_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
)

func gone(err error) bool { return errors.Is(err, mintage.ErrNotFound) }

func (w *world) look(t *testing.T, cookie string) error {
	t.Helper()
	_, err := w.Viewer(t.Context(), cookie)
	return err
}

// A session ends after a day's work and two hours of rest, whatever the use.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, cookie := w.first(t)
	began := w.now
	for w.now.Sub(began) < 12*time.Hour-time.Hour {
		w.now = w.now.Add(people.IdleLifetime - time.Minute)
		if w.now.Sub(began) >= 12*time.Hour {
			break
		}
		if err := w.look(t, cookie); err != nil {
			t.Fatalf("in use after %v: %v", w.now.Sub(began), err)
		}
	}
	w.now = began.Add(12 * time.Hour)
	if err := w.look(t, cookie); !gone(err) {
		t.Errorf("after twelve hours: %v", err)
	}
	idle, err := w.signIn(t, ada)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(people.IdleLifetime - time.Second)
	if err := w.look(t, idle); err != nil {
		t.Errorf("shortly before two hours without use: %v", err)
	}
	w.now = w.now.Add(people.IdleLifetime)
	if err := w.look(t, idle); !gone(err) {
		t.Errorf("after two hours without use: %v", err)
	}
	w.now = w.now.Add(time.Second)
	if _, err := w.store.SweepPeople(t.Context(), w.now, w.now.Add(-people.IdleLifetime), 10); err != nil {
		t.Fatal(err)
	}
	if list, err := w.store.Sessions(t.Context(), w.operator(t, ada.email).ID); err != nil || len(list) > 0 {
		t.Errorf("%d sessions are left (%v)", len(list), err)
	}
	for _, bad := range []string{"", "x", idle + "x", idle[1:]} {
		if err := w.look(t, bad); !gone(err) {
			t.Errorf("cookie %q: %v", bad, err)
		}
	}
}

func (w *world) operator(t *testing.T, email string) *mintage.Operator {
	t.Helper()
	o, err := w.store.OperatorByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// AD-05, AD-11: signing out, being signed out and being disabled end a session.
func TestSessionsAreEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, first := w.first(t)
	ctx := t.Context()
	var cookies []string
	for range 3 {
		w.now = w.now.Add(time.Minute)
		c, err := w.signIn(t, ada)
		if err != nil {
			t.Fatal(err)
		}
		cookies = append(cookies, c)
	}
	if err := w.SignOut(ctx, w.viewer(t, cookies[0]), from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if err := w.look(t, cookies[0]); !gone(err) {
		t.Errorf("signed out: %v", err)
	}
	if err := w.EndOthers(ctx, w.viewer(t, cookies[2]), from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{first, cookies[1]} {
		if err := w.look(t, c); !gone(err) {
			t.Errorf("another session: %v", err)
		}
	}
	v := w.viewer(t, cookies[2])
	link, err := w.manager.Invite(ctx, v.By("192.0.2.1", "req_1"), mintage.Invitation{Email: "bob@example.com", Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	bob, session := w.join(t, link, "bob@example.com")
	id := w.operator(t, bob.email).ID
	set := func(change func(*mintage.Operator)) {
		t.Helper()
		if _, err := w.manager.UpdateOperator(ctx, v.By("", ""), id, 0, func(o *mintage.Operator) error { change(o); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(func(o *mintage.Operator) { o.Disabled = true })
	if err := w.look(t, session); !gone(err) {
		t.Errorf("disabled: %v", err)
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.signIn(t, bob); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("disabled, again: %v", err)
	}
	set(func(o *mintage.Operator) { o.Disabled = false })
	if err := w.look(t, session); !gone(err) {
		t.Errorf("an old session lives again: %v", err)
	}
	w.now = w.now.Add(time.Minute)
	session, err = w.signIn(t, bob)
	if err != nil {
		t.Fatal(err)
	}
	set(func(o *mintage.Operator) { o.Role = "" })
	if err := w.look(t, session); !gone(err) {
		t.Errorf("without any role: %v", err)
	}
	if err := w.manager.EndSession(ctx, v.By("", ""), id, ""); err != nil {
		t.Fatal(err)
	}
	set(func(o *mintage.Operator) { o.Role = mintage.RoleViewer })
	if err := w.look(t, session); !gone(err) {
		t.Errorf("ended by an owner: %v", err)
	}
}

// A member works in one organization at a time, and never outside.
func TestPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, cookie := w.first(t)
	ctx, owner := t.Context(), w.viewer(t, cookie).By("", "")
	if _, err := w.manager.CreateTenant(ctx, owner, &mintage.Tenant{ID: "hotel", Issuer: "https://hotel.example"}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"acme", "bravo", "rival"} {
		if _, err := w.manager.CreateOrganization(ctx, owner, &mintage.Organization{Tenant: "hotel", ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	link, err := w.manager.Invite(ctx, owner, mintage.Invitation{Email: "m@example.com", Tenant: "hotel", Organization: "bravo", Role: mintage.RoleDeveloper})
	if err != nil {
		t.Fatal(err)
	}
	m, session := w.join(t, link, "m@example.com")
	again, err := w.manager.Invite(ctx, manage.By{
		Scope: manage.MemberScope(mintage.RoleAdmin), Organization: manage.OrganizationKey{Tenant: "hotel", ID: "acme"},
	}, mintage.Invitation{Email: m.email, Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Join(ctx, again.Token, w.viewer(t, session), from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	v := w.viewer(t, session)
	by := v.By("192.0.2.9", "req_2")
	if by.Organization != (manage.OrganizationKey{Tenant: "hotel", ID: "acme"}) || by.Actor.OperatorEmail != m.email || by.Actor.Tenant != "hotel" ||
		!slices.Equal(by.Scope, manage.MemberScope(mintage.RoleViewer)) {
		t.Errorf("in the first: %+v", by)
	}
	for _, to := range []string{"rival", ""} {
		if err := w.Move(ctx, v, "hotel", to); !gone(err) {
			t.Errorf("move to %q: %v", to, err)
		}
	}
	if err := w.Move(ctx, v, "hotel", "bravo"); err != nil {
		t.Fatal(err)
	}
	if v := w.viewer(t, session); v.Membership.Organization != "bravo" || v.Role() != mintage.RoleDeveloper {
		t.Errorf("moved: %+v", v.Membership)
	}
	// With the membership goes the place.
	if _, err := w.manager.UpdateOperator(ctx, owner, v.Operator.ID, 0, func(o *mintage.Operator) error {
		o.Memberships = o.Memberships[:1]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if v := w.viewer(t, session); v.Membership.Organization != "acme" {
		t.Errorf("after it was taken: %+v", v.Membership)
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, cookie := w.first(t)
	ctx := t.Context()
	v := w.viewer(t, cookie)
	e, err := w.NewEnrolment(v.Operator.ID, ada.email)
	if err != nil {
		t.Fatal(err)
	}
	fresh := keyOf(t, e)
	form := people.NewPassword{Password: "another four of them", Sealed: e.Sealed, Code: people.Code(fresh, w.now)}
	for name, bad := range map[string]people.NewPassword{
		"code":     {Password: form.Password, Sealed: form.Sealed, Code: people.Code(ada.key, w.now)},
		"password": {Password: "short", Sealed: form.Sealed, Code: form.Code},
		"key":      {Password: form.Password, Sealed: "AAAA", Code: form.Code},
	} {
		if err := w.SetPassword(ctx, v, bad, from("192.0.2.1")); len(mintage.FieldErrors(err)) != 1 {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
	w.now = w.now.Add(time.Minute)
	other, err := w.signIn(t, ada)
	if err != nil {
		t.Fatal(err)
	}
	form.Code = people.Code(fresh, w.now)
	if err := w.SetPassword(ctx, v, form, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if err := w.look(t, other); !gone(err) {
		t.Errorf("another session after a new password: %v", err)
	}
	if err := w.look(t, cookie); err != nil {
		t.Errorf("the session that changed it: %v", err)
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.SignIn(ctx, ada.email, form.Password, people.Code(fresh, w.now), from("192.0.2.1")); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := w.RemoveCredential(ctx, v, mintage.CredentialPassword, v.Operator.ID, from("192.0.2.1")); !errors.Is(err, people.ErrLastWay) {
		t.Errorf("the last way: %v", err)
	}
	if err := w.RemoveCredential(ctx, v, mintage.CredentialPassword, "another", from("192.0.2.1")); !gone(err) {
		t.Errorf("a password that is not there: %v", err)
	}
	if err := w.RemoveCredential(ctx, v, mintage.CredentialTOTP, v.Operator.ID, from("192.0.2.1")); !gone(err) {
		t.Errorf("the key alone: %v", err)
	}
	if !slices.Contains(w.actions(t), "credential.set_password") {
		t.Errorf("audit log %q", w.actions(t))
	}
	w.now = w.now.Add(time.Hour)
	v = w.viewer(t, cookie)
	for name, err := range map[string]error{
		"set":    w.SetPassword(ctx, v, form, from("192.0.2.1")),
		"remove": w.RemoveCredential(ctx, v, mintage.CredentialPassword, v.Operator.ID, from("192.0.2.1")),
	} {
		if !errors.Is(err, people.ErrStale) {
			t.Errorf("%s an hour after the sign-in: %v", name, err)
		}
	}
}
