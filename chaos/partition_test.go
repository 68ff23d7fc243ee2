package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
)

// cutOff is a node that does not reach the database, in one of the ways in which
// a network breaks.
type cutOff struct {
	name string
	how  linkState
	node *server
	link *link
	c    *callers
}

// TestPartition is R9 of the fault plan: nodes are cut off from the database, by
// connections that end and by silence in either direction. They say so within
// seconds, take no stored token for active that the other side revoked, hand out
// none, and go on with JWTs for known clients, keys and metadata. When the link
// heals, what was revoked meanwhile is so on them at once.
func TestPartition(t *testing.T) {
	ctx := t.Context()
	d := newDatabase(t)
	first := newServer(t)
	first.env = []string{"MINTAGE_DATABASE_URL=" + d.url()}
	cl := &cluster{nodes: []*server{first}, front: first.public}
	if _, err := first.start(); err != nil {
		t.Fatal(err)
	}
	all := cl.callers(t)
	if err := prepare(ctx, all); err != nil {
		t.Fatal(err)
	}
	nodes := []*cutOff{
		{name: "cut", how: linkState{cut: true}},
		{name: "nothing gets to the database", how: linkState{up: true}},
		{name: "nothing comes from the database", how: linkState{down: true}},
	}
	for _, n := range nodes {
		n.node, n.link = newServer(t), newLink(t, d)
		n.node.data = first.data
		n.node.env = []string{"MINTAGE_DATABASE_URL=" + n.link.url()}
		if _, err := n.node.start(); err != nil {
			t.Fatal(err)
		}
		n.c = cl.at(all, n.node)
		cl.learn(t, all, n.node)
		if a := ask(ctx, t, n.c, pathJWT); a.Status != http.StatusOK {
			t.Fatalf("%s: a JWT before: %d %s", n.name, a.Status, a.Error)
		}
	}
	stored := ask(ctx, t, all, pathStored)
	for _, n := range nodes {
		if err := tokenIs(stored.AccessToken, true)(ctx, n.c, nil); err != nil {
			t.Fatalf("%s: before: %v", n.name, err)
		}
		n.link.set(n.how)
	}
	if err := all.api.RevokeToken(ctx, tenant, adminclient.TokenRevocation{Token: stored.AccessToken}); err != nil {
		t.Fatal(err)
	}
	revoked := time.Now()
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() { n.holdsOut(ctx, t, stored.AccessToken, revoked) })
	}
	wg.Wait()
	for _, n := range nodes {
		n.link.set(linkState{})
		healed := time.Now()
		for end := healed.Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // other processes
			if tokenIs(stored.AccessToken, false)(ctx, n.c, nil) == nil && n.ready(ctx) == "" && ask(ctx, t, n.c, pathStored).Status == http.StatusOK {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: not well 30 s after the link", n.name)
			}
		}
		t.Logf("%s: well %v after the link", n.name, time.Since(healed).Round(time.Millisecond))
	}
}

// holdsOut looks at a node without its database until it says that it is not
// ready, and then at all that it may and may not do.
func (n *cutOff) holdsOut(ctx context.Context, t *testing.T, token string, revoked time.Time) {
	t.Helper()
	var stale atomic.Int64 // when the token was last said to be active, since it was revoked
	looking, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for looking.Err() == nil {
				a, err := n.c.post(looking, n.c.public+"/oauth2/introspect", checker, checkerSecret, url.Values{"token": {token}})
				if at := int64(time.Since(revoked)); err == nil && a.Status == http.StatusOK && a.Active && at > stale.Load() {
					stale.Store(at)
				}
			}
		})
	}
	why := ""
	for end := time.Now().Add(15 * time.Second); why == "" || !strings.Contains(why, "change feed"); time.Sleep(50 * time.Millisecond) { // another process
		if why = n.ready(ctx); time.Now().After(end) {
			t.Errorf("%s: after 15 s /readyz says %q", n.name, why)
			break
		}
	}
	said := time.Since(revoked)
	for range 20 {
		if a := ask(ctx, t, n.c, pathJWT); a.Status != http.StatusOK {
			t.Errorf("%s: a JWT: %d %s", n.name, a.Status, a.Error)
		}
	}
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/oauth-authorization-server"} {
		if status := n.get(ctx, "http://"+n.node.public+path); status != http.StatusOK {
			t.Errorf("%s: %s: %d", n.name, path, status)
		}
	}
	began := time.Now()
	if a, err := n.c.token(ctx, pathStored, checker, checkerSecret); err != nil || a.Status != http.StatusServiceUnavailable {
		t.Errorf("%s: a stored token: %d %s %v", n.name, a.Status, a.Error, err)
	}
	waited := time.Since(began)
	stop()
	wg.Wait()
	if last := time.Duration(stale.Load()); last > staleness {
		t.Errorf("%s: the revoked token was active %v after its revocation, want at most %v", n.name, last, staleness)
	}
	t.Logf("%s: says so after %v (%s), a stored token is refused after %v, the revoked one was last active after %v",
		n.name, said.Round(time.Millisecond), why, waited.Round(time.Millisecond), time.Duration(stale.Load()).Round(time.Millisecond))
}

// ready returns why a node says that it is not ready; empty: it is.
func (n *cutOff) ready(ctx context.Context) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.node.admin+"/readyz", http.NoBody)
	if err != nil {
		return err.Error()
	}
	resp, err := n.c.http.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	var h struct{ Checks map[string]string }
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		return err.Error()
	}
	if resp.StatusCode == http.StatusOK {
		return ""
	}
	return fmt.Sprint(h.Checks)
}

// get returns the status of a GET, for the tenant's host.
func (n *cutOff) get(ctx context.Context, at string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return 0
	}
	resp, err := n.c.http.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// TestConnectionsRunOut is R8 of the fault plan: a database that takes fewer
// connections than its servers may have. Requests are served or answered 503 with
// Retry-After, none wrongly, and when the crowd is gone all are served.
func TestConnectionsRunOut(t *testing.T) {
	ctx := t.Context()
	d := newDatabase(t, "max_connections=14", "superuser_reserved_connections=0", "max_wal_senders=0")
	cl, all := newPair(t, d)
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for _, node := range cl.nodes {
		cl.learn(t, all, node)
	}
	for i := range 40 {
		c := cl.at(all, cl.nodes[i%2])
		wg.Go(func() {
			for done := false; !done || time.Now().Before(end); done = true {
				a, err := c.post(ctx, c.public+"/oauth2/introspect", checker, checkerSecret, url.Values{"token": {strings.Repeat("0", 76)}})
				if err == nil && (a.Status != http.StatusOK || a.Active) && a.Status != http.StatusServiceUnavailable {
					err = fmt.Errorf("introspection: %d active %t", a.Status, a.Active)
				}
				if err == nil {
					a, err = c.token(ctx, pathStored, checker, checkerSecret)
				}
				if err == nil && a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
					err = fmt.Errorf("a stored token: %d %s", a.Status, a.Error)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				statuses[a.Status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, node := range cl.nodes {
		if a := ask(ctx, t, cl.at(all, node), pathStored); a.Status != http.StatusOK {
			t.Errorf("afterwards: %d %s", a.Status, a.Error)
		}
	}
	t.Logf("2 servers of up to 20 connections and 40 callers on a database that takes 14: answers %v, 0 wrong", statuses)
}
