package chaos_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// TestControl shows that the two proofs can fail: the ledger misses what was
// never done, and a verifier that keeps its keys refuses a key that was not
// published before it signed.
func TestControl(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newServer(t)
	c := s.ready(t)
	a, err := c.token(ctx, pathStored, checker, checkerSecret)
	if err := good("a token", a, err); err != nil {
		t.Fatal(err)
	}
	l := &ledger{count: map[string]int{}}
	l.add(kindClient, clientIs("nobody"))
	l.add(kindSecret, secretWorks(checker, checkerSecret+"x", http.StatusOK))
	l.add(kindNoSecret, secretWorks(checker, checkerSecret, http.StatusUnauthorized))
	l.add(kindRotation, keyIs("nokey"))
	l.add(kindStored, tokenIs(a.AccessToken+"00", true))
	l.add(kindNoToken, tokenIs(a.AccessToken, false))
	l.add(kindNoTokens, tokensEnded([]string{a.AccessToken}))
	l.add(kindJWT, tokenIs("e30.e30.", true))
	if lost := l.checkAll(ctx, c); len(lost) != 2*len(kinds) { // fresh, then settled
		t.Errorf("the ledger missed %d of %d: %v", len(lost), 2*len(kinds), lost)
	}

	keeps := newOurs(t, c.public, time.Hour)
	if a, err = c.token(ctx, pathJWT, checker, checkerSecret); err != nil {
		t.Fatal(err)
	}
	if err := keeps.verify(ctx, a.AccessToken); err != nil {
		t.Fatal(err)
	}
	if _, err := c.api.RotateKey(ctx, tenant, adminclient.KeyRotation{Wait: new(int64)}); err != nil {
		t.Fatal(err)
	}
	if a, err = c.token(ctx, pathJWT, checker, checkerSecret); err != nil {
		t.Fatal(err)
	}
	if err := keeps.verify(ctx, a.AccessToken); err == nil {
		t.Error("a verifier that keeps its keys took a token of a key that signed at once")
	}
}
