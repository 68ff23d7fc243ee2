package admin_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
)

// withPeople has the admin API accept sessions of operators' command lines.
func (w *world) withPeople(t *testing.T) *people.Service {
	t.Helper()
	now := func() time.Time { return w.now }
	s, err := people.New(people.Config{
		Store: w.manager.Store, Manager: w.manager, Vault: w.manager.Vault, Secrets: w.manager.Secrets, URL: "http://127.0.0.1:9401/console",
		Now: now, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.handler, err = admin.New(admin.Config{
		Manager: w.manager, Directory: w.directory, Stored: w.minter(), CursorKey: bytes.Repeat([]byte{1}, secret.PepperSize),
		People: func() admin.People { return s }, Now: now, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// viewerOf is the browser in which a person is signed in.
func (w *world) viewerOf(t *testing.T, client string) *people.Viewer {
	t.Helper()
	o := w.person(t, client)
	ses, err := w.manager.Store.Session(t.Context(), sessionOf(client))
	if err != nil {
		t.Fatal(err)
	}
	v := &people.Viewer{Operator: o, Session: ses}
	if len(o.Memberships) > 0 {
		v.Membership = &o.Memberships[0]
	}
	return v
}

// pair signs a command line in as v, over the API, and returns its token.
func (w *world) pair(t *testing.T, s *people.Service, v *people.Viewer) string {
	t.Helper()
	p := decode[adminclient.Pairing](t, w.do(t, ask{method: "POST", path: "/pairings", body: `{"host":"laptop"}`}))
	id := p.VerificationURI[strings.LastIndex(p.VerificationURI, "/")+1:]
	redeem := ask{method: "POST", path: "/pairings/redeem", body: `{"device_code":"` + p.DeviceCode + `"}`}
	if got := decode[adminclient.PairingResult](t, w.do(t, redeem)); got.Status != "pending" || got.SessionToken != "" {
		t.Errorf("before anybody answered: %+v", got)
	}
	if err := s.ApprovePairing(t.Context(), v, id, people.From{}); err != nil {
		t.Fatal(err)
	}
	got := decode[adminclient.PairingResult](t, w.do(t, redeem))
	if got.Status != "approved" || got.Self == nil || got.Self.Operator.Email != v.Operator.Email {
		t.Fatalf("approved: %+v", got)
	}
	problem(t, w.do(t, redeem), 404, "object.not_found")
	return got.SessionToken
}

func TestPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/pairings", "/pairings/redeem"} { // nobody signs command lines in
		problem(t, w.do(t, ask{method: "POST", path: path, body: `{}`}), 404, "object.not_found")
	}
	s := w.withPeople(t)
	v := w.viewerOf(t, "mc_Person")
	token := w.pair(t, s, v)
	if strings.Contains(w.log.String(), token) {
		t.Error("AD-14: the token is in the log")
	}
	problem(t, w.do(t, ask{method: "POST", path: "/pairings", body: `{"host":"a\nb"}`}), 400, "object.invalid")
	problem(t, w.do(t, ask{method: "POST", path: "/pairings", body: `{"name":"x"}`}), 400, "body.malformed")
	problem(t, w.do(t, ask{method: "POST", path: "/pairings/redeem", body: `{"device_code":"x"}`}), 404, "object.not_found")
	var last *reply
	for range 12 {
		last = w.do(t, ask{method: "POST", path: "/pairings", body: `{}`})
	}
	problem(t, last, 429, "limit.ip")
	if last.Header.Get("Retry-After") == "" {
		t.Error("AD-10: it does not say when to come again")
	}
}

// A session does what its operator's role allows, and nothing once it has ended.
func TestSelf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withPeople(t)
	ctx := t.Context()
	v := w.viewerOf(t, "mc_Person") // a viewer over everything
	token := w.pair(t, s, v)
	problem(t, w.do(t, ask{method: "GET", path: "/self"}), 401, "token.missing")
	self := decode[adminclient.Self](t, w.do(t, ask{method: "GET", path: "/self", token: token}))
	if self.Role != "viewer" || self.Tenant != mintage.BuiltInTenant || self.Session == nil || self.ClientID != "" ||
		strings.Join(self.Scopes, " ") != manage.RoleScope(mintage.RoleViewer).String() {
		t.Errorf("got %+v", self)
	}
	ofClient := w.token(t, "hotel", "clients:read")
	self = decode[adminclient.Self](t, w.do(t, ask{method: "GET", path: "/self", token: ofClient}))
	if self.Operator != nil || self.Session != nil || self.Tenant != "hotel" || strings.Join(self.Scopes, " ") != "mintage/clients:read" {
		t.Errorf("got %+v", self)
	}
	problem(t, w.do(t, ask{method: "DELETE", path: "/self/session", token: ofClient}), 404, "object.not_found")

	made := w.client(t, "hotel", api, "orders/read")
	at := "/tenants/hotel/clients/" + made.ID
	if resp := w.do(t, ask{method: "GET", path: at, token: token}); resp.StatusCode != 200 {
		t.Errorf("reading: %s", resp.Status())
	}
	problem(t, w.do(t, ask{method: "DELETE", path: at, token: token}), 403, "token.scope")
	// Of an operator whose role grows, the session grows, and says who did it.
	if _, err := w.manager.UpdateOperator(ctx, manage.Server(), v.Operator.ID, 0, func(o *mintage.Operator) error {
		o.Role = mintage.RoleAdmin
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if resp := w.do(t, ask{method: "DELETE", path: at, token: token}); resp.StatusCode != 204 {
		t.Errorf("deleting: %s %s", resp.Status(), resp.Body)
	}
	es, err := w.manager.Events(ctx, manage.EventQuery{Tenant: "hotel", Limit: 2})
	if err != nil || es[1].Action != "client.delete" || es[1].Actor.OperatorID != v.Operator.ID || es[1].Actor.OperatorEmail != v.Operator.Email ||
		es[1].Actor.ClientID != "" || es[1].Via != "cli" {
		t.Errorf("audit row %+v (%v)", es[1], err)
	}
	for name, bad := range map[string]string{"changed": token[:20] + "x" + token[21:], "another form": token + "x", "a session's id": sessionOf("mc_Person")} {
		if resp := w.do(t, ask{method: "GET", path: "/self", token: bad}); resp.StatusCode != 401 {
			t.Errorf("%s: %s", name, resp.Status())
		}
	}
	if resp := w.do(t, ask{method: "DELETE", path: "/self/session", token: token}); resp.StatusCode != 204 {
		t.Errorf("ending it: %s", resp.Status())
	}
	ended := w.do(t, ask{method: "GET", path: "/self", token: token})
	problem(t, ended, 401, "session.ended")
	if !strings.HasPrefix(ended.Header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
		t.Errorf("challenge %q", ended.Header.Get("WWW-Authenticate"))
	}
}

// AD-11: what ends a session anywhere ends it at the admin API, at the next
// request.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withPeople(t)
	for name, end := range map[string]func(v *people.Viewer) error{
		"Disabled": func(v *people.Viewer) error {
			_, err := w.manager.UpdateOperator(t.Context(), manage.Server(), v.Operator.ID, 0, func(o *mintage.Operator) error {
				o.Disabled = true
				return nil
			})
			return err
		},
		"Deleted": func(v *people.Viewer) error {
			return w.manager.DeleteOperator(t.Context(), manage.Server(), v.Operator.ID, 0)
		},
		"SignedOut": func(v *people.Viewer) error {
			return w.manager.EndSession(t.Context(), manage.Server(), v.Operator.ID, "")
		},
		"Idle": func(v *people.Viewer) error {
			w.now = w.now.Add(people.IdleLifetime)
			_, err := w.manager.Store.Operator(t.Context(), v.Operator.ID)
			return err
		},
	} {
		w.now = w.now.Add(time.Minute) // the bound of pairings
		v := w.viewerOf(t, "mc_"+name)
		token := w.pair(t, s, v)
		if resp := w.do(t, ask{method: "GET", path: "/tenants", token: token}); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: before: %s", name, resp.Status())
		}
		if err := end(v); err != nil {
			t.Fatal(err)
		}
		problem(t, w.do(t, ask{method: "GET", path: "/tenants", token: token}), 401, "session.ended")
	}
	// A database that does not answer is no reason to sign in again (AD-16).
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Command(ctx, secret.NewSessionToken()); err == nil || errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("a database that does not answer: %v", err)
	}
}

// AD-01: the session of a member sees and changes what is the organization's, its
// members too, and nothing else.
func TestMemberSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withPeople(t)
	ctx := t.Context()
	for _, org := range []string{"acme", "rival"} {
		w.organization(t, "hotel", org)
	}
	member := func(client string, ms ...mintage.Membership) *people.Viewer {
		t.Helper()
		v := w.viewerOf(t, client) //nolint:contextcheck // it is the one of the test
		o, err := w.manager.UpdateOperator(ctx, manage.Server(), v.Operator.ID, 0, func(o *mintage.Operator) error {
			o.Role, o.Memberships = "", ms
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		v.Operator, v.Membership = o, &o.Memberships[0]
		return v
	}
	acme := func(r mintage.Role) mintage.Membership {
		return mintage.Membership{Tenant: "hotel", Organization: "acme", Role: r}
	}
	rival := mintage.Membership{Tenant: "hotel", Organization: "rival", Role: mintage.RoleViewer}
	boss := member("mc_Boss", acme(mintage.RoleAdmin))
	both := member("mc_Both", acme(mintage.RoleViewer), rival)
	member("mc_Rival", rival)
	token := w.pair(t, s, boss)
	get := func(path string) *reply { return w.do(t, ask{method: "GET", path: path, token: token}) }
	self := decode[adminclient.Self](t, get("/self"))
	if self.Tenant != "hotel" || self.Organization != "acme" || self.Role != "admin" {
		t.Errorf("got %+v", self)
	}
	made := decode[adminclient.CreatedClient](t, w.do(t, ask{method: "POST", path: "/tenants/hotel/clients", token: token, body: `{"name":"Ours"}`}))
	if made.Organization != "acme" {
		t.Errorf("a client of %q", made.Organization)
	}
	theirs := w.client(t, "hotel", api, "orders/read")
	list := get("/tenants/hotel/clients")
	if !strings.Contains(list.Body, made.ClientID) || strings.Contains(list.Body, theirs.ID) {
		t.Errorf("clients %s", list.Body)
	}
	for _, path := range []string{"/tenants/hotel/clients/" + theirs.ID, "/tenants/other/clients", "/operators/op_Rival", "/operators/" + both.Operator.ID + "/sessions"} {
		problem(t, get(path), 404, "object.not_found")
	}
	problem(t, get("/tenants"), 403, "token.scope")
	if who := get("/operators"); !strings.Contains(who.Body, "mc_both@") || strings.Contains(who.Body, "rival") {
		t.Errorf("AD-03: people %s", who.Body)
	}
	one := get("/operators/" + both.Operator.ID)
	if one.StatusCode != 200 || strings.Contains(one.Body, "rival") {
		t.Errorf("AD-03: somebody who is elsewhere too: %s", one.Body)
	}
	patch := ask{method: "PATCH", path: "/operators/" + both.Operator.ID, token: token, body: `{"memberships":[{"tenant":"hotel","organization":"acme","role":"developer"}]}`}
	if resp := w.do(t, patch); resp.StatusCode != 200 || strings.Contains(resp.Body, "rival") {
		t.Errorf("a membership: %s %s", resp.Status(), resp.Body)
	}
	o, err := w.manager.Operator(ctx, manage.Server(), both.Operator.ID)
	if err != nil || len(o.Memberships) != 2 || o.Member("hotel", "acme").Role != mintage.RoleDeveloper || o.Member("hotel", "rival") == nil {
		t.Errorf("what is not theirs to see: %+v, %v", o, err)
	}
	for _, body := range []string{`{"role":"owner"}`, `{"disabled":true}`, `{"name":"x"}`} {
		patch.body = body
		problem(t, w.do(t, patch), 403, "organization.not_granted")
	}
}
