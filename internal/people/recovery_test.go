package people_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, cookie := w.first(t)
	ctx, v := t.Context(), w.viewer(t, cookie)
	left := func() int {
		t.Helper()
		n, err := w.RecoveryCodesLeft(ctx, v.Operator.ID)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	codes, err := w.NewRecoveryCodes(ctx, v, from("192.0.2.1"))
	if err != nil || len(codes) != 10 || left() != 10 {
		t.Fatalf("got %d codes, %d left, %v", len(codes), left(), err)
	}
	signIn := func(password, code string) error {
		cookie, err := w.SignIn(ctx, ada.email, password, code, from("192.0.2.1"))
		if err != nil {
			return err
		}
		if v, err := w.Viewer(ctx, cookie); err != nil || v.Session.Method != people.MethodRecovery {
			t.Errorf("the session does not say that a recovery code was used: %v", err)
		}
		return nil
	}
	// It goes with the password, and a wrong password uses none up.
	if err := signIn("wrong", codes[0]); !errors.Is(err, people.ErrSignIn) || left() != 10 {
		t.Errorf("with a wrong password: %v, %d left", err, left())
	}
	if err := signIn(password, " "+strings.ToUpper(strings.ReplaceAll(codes[0], "-", " "))); err != nil || left() != 9 {
		t.Errorf("the first: %v, %d left", err, left())
	}
	if log := w.actions(t); log[0] != "session.create" || log[1] != "credential.recovery_codes" {
		t.Errorf("audit log %q", log)
	}
	for name, bad := range map[string]string{"used": codes[0], "another": "aaaa-aaaa-aaaa-aaaa", "a part": codes[1][:14]} {
		if err := signIn(password, bad); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Those of somebody else are none of theirs.
	link, err := w.manager.Invite(ctx, v.By("", ""), mintage.Invitation{Email: "bob@example.com", Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	bob, _ := w.join(t, link, "bob@example.com")
	if _, err := w.SignIn(ctx, bob.email, password, codes[2], from("192.0.2.2")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("ada's code for bob: %v", err)
	}
	fresh, err := w.NewRecoveryCodes(ctx, v, from("192.0.2.1"))
	if err != nil || left() != 10 {
		t.Fatalf("made anew: %d left, %v", left(), err)
	}
	if err := signIn(password, codes[5]); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("one of those before: %v", err)
	}
	dump := sqltest.Dump(t, w.dir)
	dump["log"] = w.log.Bytes()
	for where, data := range dump {
		for _, spelled := range []string{fresh[1], strings.ToUpper(strings.ReplaceAll(fresh[1], "-", ""))} {
			if strings.Contains(string(data), spelled) {
				t.Errorf("AD-14: a recovery code is in %s", where)
			}
		}
	}
	// A new password ends them, and the list of ways to sign in has none of them.
	if list, err := w.Credentials(ctx, v.Operator.ID); err != nil || len(list) != 1 || list[0].Kind != mintage.CredentialPassword {
		t.Errorf("ways to sign in: %+v, %v", list, err)
	}
	if err := w.RemoveCredential(ctx, v, mintage.CredentialPassword, v.Operator.ID, from("192.0.2.1")); !errors.Is(err, people.ErrLastWay) {
		t.Errorf("codes are a way in of their own: %v", err)
	}
	e, err := w.NewEnrolment(v.Operator.ID, ada.email)
	if err != nil {
		t.Fatal(err)
	}
	form := people.NewPassword{Password: "another four of them", Sealed: e.Sealed, Code: people.Code(keyOf(t, e), w.now)}
	if err := w.SetPassword(ctx, v, form, from("192.0.2.1")); err != nil || left() != 0 {
		t.Errorf("after a new password: %d left, %v", left(), err)
	}
	w.now = w.now.Add(20 * time.Minute)
	if _, err := w.NewRecoveryCodes(ctx, v, from("192.0.2.1")); !errors.Is(err, people.ErrStale) {
		t.Errorf("twenty minutes after the sign-in: %v", err)
	}
}

// Of one recovery code that is used twice at once, one sign-in comes of it.
func TestSameRecoveryCodeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, cookie := w.first(t)
	codes, err := w.NewRecoveryCodes(t.Context(), w.viewer(t, cookie), from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			_, err := w.SignIn(t.Context(), ada.email, password, codes[0], from("192.0.2.1"))
			done <- err
		}()
	}
	won := 0
	for range cap(done) {
		if err := <-done; err == nil {
			won++
		} else if !errors.Is(err, people.ErrSignIn) && !errors.Is(err, secret.ErrBusy) { // a machine that does other things
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d sessions of one code", won)
	}
}
