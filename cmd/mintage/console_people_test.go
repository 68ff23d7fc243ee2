package main

import (
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// person makes a viewer with one session, who is a member of acme too.
func (w *consoleWorld) person(t *testing.T) (operator *mintage.Operator, session string) {
	t.Helper()
	ctx, by, id := t.Context(), manage.Server(), rand.Text()
	email := strings.ToLower(id) + "@example.com"
	l := must[*manage.Link](t)(w.manager.Invite(ctx, by, mintage.Invitation{Email: email, Role: mintage.RoleViewer}))
	o := must[*mintage.Operator](t)(w.manager.Accept(ctx, manage.By{}, manage.Acceptance{
		Token: l.Token, ID: "op_" + id[:16], Name: "Bob", Credentials: []*mintage.OperatorCredential{{Kind: mintage.CredentialPasskey, ID: id, Data: []byte("x")}},
	}))
	session = hex.EncodeToString([]byte(id + id)[:32])
	if err := w.manager.SignIn(ctx, manage.By{}, o, &mintage.Session{
		ID: session, OperatorID: o.ID, Method: "passkey", Created: time.Now(), LastSeen: time.Now(), Expires: time.Now().Add(time.Hour),
	}, func(store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	o = must[*mintage.Operator](t)(w.manager.UpdateOperator(ctx, by, o.ID, 0, func(o *mintage.Operator) error {
		o.Memberships = []mintage.Membership{{Tenant: "hotel", Organization: "acme", Role: mintage.RoleViewer}}
		return nil
	}))
	return o, session
}

func (w *consoleWorld) operator(t *testing.T, id string) *mintage.Operator {
	t.Helper()
	return must[*mintage.Operator](t)(w.manager.Operator(t.Context(), manage.Server(), id))
}

func (w *consoleWorld) invitation(t *testing.T, is func(*mintage.Invitation) bool) bool {
	t.Helper()
	return slices.ContainsFunc(must[[]*mintage.Invitation](t)(w.manager.Invitations(t.Context(), manage.Server())), is)
}

// peopleForms are those about people, and the one that applies declared state.
func peopleForms() []copied {
	const at = "/t/{tenant}/operators"
	about := func(kinds, pattern, what string, done func(t *testing.T, w *consoleWorld, o *mintage.Operator)) copied {
		return copied{"POST " + at + pattern, kinds, func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			o, _ := w.person(t)
			if what == "enable" {
				o = must[*mintage.Operator](t)(w.manager.UpdateOperator(t.Context(), manage.Server(), o.ID, 0, func(o *mintage.Operator) error { o.Disabled = true; return nil }))
			}
			return shownForm{"/t/hotel/operators/" + o.ID + "/" + what, nil, func(t *testing.T) {
				t.Helper()
				done(t, w, o)
			}}
		}}
	}
	signedOut := func(t *testing.T, w *consoleWorld, o *mintage.Operator) {
		t.Helper()
		if len(must[[]*mintage.Session](t)(w.manager.Sessions(t.Context(), manage.Server(), o.ID))) > 0 {
			t.Error("they are still signed in")
		}
	}
	return []copied{
		{"POST " + at + "/invite", "cli curl", func(_ *testing.T, w *consoleWorld) shownForm {
			email := strings.ToLower(rand.Text()) + "@example.com"
			return shownForm{"/t/hotel/operators/invite?preview=1", url.Values{"email": {email}, "name": {"Mia O'Hara"}, "role": {"developer"}, "organization": {"acme"}}, func(t *testing.T) {
				t.Helper()
				if !w.invitation(t, func(i *mintage.Invitation) bool {
					return i.Email == email && i.Name == "Mia O'Hara" && i.Role == mintage.RoleDeveloper && i.Tenant == "hotel" && i.Organization == "acme"
				}) {
					t.Error("there is no such invitation")
				}
			}}
		}},
		{"POST " + at + "/invitations/{invitation}/delete", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			l := must[*manage.Link](t)(w.manager.Invite(t.Context(), manage.Server(), mintage.Invitation{Email: strings.ToLower(rand.Text()) + "@example.com", Role: mintage.RoleViewer}))
			return shownForm{"/t/hotel/operators/invitations/" + l.ID + "/delete", nil, func(t *testing.T) {
				t.Helper()
				if w.invitation(t, func(i *mintage.Invitation) bool { return i.ID == l.ID }) {
					t.Error("it still works")
				}
			}}
		}},
		{"POST " + at + "/{operator}", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			o, _ := w.person(t)
			return shownForm{"/t/hotel/operators/" + o.ID + "?preview=1", url.Values{"name": {"Robert"}, "role": {"developer"}}, func(t *testing.T) {
				t.Helper()
				if o := w.operator(t, o.ID); o.Name != "Robert" || o.Role != mintage.RoleDeveloper {
					t.Errorf("got %+v", o)
				}
			}}
		}},
		about("cli curl", "/{operator}", "disable", func(t *testing.T, w *consoleWorld, o *mintage.Operator) {
			t.Helper()
			if !w.operator(t, o.ID).Disabled {
				t.Error("they are not disabled")
			}
		}),
		about("cli curl", "/{operator}", "enable", func(t *testing.T, w *consoleWorld, o *mintage.Operator) {
			t.Helper()
			if w.operator(t, o.ID).Disabled {
				t.Error("they are not enabled")
			}
		}),
		about("cli curl", "/{operator}", "leave?of=hotel/acme", func(t *testing.T, w *consoleWorld, o *mintage.Operator) {
			t.Helper()
			if len(w.operator(t, o.ID).Memberships) > 0 {
				t.Error("they are still members")
			}
		}),
		about("cli curl", "/{operator}/sessions", "sign-out", signedOut),
		{"POST " + at + "/{operator}/sessions", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			o, session := w.person(t)
			return shownForm{"/t/hotel/operators/" + o.ID + "/sign-out?id=" + session, nil, func(t *testing.T) {
				t.Helper()
				signedOut(t, w, o)
			}}
		}},
		about("curl", "/{operator}/recover", "recover", func(t *testing.T, w *consoleWorld, o *mintage.Operator) {
			t.Helper()
			if !w.invitation(t, func(i *mintage.Invitation) bool {
				return i.OperatorID == o.ID && i.Kind == mintage.InvitationRecover
			}) {
				t.Error("there is no link")
			}
		}),
		about("cli curl", "/{operator}/delete", "delete", func(t *testing.T, w *consoleWorld, o *mintage.Operator) {
			t.Helper()
			if _, err := w.manager.Operator(t.Context(), manage.Server(), o.ID); err == nil {
				t.Error("they are still there")
			}
		}),
		{"POST /t/{tenant}/config/apply", "cli curl yaml", func(_ *testing.T, w *consoleWorld) shownForm {
			id := "pasted-" + strings.ToLower(rand.Text()[:8])
			state := "apiVersion: mintage/v1\nclients:\n  - id: " + id + "\n    name: It's pasted\n    tenants: [hotel]\n"
			return shownForm{"/t/hotel/config/plan", url.Values{"state": {state}}, func(t *testing.T) {
				t.Helper()
				if c := w.now(t, id); c.Name != "It's pasted" {
					t.Errorf("got %+v", c)
				}
			}}
		}},
	}
}
