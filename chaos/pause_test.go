package chaos_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// TestPause is R11 of the fault plan: one of two nodes is stopped (SIGSTOP) and
// goes on (SIGCONT). While it stands still the other one revokes tokens and
// disables a client, and tokens expire; then it answers what was asked of it
// meanwhile. It takes none of these tokens for active, and what background work
// it did alone is another's by then.
func TestPause(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	cl, all := newPair(t, d)
	for _, node := range cl.nodes {
		cl.learn(t, all, node)
	}
	lengths := map[form][]time.Duration{
		formShort: {time.Second}, formCI: {6 * time.Second, time.Second},
		formLong: {time.Second, 2 * time.Second, 5 * time.Second, 6 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute},
	}[theForm()]
	var longest time.Duration
	asked := 0
	for i, length := range lengths {
		n, inForce := pauseOnce(t, cl, all, i%2, length)
		asked, longest = asked+n, max(longest, inForce)
	}
	if theForm() == formLong {
		leasesMove(t, d, cl)
	}
	t.Logf("pauses: %v, %d questions about tokens that were revoked or had expired, taken for active: 0; a client that was disabled is refused %v after the pause at most",
		lengths, asked, longest.Round(time.Millisecond))
}

// pauseOnce pauses a node for so long, and returns how many questions it
// answered about what had ended meanwhile, and how long after the pause a client
// that was disabled still got tokens.
func pauseOnce(t *testing.T, cl *cluster, all *callers, paused int, length time.Duration) (asked int, inForce time.Duration) {
	t.Helper()
	ctx := t.Context()
	node := cl.nodes[paused]
	here, other := cl.at(all, node), cl.asAdmin(t, all, cl.nodes[1-paused])
	here.http.Timeout = length + 30*time.Second
	made, err := other.api.CreateClient(ctx, tenant, adminclient.NewClient{ClientSettings: adminclient.ClientSettings{
		Name: "paused", Grants: []adminclient.Grant{{ResourceServer: resource, Scopes: []string{scope}}},
		Token: adminclient.TokenSettings{Lifetime: 1 + int64(length/2/time.Second)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var ending []string // tokens that expire while the node stands still
	for _, path := range []string{pathJWT, pathStored} {
		a, err := other.token(ctx, path, made.ClientID, made.ClientSecret)
		if err := good("a token", a, err); err != nil {
			t.Fatal(err)
		}
		ending = append(ending, a.AccessToken)
	}
	for _, path := range []string{pathJWT, pathStored} {
		ending = append(ending, ask(ctx, t, all, path).AccessToken)
	}
	for end := time.Now().Add(readyIn); ; time.Sleep(5 * time.Millisecond) { // another process
		if a, err := here.token(ctx, pathJWT, made.ClientID, made.ClientSecret); err == nil && a.Status == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the node does not know the client")
		}
	}
	for _, tok := range ending[2:] {
		if err := tokenIs(tok, true)(ctx, here, nil); err != nil {
			t.Fatalf("before: %v", err)
		}
	}
	_ = node.cmd.Process.Signal(syscall.SIGSTOP)
	t.Cleanup(func() { _ = node.cmd.Process.Signal(syscall.SIGCONT) })
	began := time.Now()
	for _, tok := range ending[2:] {
		if err := other.api.RevokeToken(ctx, tenant, adminclient.TokenRevocation{Token: tok}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.api.UpdateClient(ctx, tenant, made.ClientID, adminclient.Patch{"disabled": true}, 0); err != nil {
		t.Fatal(err)
	}
	// What is revoked may be unknown for 5 s; what has expired may not.
	if length < staleness {
		ending = ending[:2]
	}
	time.Sleep(length - time.Since(began)) // what the test is about
	var wg sync.WaitGroup
	for _, tok := range ending {
		for range 4 {
			asked++
			wg.Go(func() { notActive(ctx, t, here, tok, length) })
		}
	}
	time.Sleep(50 * time.Millisecond) // the questions get into its sockets
	_ = node.cmd.Process.Signal(syscall.SIGCONT)
	continued := time.Now()
	wg.Wait()
	for {
		a, err := here.token(ctx, pathJWT, made.ClientID, made.ClientSecret)
		if err == nil && a.Status == http.StatusUnauthorized {
			return asked, time.Since(continued)
		}
		if time.Since(continued) > staleness {
			t.Fatalf("a pause of %v: the disabled client gets tokens %v after it: %d %v", length, staleness, a.Status, err)
		}
		time.Sleep(2 * time.Millisecond) // another process
	}
}

// notActive asks about a token that has ended, before its node goes on.
func notActive(ctx context.Context, t *testing.T, c *callers, token string, length time.Duration) {
	t.Helper()
	a, err := c.post(ctx, c.public+"/oauth2/introspect", checker, checkerSecret, url.Values{"token": {token}})
	switch {
	case err != nil:
		t.Error(err)
	case a.Status == http.StatusOK && a.Active:
		t.Errorf("a pause of %v: a token that ended meanwhile is active", length)
	case a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable:
		t.Errorf("a pause of %v: %d %s", length, a.Status, a.Error)
	}
}

// leasesMove: the work that one node does alone is the other's once its lease has
// ended, and stays the other's when the first goes on.
func leasesMove(t *testing.T, d *database, cl *cluster) {
	t.Helper()
	holder := func() string { return strings.TrimSpace(d.sql("SELECT holder FROM leases WHERE name = 'sweep'")) }
	before := holder()
	const sweep, grace = time.Minute, 30 * time.Second
	for _, node := range cl.nodes { // one of the two is the holder
		_ = node.cmd.Process.Signal(syscall.SIGSTOP)
		moved := false
		for end := time.Now().Add(2*sweep + grace + readyIn); !moved && time.Now().Before(end); time.Sleep(time.Second) { // another process
			moved = holder() != before
			if strings.TrimSpace(d.sql("SELECT until > extract(epoch FROM now()) FROM leases WHERE name = 'sweep'")) == "t" && !moved && time.Until(end) < readyIn {
				break // the other one holds it, and renews it
			}
		}
		_ = node.cmd.Process.Signal(syscall.SIGCONT)
		if moved {
			after := holder()
			time.Sleep(sweep + 5*time.Second) // the first one looks again
			if holder() != after {
				t.Errorf("the lease went back from %s to %s", after, holder())
			}
			t.Log("the lease of a node that stands still went to the other one, and stayed there")
			return
		}
	}
	t.Error("the lease stays with a node that stands still")
}
