package people_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// command is a command line at another address than the browser.
func command() people.From {
	return people.From{Address: "198.51.100.9", UserAgent: "mintage/1.0", TraceID: "req_2"}
}

// pair signs a command line in as v.
func (w *world) pair(t *testing.T, v *people.Viewer) *people.Redeemed {
	t.Helper()
	p, err := w.StartPairing(t.Context(), "laptop", command())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.ApprovePairing(t.Context(), v, p.ID, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	got, err := w.RedeemPairing(t.Context(), p.DeviceCode, command())
	if err != nil || got.Token == "" {
		t.Fatalf("redeemed %+v, %v", got, err)
	}
	return got
}

func TestPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, cookie := w.first(t)
	ctx, v := t.Context(), w.viewer(t, cookie)
	p, err := w.StartPairing(ctx, "laptop", command())
	if err != nil {
		t.Fatal(err)
	}
	if words := strings.Split(p.Code, "-"); len(words) != 4 || p.URL != consoleURL+"/pair/"+p.ID || !p.Expires.Equal(w.now.Add(10*time.Minute)) {
		t.Errorf("got %+v", p)
	}
	if got, err := w.RedeemPairing(ctx, p.DeviceCode, command()); err != nil || got.Token != "" || got.Denied {
		t.Errorf("before anybody answered: %+v, %v", got, err)
	}
	shown, err := w.Pairing(ctx, p.ID)
	if err != nil || shown.Code != p.Code || shown.Host != "laptop" || shown.Address != "198.51.100.9" {
		t.Errorf("the page shows %+v, %v", shown, err)
	}
	if err := w.ApprovePairing(ctx, v, p.ID, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"approved twice": w.ApprovePairing(ctx, v, p.ID, from("192.0.2.1")), "denied after": w.DenyPairing(ctx, v, p.ID, from("192.0.2.1")),
	} {
		if !gone(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := w.RedeemPairing(ctx, p.DeviceCode, command())
	if err != nil || !secret.IsSessionToken(got.Token) || got.Operator.Email != ada.email {
		t.Fatalf("redeemed %+v, %v", got, err)
	}
	if _, err := w.RedeemPairing(ctx, p.DeviceCode, command()); !gone(err) {
		t.Errorf("RFC 8628 §3.5: redeemed twice: %v", err)
	}
	c, err := w.Command(ctx, got.Token)
	if err != nil || c.Session.Method != mintage.MethodCommand || c.Session.Address != "198.51.100.9" || c.Session.UserAgent != "mintage/1.0 laptop" ||
		!slices.Equal(c.Scope(), manage.RoleScope(mintage.RoleOwner)) || c.Session.ID == got.Token {
		t.Errorf("the session is %+v, %v", c, err)
	}
	// Neither is taken for the other.
	if err := w.look(t, got.Token); !gone(err) {
		t.Errorf("a token as a cookie: %v", err)
	}
	if _, err := w.Command(ctx, cookie); !gone(err) {
		t.Errorf("a cookie as a token: %v", err)
	}
	if log := w.actions(t); log[0] != "session.create" || log[1] != "pairing.approve" {
		t.Errorf("audit log %q", log)
	}
	dump := sqltest.Dump(t, w.dir)
	dump["log"] = w.log.Bytes()
	for where, data := range dump {
		for _, hidden := range []string{got.Token, p.DeviceCode} {
			if strings.Contains(string(data), hidden) {
				t.Errorf("AD-14: what a command shows is in %s", where)
			}
		}
	}
}

func TestPairingRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, cookie := w.first(t)
	ctx, v := t.Context(), w.viewer(t, cookie)
	start := func() *people.PairingStart {
		t.Helper()
		w.now = w.now.Add(30 * time.Second) // the bound of one network
		p, err := w.StartPairing(ctx, "", command())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	denied := start()
	if err := w.DenyPairing(ctx, v, denied.ID, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if got, err := w.RedeemPairing(ctx, denied.DeviceCode, command()); err != nil || !got.Denied || got.Token != "" {
		t.Errorf("after a no: %+v, %v", got, err)
	}
	if log := w.actions(t); log[0] != "pairing.deny" {
		t.Errorf("audit log %q", log)
	}
	late := start()
	if err := w.ApprovePairing(ctx, v, late.ID, from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.RedeemPairing(ctx, late.DeviceCode, command()); !gone(err) {
		t.Errorf("a minute after the yes: %v", err)
	}
	old := start()
	w.now = w.now.Add(people.PairingLifetime)
	if err := w.ApprovePairing(ctx, v, old.ID, from("192.0.2.1")); !gone(err) {
		t.Errorf("ten minutes later: %v", err)
	}
	// Who finds a browser open signs no command line in (RFC 8628 §5.4).
	w.now = w.now.Add(15 * time.Minute)
	stale := start()
	if err := w.ApprovePairing(ctx, w.viewer(t, cookie), stale.ID, from("192.0.2.1")); !errors.Is(err, people.ErrStale) {
		t.Errorf("half an hour after the sign-in: %v", err)
	}
	for _, bad := range []string{"", "x", stale.ID, stale.DeviceCode + "x"} {
		if _, err := w.RedeemPairing(ctx, bad, command()); !gone(err) {
			t.Errorf("device code %q: %v", bad, err)
		}
	}
	if _, err := w.StartPairing(ctx, "a\nb", command()); len(mintage.FieldErrors(err)) != 1 {
		t.Errorf("a host with a line break: %v", err)
	}
}

// AD-10: one network begins ten pairings and asks no faster than it was told.
func TestPairingRates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := t.Context()
	var p *people.PairingStart
	for range 10 {
		var err error
		if p, err = w.StartPairing(ctx, "laptop", command()); err != nil {
			t.Fatal(err)
		}
	}
	var wait *people.WaitError
	if _, err := w.StartPairing(ctx, "laptop", command()); !errors.As(err, &wait) || wait.After <= 0 {
		t.Errorf("the eleventh: %v", err)
	}
	if _, err := w.StartPairing(ctx, "laptop", from("203.0.113.4")); err != nil {
		t.Errorf("from another network: %v", err)
	}
	n := 0
	for ; n < 10; n++ {
		if _, err := w.RedeemPairing(ctx, p.DeviceCode, command()); errors.As(err, &wait) {
			break
		}
	}
	if n != 3 {
		t.Errorf("asked %d times at once", n)
	}
	for range 10 {
		w.now = w.now.Add(people.PairingInterval)
		if _, err := w.RedeemPairing(ctx, p.DeviceCode, command()); err != nil {
			t.Errorf("at the interval: %v", err)
		}
	}
}

// AD-11: whatever ends the sessions of an operator ends their command lines, and
// what one could still come for.
func TestCommandsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, v *people.Viewer) error{
		"disabled": func(w *world, v *people.Viewer) error {
			_, err := w.manager.UpdateOperator(t.Context(), manage.Server(), v.Operator.ID, 0, func(o *mintage.Operator) error {
				o.Disabled = true
				return nil
			})
			return err
		},
		"signed out by an owner": func(w *world, v *people.Viewer) error {
			return w.manager.EndSession(t.Context(), manage.Server(), v.Operator.ID, "")
		},
		"ends the others": func(w *world, v *people.Viewer) error { return w.EndOthers(t.Context(), v, from("192.0.2.1")) },
		"deleted": func(w *world, v *people.Viewer) error {
			return w.manager.DeleteOperator(t.Context(), manage.Server(), v.Operator.ID, 0)
		},
		"without any place": func(w *world, v *people.Viewer) error { return w.setRole(t, v.Operator.ID, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.first(t)
			link, err := w.manager.Invite(t.Context(), manage.Server(), mintage.Invitation{Email: "bob@example.com", Role: mintage.RoleAdmin})
			if err != nil {
				t.Fatal(err)
			}
			_, cookie := w.join(t, link, "bob@example.com")
			v := w.viewer(t, cookie)
			running := w.pair(t, v)
			waits, err := w.StartPairing(t.Context(), "laptop", command())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.ApprovePairing(t.Context(), v, waits.ID, from("192.0.2.1")); err != nil {
				t.Fatal(err)
			}
			if err := end(w, v); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Command(t.Context(), running.Token); !gone(err) {
				t.Errorf("the command's session: %v", err)
			}
			if got, err := w.RedeemPairing(t.Context(), waits.DeviceCode, command()); !gone(err) && (err != nil || !got.Denied) {
				t.Errorf("one that was about to come: %+v, %v", got, err)
			}
		})
	}
}

func (w *world) setRole(t *testing.T, id string, r mintage.Role) error {
	t.Helper()
	_, err := w.manager.UpdateOperator(t.Context(), manage.Server(), id, 0, func(o *mintage.Operator) error {
		o.Role = r
		return nil
	})
	return err
}

// A command line works where it was signed in, and falls back to nowhere.
func TestCommandPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, cookie := w.first(t)
	ctx, owner := t.Context(), w.viewer(t, cookie).By("", "")
	if _, err := w.manager.CreateTenant(ctx, owner, &mintage.Tenant{ID: "hotel", Issuer: "https://hotel.example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.manager.CreateOrganization(ctx, owner, &mintage.Organization{Tenant: "hotel", ID: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	link, err := w.manager.Invite(ctx, owner, mintage.Invitation{Email: "m@example.com", Tenant: "hotel", Organization: "acme", Role: mintage.RoleDeveloper})
	if err != nil {
		t.Fatal(err)
	}
	_, session := w.join(t, link, "m@example.com")
	v := w.viewer(t, session)
	got := w.pair(t, v)
	c, err := w.Command(ctx, got.Token)
	if err != nil {
		t.Fatal(err)
	}
	by := c.By("", "")
	if by.Organization != (manage.OrganizationKey{Tenant: "hotel", ID: "acme"}) || !slices.Equal(by.Scope, manage.MemberScope(mintage.RoleDeveloper)) {
		t.Errorf("by %+v", by)
	}
	// With a role over everything in place of the membership, it still has none.
	if _, err := w.manager.UpdateOperator(ctx, owner, v.Operator.ID, 0, func(o *mintage.Operator) error {
		o.Memberships, o.Role = nil, mintage.RoleOwner
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Command(ctx, got.Token); !gone(err) {
		t.Errorf("without the membership: %v", err)
	}
	over := w.pair(t, w.viewer(t, session))
	if _, err := w.manager.UpdateOperator(ctx, owner, v.Operator.ID, 0, func(o *mintage.Operator) error {
		o.Memberships, o.Role = []mintage.Membership{{Tenant: "hotel", Organization: "acme", Role: mintage.RoleViewer}}, ""
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Command(ctx, over.Token); !gone(err) {
		t.Errorf("without the role: %v", err)
	}
}

func TestPairingCodes(t *testing.T) {
	t.Parallel()
	words := people.PairingWords()
	slices.Sort(words)
	if n := len(slices.Compact(words)); n != 256 {
		t.Errorf("%d different words, want one for each byte", n)
	}
}
