package people_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// RFC 6238, Appendix B: the vectors of SHA-1, by their last six digits.
func TestCodes(t *testing.T) {
	t.Parallel()
	key := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := people.Code(key, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: got %s, want %s", at, got, want)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, first := w.first(t)
	ctx := t.Context()
	if v := w.viewer(t, first); v.Operator.Role != mintage.RoleOwner || v.Operator.Email != ada.email || v.Membership != nil {
		t.Errorf("the first owner is %+v", v.Operator)
	}
	// The code that set the key up is used up.
	if _, err := w.signIn(t, ada); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("the code of the setup again: %v", err)
	}
	w.now = w.now.Add(30 * time.Second)
	good := people.Code(ada.key, w.now)
	for name, try := range map[string][3]string{
		"wrong password": {ada.email, password + "!", good}, "no password": {ada.email, "", good}, "wrong code": {ada.email, password, "000000"},
		"no code": {ada.email, password, ""}, "nobody": {"eve@example.com", password, good}, "no address": {"", password, good},
		"a long password": {ada.email, strings.Repeat("x", 5000), good}, "a code with more": {ada.email, password, good + "0"},
		"the code of tomorrow": {ada.email, password, people.Code(ada.key, w.now.Add(24*time.Hour))},
	} {
		if cookie, err := w.SignIn(ctx, try[0], try[1], try[2], from("192.0.2."+fmt.Sprint(len(name)))); !errors.Is(err, people.ErrSignIn) || cookie != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	second, err := w.SignIn(ctx, " ADA@Example.com", password, " "+good[:3]+" "+good[3:], from("198.51.100.7"))
	if err != nil {
		t.Fatal(err)
	}
	if second == first {
		t.Error("AD-05: two sign-ins have one cookie")
	}
	v := w.viewer(t, second)
	if v.Session.Address != "198.51.100.7" || v.Session.UserAgent != "Firefox" || v.Session.Method != "password" || v.Session.ID == second {
		t.Errorf("session %+v", v.Session)
	}
	// Replay: the code is used up, and so are those before it.
	for _, at := range []time.Duration{0, -30 * time.Second} {
		if _, err := w.SignIn(ctx, ada.email, password, people.Code(ada.key, w.now.Add(at)), from("203.0.113.5")); !errors.Is(err, people.ErrSignIn) {
			t.Errorf("a code again: %v", err)
		}
	}
	// A clock that is a step ahead does no harm.
	if _, err := w.SignIn(ctx, ada.email, password, people.Code(ada.key, w.now.Add(30*time.Second)), from("203.0.113.5")); err != nil {
		t.Errorf("the next code: %v", err)
	}
	if got := w.actions(t); got[0] != "session.create" || !slices.Contains(got, "operator.create") {
		t.Errorf("audit log %q", got)
	}
}

// Of the same code at the same time, one is taken.
func TestSameCodeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, _ := w.first(t)
	w.now = w.now.Add(time.Minute)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			_, err := w.SignIn(t.Context(), ada.email, password, people.Code(ada.key, w.now), from("192.0.2.1"))
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

// AD-10: guesses from one network are slowed down, and a password takes a
// hundred wrong ones in a row, from wherever.
func TestGuesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, _ := w.first(t)
	ctx := t.Context()
	var wait *people.WaitError
	n := 0
	for ; n < 50; n++ {
		// Spellings of one address are one address.
		email := []string{ada.email, "ADA@EXAMPLE.COM", " ada@example.com "}[n%3]
		_, err := w.SignIn(ctx, email, "wrong", "", from("192.0.2.1"))
		if errors.As(err, &wait) {
			break
		}
		if !errors.Is(err, people.ErrSignIn) {
			t.Fatal(err)
		}
	}
	if n != 10 || wait == nil || wait.After <= 0 || wait.After > 30*time.Second {
		t.Fatalf("after %d guesses: %+v", n, wait)
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.signIn(t, ada); err != nil {
		t.Errorf("a minute later, the right one: %v", err)
	}
	o := w.operator(t, ada.email)
	if n := w.failures(t, o.ID, 0); n != 0 {
		t.Errorf("%d failures after a right one", n)
	}
	if _, err := w.SignIn(ctx, ada.email, password, "000000", from("10.0.0.1")); !errors.Is(err, people.ErrSignIn) {
		t.Error(err)
	}
	if n := w.failures(t, o.ID, 99); n != 100 {
		t.Errorf("%d failures, want one and 99 more", n)
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.SignIn(ctx, ada.email, password, people.Code(ada.key, w.now), from("10.200.0.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("after a hundred wrong ones in a row: %v", err)
	}
	// Its owner is not kept out by that where they usually are, and the count ends.
	if _, err := w.SignIn(ctx, ada.email, password, "000000", from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("a wrong code from the owner's network: %v", err)
	}
	if _, err := w.signIn(t, ada); err != nil || w.failures(t, o.ID, 0) != 0 {
		t.Errorf("the owner, from where they signed in before: %v", err)
	}
	w.failures(t, o.ID, 101)
	w.now = w.now.Add(91 * 24 * time.Hour)
	if _, err := w.signIn(t, ada); !errors.Is(err, people.ErrSignIn) {
		t.Errorf("three months later: %v", err)
	}
	// A new link is the way back.
	link, err := w.manager.RecoverOperator(ctx, manage.Server(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.join(t, link, ada.email)
}

// failures adds wrong attempts, and returns how many there are.
func (w *world) failures(t *testing.T, operator string, more int) int64 {
	t.Helper()
	err := w.store.Update(t.Context(), func(tx store.Tx) error {
		for range more {
			if _, err := tx.FailOperatorCredential(t.Context(), mintage.CredentialPassword, operator); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.store.OperatorCredential(t.Context(), mintage.CredentialPassword, operator)
	if err != nil {
		t.Fatal(err)
	}
	return c.Failures
}

// A network that guesses links and passkeys runs out too, and none of its
// addresses has more than the others.
func TestGuessesOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, _ := w.first(t)
	w.now = w.now.Add(time.Minute)
	ctx, f := t.Context(), from("")
	for n := range 32 {
		var err error
		f.Address = fmt.Sprintf("2001:db8::%d", n+1) // of one network
		if n%2 == 0 {
			_, err = w.Invitation(ctx, fmt.Sprint("guess", n), f)
		} else {
			_, err = w.SignInByPasskey(ctx, "sealed", []byte(`{}`), f)
		}
		if _, bounded := errors.AsType[*people.WaitError](err); bounded != (n >= 30) || err == nil {
			t.Fatalf("attempt %d: %v", n, err)
		}
	}
	if _, err := w.SignIn(ctx, ada.email, password, people.Code(ada.key, w.now), f); err != nil {
		t.Errorf("what is right, from a network that guessed: %v", err)
	}
}

// A wrong attempt takes its time, whoever it is for.
func TestWrongAttemptsTakeTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada, _ := w.first(t)
	const slow = 250 * time.Millisecond
	w.SetSlow(slow)
	for _, email := range []string{ada.email, "nobody@example.com"} {
		began := time.Now()
		if _, err := w.SignIn(t.Context(), email, "wrong", "", from("192.0.2.1")); !errors.Is(err, people.ErrSignIn) {
			t.Error(err)
		}
		if took := time.Since(began); took < slow {
			t.Errorf("%s: %v", email, took)
		}
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"four words, no rhyme", "correct horse battery", "пароль из слов и букв", "ada lovelace was first"} {
		if err := people.CheckPassword(good, "ada@example.com", "Ada"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "short", "elevenchars", "aaaaaaaaaaaa", "abababababab", "password1234", "Passwort2026", "qwertyuiop12", "123456789012",
		"example.com1", "mintage12345", "Administrator1", strings.Repeat("long ", 200), "Lovelace1234",
	} {
		if people.CheckPassword(bad, "ada@example.com", "Lovelace") == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// AD-14, KY-07: what proves who somebody is, is in no log, no audit row and
// nowhere in the database.
func TestNothingInTheClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	link, err := w.manager.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ada, cookie := w.join(t, link, "ada@example.com")
	_, _ = w.SignIn(t.Context(), ada.email, "hunter2 hunter2", "123456", from("192.0.2.1")) // refused
	unused, err := w.manager.Invite(t.Context(), manage.Server(), mintage.Invitation{Email: "bob@example.com", Role: mintage.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	dump := sqltest.Dump(t, w.dir)
	dump["log"] = w.log.Bytes()
	for where, data := range dump {
		for what, hidden := range map[string]string{
			"cookie": cookie, "link": link.Token, "invitation": unused.Token, "password": password, "key": string(ada.key), "guess": "hunter2",
		} {
			if strings.Contains(string(data), hidden) {
				t.Errorf("%s is in %s", what, where)
			}
		}
	}
}
