package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

func TestReadsItsOwnWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	if _, err := r.Client(t.Context(), "acme", "c1"); !errors.Is(err, mintage.ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	r.addClient(t, "c1")
	r.sync(t)
	if got := r.clientName(t, "c1"); got != "made" {
		t.Errorf("after creating it: %q", got)
	}
	r.renameClient(t, "c1", "renamed")
	if got := r.clientName(t, "c1"); got != "made" {
		t.Errorf("before Sync: %q, so nothing was cached", got)
	}
	r.sync(t)
	if got := r.clientName(t, "c1"); got != "renamed" {
		t.Errorf("after Sync: %q", got)
	}
	r.write(t, func(tx store.Tx) error { return tx.DeleteClient(t.Context(), "acme", "c1") })
	r.sync(t)
	if _, err := r.Client(t.Context(), "acme", "c1"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("after deleting it: %v, want ErrNotFound", err)
	}
}

func TestUnknownIsRememberedForASecond(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	ask := func() {
		if _, err := r.Client(t.Context(), "acme", "nobody"); !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	for range 10 {
		ask()
	}
	if n := r.src.clientReads.Load(); n != 1 {
		t.Errorf("%d reads within a second, want 1", n)
	}
	r.clock.advance(time.Second)
	ask()
	if n := r.src.clientReads.Load(); n != 2 {
		t.Errorf("%d reads after a second, want 2", n)
	}
}

// TestReadBeforeAChange has a read of a client begin before a change and end
// after the change was applied: it must not be kept, and whoever asks after the
// change must not even wait for it.
func TestReadBeforeAChange(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	r.addClient(t, "c1")
	r.sync(t)
	r.src.held = make(chan chan struct{})
	old := make(chan string)
	go func() { old <- r.clientName(t, "c1") }()
	oldRead := <-r.src.held // it has read "made" and waits

	r.renameClient(t, "c1", "renamed")
	r.sync(t)
	fresh := make(chan string)
	go func() { fresh <- r.clientName(t, "c1") }()
	close(<-r.src.held) // a read of its own
	if got := <-fresh; got != "renamed" {
		t.Errorf("asked after the change: got %q, want renamed", got)
	}
	close(oldRead)
	if got := <-old; got != "made" {
		t.Errorf("asked before the change: got %q, want made", got)
	}
	if got := r.clientName(t, "c1"); got != "renamed" {
		t.Errorf("after the old read ended: got %q, want renamed: it was kept", got)
	}
}

func TestOneReadForMany(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	r.addClient(t, "c1")
	r.sync(t)
	r.src.held = make(chan chan struct{})

	// The first caller goes away while it reads: the others must not notice.
	first, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = r.Client(first, "acme", "c1") })
	read := <-r.src.held
	leave()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Client(gone, "acme", "c1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone waits: %v", err)
	}
	for range 50 {
		wg.Go(func() {
			if c, err := r.Client(t.Context(), "acme", "c1"); err != nil || c.ID != "c1" {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
	close(read)
	wg.Wait()
	if n := r.src.clientReads.Load(); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
}

// TestBounded fills the cache many times over; what is used stays, and made-up
// names drive out nothing that exists.
func TestBounded(t *testing.T) {
	t.Parallel()
	const most = 32
	r := newRig(t, directory.Config{MaxClients: most})
	r.addTenants(t, acme())
	r.write(t, func(tx store.Tx) error {
		for i := range 5 * most {
			if err := tx.CreateClient(t.Context(), client("c"+strconv.Itoa(i), "made")); err != nil {
				return err
			}
		}
		return nil
	})
	r.sync(t)
	r.clientName(t, "c0")
	for i := range 5 * most {
		r.clientName(t, "c"+strconv.Itoa(i))
		r.clientName(t, "c0")
	}
	reads := r.src.clientReads.Load()
	if reads != 5*most {
		t.Errorf("%d reads of %d clients, of which one is in use all the time, want %d", reads, 5*most, 5*most)
	}
	for i := range 1000 {
		_, _ = r.Client(t.Context(), "acme", "made-up-"+strconv.Itoa(i))
	}
	r.clientName(t, "c0")
	if n := r.src.clientReads.Load() - reads; n != 1000 {
		t.Errorf("%d reads for 1000 made-up names and one client in use, want 1000", n)
	}
	if n := r.ClientsHeld(); n > most+most/8 {
		t.Errorf("%d clients held, want at most %d", n, most+most/8)
	}
}

func TestResourceServersAndKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	add := func(id string) {
		r.write(t, func(tx store.Tx) error {
			key, err := keys.Make(r.vault, "acme", "ES256", r.clock.now())
			if err != nil {
				return err
			}
			return errors.Join(
				tx.CreateResourceServer(t.Context(), &mintage.ResourceServer{Tenant: "acme", Identifier: id, Meta: mintage.Meta{Created: noon, Updated: noon}}),
				tx.CreateSigningKey(t.Context(), key))
		})
		r.sync(t)
	}
	for i, id := range []string{"https://a.example", "https://b.example"} {
		add(id)
		servers, err := r.ResourceServers(t.Context(), "acme")
		if err != nil || len(servers) != i+1 || servers[id] == nil {
			t.Errorf("resource servers: got %v, %v", servers, err)
		}
		ring, err := r.Ring(t.Context(), "acme")
		if err != nil || len(ring.Public(r.clock.now())) != i+1 {
			t.Errorf("keys: got %v, %v", ring, err)
		}
	}
}

// TestRevocations adds to the set that is there without reading all again.
func TestRevocations(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	ended := func(jti string) bool {
		set, err := r.Revocations(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		return set.Ended(jti, "c1", "", noon)
	}
	for i := range 20 {
		jti := fmt.Sprint("jti-", i)
		if ended(jti) {
			t.Errorf("%s has ended before it was revoked", jti)
		}
		r.write(t, func(tx store.Tx) error {
			return tx.CreateRevocation(t.Context(), &mintage.Revocation{
				Tenant: "acme", ID: jti, JTI: jti, Created: noon, Expires: noon.Add(time.Hour),
			})
		})
		r.sync(t)
		if !ended(jti) {
			t.Errorf("%s has not ended after it was revoked", jti)
		}
	}
	if n := r.src.revocations.Load(); n != 1 {
		t.Errorf("all revocations were read %d times, want 1", n)
	}
}

// TestRevocationsAfterAPause: what was known five seconds ago says nothing of
// whether a token has been revoked since. The feed is read first, and where it
// cannot be there is no answer; what is cached of clients goes on.
func TestRevocationsAfterAPause(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	r.addClient(t, "c1")
	r.clientName(t, "c1")
	if _, err := r.Revocations(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	r.write(t, func(tx store.Tx) error {
		return tx.CreateRevocation(t.Context(), &mintage.Revocation{Tenant: "acme", ID: "a", JTI: "a", Created: noon, Expires: noon.Add(time.Hour)})
	})
	r.src.away.Store(true)
	r.clock.advance(5 * time.Second)
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			if set, err := r.Revocations(t.Context(), "acme"); !errors.Is(err, errAway) {
				t.Errorf("without the feed for five seconds: %v, %v", set, err)
			}
		})
	}
	asking.Wait()
	if got := r.clientName(t, "c1"); got != "made" {
		t.Errorf("the client that is cached: %q", got)
	}
	r.src.away.Store(false)
	r.clock.advance(time.Second)
	if set, err := r.Revocations(t.Context(), "acme"); err != nil || !set.Ended("a", "c1", "", noon) {
		t.Errorf("the token that was revoked meanwhile has not ended (%v)", err)
	}
}

func TestWarmAnswersDoNotAllocate(t *testing.T) {
	r := newRig(t, directory.Config{})
	r.addTenants(t, acme())
	r.addClient(t, "c1")
	r.clientName(t, "c1")
	ctx := t.Context()
	for name, ask := range map[string]func() error{
		"Client":  func() error { _, err := r.Client(ctx, "acme", "c1"); return err },
		"Resolve": func() error { _, _, err := r.Resolve(ctx, "auth.example:443", "/oauth2/token"); return err },
		"ResourceServers": func() error {
			_, err := r.ResourceServers(ctx, "acme")
			return err
		},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

// TestConcurrentWriters has several writers and readers at once: after its own
// Sync, nobody may see anything older than its own write.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{MaxClients: 4}) // fewer than are used
	r.addTenants(t, acme())
	const writers, rounds = 6, 15
	for w := range writers {
		r.addClient(t, "c"+strconv.Itoa(w))
	}
	var stop atomic.Bool
	var readers, all sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if _, err := r.Client(t.Context(), "acme", "c"+strconv.Itoa(i%writers)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for w := range writers {
		all.Go(func() {
			id := "c" + strconv.Itoa(w)
			for i := range rounds {
				name := strconv.Itoa(i)
				if err := r.src.Update(t.Context(), func(tx store.Tx) error {
					return tx.UpdateClient(t.Context(), client(id, name))
				}); err != nil {
					t.Error(err)
					return
				}
				if err := r.Sync(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if c, err := r.Client(t.Context(), "acme", id); err != nil || c.Name != name {
					t.Errorf("%s: got %v, %v after writing %s", id, c, err, name)
					return
				}
			}
		})
	}
	all.Wait()
	stop.Store(true)
	readers.Wait()
}
