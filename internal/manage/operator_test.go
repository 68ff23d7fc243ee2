package manage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// join makes an operator by an invitation, as the console does.
func (w *world) join(t *testing.T, i mintage.Invitation) *mintage.Operator {
	t.Helper()
	link, err := w.Invite(t.Context(), owner(), i)
	if err != nil {
		t.Fatal(err)
	}
	return w.accept(t, link)
}

func (w *world) accept(t *testing.T, link *manage.Link) *mintage.Operator {
	t.Helper()
	o, err := w.Accept(t.Context(), manage.By{Via: "console"}, manage.Acceptance{
		Token: link.Token, ID: "op_" + strings.ReplaceAll(link.Email, "@", "_"), Email: "first@example.com",
		Credentials: []*mintage.OperatorCredential{{Kind: mintage.CredentialPasskey, ID: link.ID, Data: []byte("key")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// owner is an owner in the console.
func owner() manage.By {
	return manage.By{
		Actor: mintage.Actor{Tenant: mintage.BuiltInTenant, OperatorID: "op_owner", OperatorEmail: "owner@example.com"},
		Via:   "console", Scope: manage.RoleScope(mintage.RoleOwner),
	}
}

// memberBy is a member of an organization of hotel in the console.
func memberBy(organization string, role mintage.Role) manage.By {
	return manage.By{
		Actor: mintage.Actor{Tenant: "hotel", OperatorID: "op_member", OperatorEmail: "member@example.com"}, Via: "console",
		Scope: manage.MemberScope(role), Organization: manage.OrganizationKey{Tenant: "hotel", ID: organization},
	}
}

func reason(err error) string {
	if r, ok := errors.AsType[*manage.Refusal](err); ok {
		return r.Reason
	}
	if errors.Is(err, mintage.ErrNotFound) {
		return "not found"
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestRoleScopes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		role     mintage.Role
		has, not []string
	}{
		{mintage.RoleOwner, []string{"operators:write", "tenants:write", "clients:write"}, nil},
		{mintage.RoleAdmin, []string{"keys:write", "clients:write", "operators:read"}, []string{"operators:write", "tenants:write"}},
		{mintage.RoleDeveloper, []string{"clients:write", "audit:read"}, []string{"keys:write", "organizations:write"}},
		{mintage.RoleViewer, []string{"clients:read", "tenants:read"}, []string{"clients:write"}},
		{"", nil, []string{"clients:read"}},
		{"root", nil, []string{"clients:read"}},
	} {
		scope := manage.RoleScope(tt.role)
		for _, s := range tt.has {
			if !scope.Has(manage.AdminPrefix + s) {
				t.Errorf("%q lacks %s", tt.role, s)
			}
		}
		for _, s := range tt.not {
			if scope.Has(manage.AdminPrefix + s) {
				t.Errorf("%q has %s", tt.role, s)
			}
		}
	}
	// Each role includes those below it, and in an organization is less than over
	// everything, but for the members, which are the organization's.
	roles := mintage.Roles()
	for i, r := range roles[1:] {
		if missing := manage.RoleScope(r).Without(manage.RoleScope(roles[i])); len(missing) > 0 {
			t.Errorf("%s has %v, and %s has not", r, missing, roles[i])
		}
		if missing := manage.MemberScope(r).Without(manage.RoleScope(mintage.RoleOwner)); len(missing) > 0 {
			t.Errorf("a member has %v", missing)
		}
	}
	if len(manage.MemberScope(mintage.RoleOwner)) > 0 {
		t.Error("an organization has an owner")
	}
}

// AD-09: the setup link works once, for a day, and only while there is nobody.
func TestSetupLink(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	if _, err := w.Bootstrap(ctx, "https://admin.example", nil); err != nil {
		t.Fatal(err)
	}
	first, err := w.SetupLink(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows := len(w.events(t))
	second, err := w.SetupLink(ctx) // of another node, or after a restart
	if err != nil {
		t.Fatal(err)
	}
	if second.Token != first.Token || len(w.events(t)) != rows {
		t.Errorf("another start made another link, or %d rows in the audit log", len(w.events(t))-rows)
	}
	late, now := first.Expires, w.now
	w.now = late.Add(-time.Hour)
	if next, err := w.SetupLink(ctx); err != nil || next.Token == first.Token || !next.Expires.After(late) {
		t.Errorf("an hour before its end: %v, %v", next, err)
	}
	if _, err := w.InvitationOf(ctx, first.Token); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("the one before: %v", err)
	}
	w.now = now
	for _, i := range w.invitations(t) {
		if err := w.DeleteInvitation(ctx, manage.Server(), i.ID); err != nil {
			t.Fatal(err)
		}
	}
	if first, err = w.SetupLink(ctx); err != nil {
		t.Fatal(err)
	}
	second = first
	w.now = late
	if _, err := w.InvitationOf(ctx, first.Token); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("after a day: %v", err)
	}
	w.now = now
	o := w.accept(t, first)
	if o.Role != mintage.RoleOwner || o.Email != "first@example.com" {
		t.Errorf("got %+v", o)
	}
	e := w.last(t)
	if e.Action != "operator.create" || e.Actor.OperatorID != o.ID || e.Tenant != mintage.BuiltInTenant || strings.Contains(string(e.After), "data") {
		t.Errorf("audit row %+v", e)
	}
	for name, l := range map[string]*manage.Link{"used": first, "other": second} {
		_, err := w.Accept(ctx, manage.By{}, manage.Acceptance{Token: l.Token, ID: "op_thief", Email: "thief@example.com"})
		if !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("the %s link: %v", name, err)
		}
	}
	if l, err := w.SetupLink(ctx); err != nil || l != nil {
		t.Errorf("a setup link beside an owner: %v, %v", l, err)
	}
	for _, i := range []string{first.Token, second.Token} {
		for _, e := range w.events(t) {
			if strings.Contains(string(e.After)+string(e.Before)+e.Target+e.Name, i) {
				t.Error("an audit row holds the link")
			}
		}
	}
}

func (w *world) invitations(t *testing.T) []*mintage.Invitation {
	t.Helper()
	list, err := w.Invitations(t.Context(), manage.Server())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Of nodes that start at the same time without an operator, one makes the link,
// and all print it.
func TestSetupLinkOfManyNodes(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	if _, err := w.Bootstrap(ctx, "https://admin.example", nil); err != nil {
		t.Fatal(err)
	}
	rows, links := len(w.events(t)), make(chan string, 4)
	for range cap(links) {
		go func() {
			l, err := w.SetupLink(ctx)
			if err != nil {
				t.Error(err)
				links <- ""
				return
			}
			links <- l.Token
		}()
	}
	first := <-links
	for range cap(links) - 1 {
		if l := <-links; l != first {
			t.Error("two links")
		}
	}
	if n := len(w.events(t)) - rows; n != 1 || len(w.invitations(t)) != 1 {
		t.Errorf("%d rows in the audit log and %d links, want one of each", n, len(w.invitations(t)))
	}
}

// Two who set up at the same time: one of them is the owner.
func TestSetupRace(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	if _, err := w.Bootstrap(ctx, "https://admin.example", nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 4)
	var links []*manage.Link
	for range cap(done) {
		l, err := w.SetupLink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, l)
	}
	for i, l := range links {
		go func() {
			_, err := w.Accept(ctx, manage.By{}, manage.Acceptance{
				Token: l.Token, ID: "op_" + string(rune('a'+i)), Email: string(rune('a'+i)) + "@example.com",
				Credentials: []*mintage.OperatorCredential{{Kind: mintage.CredentialPasskey, ID: l.ID}},
			})
			done <- err
		}()
	}
	won := 0
	for range cap(done) {
		if err := <-done; err == nil {
			won++
		} else if !errors.Is(err, mintage.ErrNotFound) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d owners were set up at once", won)
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	ada := w.join(t, mintage.Invitation{Email: "Ada@Example.com ", Role: mintage.RoleOwner})
	if ada.Email != "ada@example.com" {
		t.Errorf("address %q", ada.Email)
	}
	bob := w.join(t, mintage.Invitation{Email: "bob@example.com", Role: mintage.RoleViewer})
	set := func(by manage.By, id string, change func(*mintage.Operator)) error {
		_, err := w.UpdateOperator(ctx, by, id, 0, func(o *mintage.Operator) error { change(o); return nil })
		return err
	}
	role := func(r mintage.Role) func(*mintage.Operator) { return func(o *mintage.Operator) { o.Role = r } }
	admin, without := owner(), owner()
	admin.Scope = manage.RoleScope(mintage.RoleAdmin)
	without.Scope = manage.RoleScope(mintage.RoleOwner).Without(manage.RoleScope(mintage.RoleOwner)[:1])
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"the last owner steps down":         {set(owner(), ada.ID, role(mintage.RoleAdmin)), "operator.last_owner"},
		"the last owner is disabled":        {set(owner(), ada.ID, func(o *mintage.Operator) { o.Disabled = true }), "operator.last_owner"},
		"the last owner is deleted":         {w.DeleteOperator(ctx, owner(), ada.ID, 0), "operator.last_owner"},
		"an admin appoints":                 {set(admin, bob.ID, role(mintage.RoleDeveloper)), "scope.not_granted"},
		"an admin deletes":                  {w.DeleteOperator(ctx, admin, bob.ID, 0), "scope.not_granted"},
		"who has less makes an owner":       {set(without, bob.ID, role(mintage.RoleOwner)), "scope.not_granted"},
		"who has less changes an owner":     {set(without, ada.ID, func(o *mintage.Operator) { o.Name = "X" }), "scope.not_granted"},
		"who has less recovers an owner":    {errOf(w.RecoverOperator(ctx, without, ada.ID)), "scope.not_granted"},
		"who has less invites an owner":     {errOf(w.Invite(ctx, without, mintage.Invitation{Email: "e@x.y", Role: mintage.RoleOwner})), "scope.not_granted"},
		"who has less signs an owner out":   {w.EndSession(ctx, without, ada.ID, ""), "scope.not_granted"},
		"an admin reads sessions":           {errOf(w.Sessions(ctx, admin, bob.ID)), ""},
		"nobody reads sessions":             {errOf(w.Sessions(ctx, manage.By{}, bob.ID)), "scope.not_granted"},
		"a role that there is not":          {set(owner(), bob.ID, role("root")), "/role: write owner, admin, developer or viewer, or leave it out"},
		"an address that is taken":          {set(owner(), bob.ID, func(o *mintage.Operator) { o.Email = ada.Email }), "exists"},
		"an invitation for one that is":     {errOf(w.Invite(ctx, owner(), mintage.Invitation{Email: "BOB@example.com", Role: mintage.RoleViewer})), "exists"},
		"an invitation without a role":      {errOf(w.Invite(ctx, owner(), mintage.Invitation{Email: "e@x.y"})), "/role"},
		"an invitation to half a place":     {errOf(w.Invite(ctx, owner(), mintage.Invitation{Email: "e@x.y", Role: "viewer", Tenant: "hotel"})), "/organization"},
		"an invitation to an owner's place": {errOf(w.Invite(ctx, owner(), mintage.Invitation{Email: "e@x.y", Role: "owner", Tenant: "h", Organization: "o"})), "/role"},
	} {
		if got := reason(tt.err); got != tt.want && (tt.want == "" || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if err := set(owner(), bob.ID, role(mintage.RoleOwner)); err != nil {
		t.Fatal(err)
	}
	e := w.last(t)
	if e.Action != "operator.update" || string(e.Before) != `{"role":"viewer"}` || string(e.After) != `{"role":"owner"}` || e.Actor.OperatorEmail != "owner@example.com" {
		t.Errorf("audit row %+v %s %s", e, e.Before, e.After)
	}
	if err := w.DeleteOperator(ctx, owner(), ada.ID, 0); err != nil {
		t.Errorf("an owner beside another: %v", err)
	}
	if _, err := w.UpdateOperator(ctx, owner(), bob.ID, 1, func(*mintage.Operator) error { return nil }); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("an old version: %v", err)
	}
}

// errOf returns the error of a call.
func errOf[T any](_ T, err error) error { return err }

// AD-11: a disabled operator has no session, and gets none.
func TestDisabledOperator(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.join(t, mintage.Invitation{Email: "ada@example.com", Role: mintage.RoleOwner})
	bob := w.join(t, mintage.Invitation{Email: "bob@example.com", Role: mintage.RoleViewer})
	session := func(id string) error {
		return w.SignIn(ctx, manage.By{Via: "console"}, bob, &mintage.Session{
			ID: id, OperatorID: bob.ID, Method: "passkey", Created: w.now, LastSeen: w.now, Expires: w.now.Add(time.Hour),
		}, func(store.Tx) error { return nil })
	}
	if err := session("s1"); err != nil {
		t.Fatal(err)
	}
	if e := w.last(t); e.Action != "session.create" || e.Actor.OperatorID != bob.ID || string(e.After) != `{"method":"passkey"}` {
		t.Errorf("audit row %+v %s", e, e.After)
	}
	recovery, err := w.RecoverOperator(ctx, owner(), bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.UpdateOperator(ctx, owner(), bob.ID, 0, func(o *mintage.Operator) error { o.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if list, err := w.Sessions(ctx, owner(), bob.ID); err != nil || len(list) > 0 {
		t.Errorf("%d sessions (%v)", len(list), err)
	}
	if err := session("s2"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("a new session: %v", err)
	}
	if _, err := w.Accept(ctx, manage.By{}, manage.Acceptance{Token: recovery.Token}); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("a recovery: %v", err)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	ada := w.join(t, mintage.Invitation{Email: "ada@example.com", Role: mintage.RoleOwner})
	link, err := w.RecoverOperator(ctx, owner(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.accept(t, link); got.ID != ada.ID || got.Role != mintage.RoleOwner {
		t.Errorf("got %+v", got)
	}
	cs, err := w.Store.OperatorCredentials(ctx, ada.ID)
	if err != nil || len(cs) != 1 || cs[0].ID != link.ID {
		t.Errorf("credentials %v (%v), want the new one alone", cs, err)
	}
	if e := w.last(t); e.Action != "operator.recover" || e.Target != ada.ID {
		t.Errorf("audit row %+v", e)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.hotel(t, "hotel")
	for _, id := range []string{"acme", "rival"} {
		if _, err := w.CreateOrganization(ctx, owner(), &mintage.Organization{Tenant: "hotel", ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	w.join(t, mintage.Invitation{Email: "boss@example.com", Role: mintage.RoleOwner})
	mallory := w.join(t, mintage.Invitation{Email: "m@rival.example", Tenant: "hotel", Organization: "rival", Role: mintage.RoleAdmin})
	by := memberBy("acme", mintage.RoleAdmin)
	link, err := w.Invite(ctx, by, mintage.Invitation{Email: "eve@example.com", Role: mintage.RoleDeveloper})
	if err != nil {
		t.Fatal(err)
	}
	if e := w.last(t); e.Tenant != "hotel" || e.Action != "invitation.create" {
		t.Errorf("audit row %+v", e)
	}
	eve := w.accept(t, link)
	want := []mintage.Membership{{Tenant: "hotel", Organization: "acme", Role: mintage.RoleDeveloper}}
	if eve.Role != "" || !slices.Equal(eve.Memberships, want) {
		t.Errorf("got %+v", eve)
	}
	// Whoever is an operator already proves it, and then belongs to both.
	both, err := w.Invite(ctx, by, mintage.Invitation{Email: mallory.Email, Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Accept(ctx, manage.By{}, manage.Acceptance{Token: both.Token, ID: "op_new"}); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("as somebody new: %v", err)
	}
	if _, err := w.Accept(ctx, manage.By{}, manage.Acceptance{Token: both.Token, SignedIn: eve.ID}); reason(err) != "invitation.other_person" {
		t.Errorf("as somebody else: %v", err)
	}
	if o, err := w.Accept(ctx, manage.By{}, manage.Acceptance{Token: both.Token, SignedIn: mallory.ID}); err != nil || len(o.Memberships) != 2 {
		t.Errorf("as themselves: %+v, %v", o, err)
	}
	list, err := w.Operators(ctx, by, "", 0)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d members (%v)", len(list), err)
	}
	for _, o := range list {
		if len(o.Memberships) != 1 || o.Memberships[0].Organization != "acme" {
			t.Errorf("a member sees %+v", o)
		}
	}
	rival := memberBy("rival", mintage.RoleAdmin)
	viewer := memberBy("acme", mintage.RoleViewer)
	promote := func(by manage.By, id string, change func(*mintage.Operator)) error {
		_, err := w.UpdateOperator(ctx, by, id, 0, func(o *mintage.Operator) error { change(o); return nil })
		return err
	}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"another organization's":   {promote(rival, eve.ID, func(*mintage.Operator) {}), "not found"},
		"read another's":           {errOf(w.Operator(ctx, rival, eve.ID)), "not found"},
		"sessions of a member":     {errOf(w.Sessions(ctx, by, eve.ID)), "not found"},
		"sign a member out":        {w.EndSession(ctx, by, eve.ID, ""), "not found"},
		"recover a member":         {errOf(w.RecoverOperator(ctx, by, eve.ID)), "organization.not_granted"},
		"make a member an owner":   {promote(by, eve.ID, func(o *mintage.Operator) { o.Role = mintage.RoleOwner }), "organization.not_granted"},
		"disable a member":         {promote(by, eve.ID, func(o *mintage.Operator) { o.Disabled = true }), "organization.not_granted"},
		"give them to another":     {promote(by, eve.ID, func(o *mintage.Operator) { o.Memberships[0].Organization = "rival" }), "not found"},
		"take them from another":   {promote(by, mallory.ID, func(o *mintage.Operator) { o.Memberships = nil }), "not found"},
		"invite to another":        {errOf(w.Invite(ctx, by, mintage.Invitation{Email: "x@y.z", Tenant: "hotel", Organization: "rival", Role: "viewer"})), "not found"},
		"a viewer invites":         {errOf(w.Invite(ctx, viewer, mintage.Invitation{Email: "x@y.z", Role: "viewer"})), "scope.not_granted"},
		"take back another's link": {w.DeleteInvitation(ctx, rival, pending(t, w)), "not found"},
	} {
		if got := reason(tt.err); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if err := w.DeleteOperator(ctx, by, mallory.ID, 0); err != nil {
		t.Fatal(err)
	}
	if o, err := w.Operator(ctx, owner(), mallory.ID); err != nil || len(o.Memberships) != 1 || o.Memberships[0].Organization != "rival" {
		t.Errorf("taken out of one: %+v (%v)", o, err)
	}
}

// pending makes an invitation into acme.
func pending(t *testing.T, w *world) string {
	t.Helper()
	l, err := w.Invite(t.Context(), memberBy("acme", mintage.RoleAdmin), mintage.Invitation{Email: "p@example.com", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	return l.ID
}
