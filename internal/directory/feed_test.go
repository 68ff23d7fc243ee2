package directory_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/store"
)

// TestFeedWithAGap has the feed cut off behind the directory's back: what it
// holds may be wrong, so all of it goes.
func TestFeedWithAGap(t *testing.T) {
	t.Parallel()
	for _, kept := range []int64{0, 1} {
		r := newRig(t, directory.Config{})
		r.addTenants(t, acme())
		r.addClient(t, "c1")
		r.clientName(t, "c1")
		r.renameClient(t, "c1", "renamed")
		r.addClient(t, "c2")
		last, err := r.src.LastChange(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.src.SweepChanges(t.Context(), last-kept); err != nil {
			t.Fatal(err)
		}
		r.sync(t)
		if got := r.clientName(t, "c1"); got != "renamed" {
			t.Errorf("%d changes kept: got %q, want renamed", kept, got)
		}
	}
}

// backwards is a feed that can be set back, as when a backup is restored.
type backwards struct {
	directory.Source
	back atomic.Int64
}

func (b *backwards) LastChange(ctx context.Context) (int64, error) {
	n, err := b.Source.LastChange(ctx)
	return n - b.back.Load(), err
}

func TestFeedThatWentBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	b := &backwards{Source: r.src}
	d := directory.New(directory.Config{Store: b, Vault: r.vault, Now: r.clock.now})
	r.addTenants(t, acme())
	r.addClient(t, "c1")
	if _, err := d.Client(t.Context(), "acme", "c1"); err != nil {
		t.Fatal(err)
	}
	b.back.Store(1)
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client(t.Context(), "acme", "c1"); err != nil {
		t.Fatal(err)
	}
	if n := r.src.clientReads.Load(); n != 2 {
		t.Errorf("%d reads, want 2: the cache was not dropped", n)
	}
}

// TestDatabaseAway goes on with what is cached for ten minutes and no longer,
// and says after five seconds that it is not well.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	if r.Healthy() {
		t.Error("healthy before the feed was read")
	}
	r.addTenants(t, acme())
	r.addClient(t, "c1")
	r.clientName(t, "c1")
	if !r.Healthy() || r.Age() != 0 {
		t.Errorf("not healthy at once, age %v", r.Age())
	}
	r.src.away.Store(true)
	if err := r.Sync(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("Sync: got %v, want errAway", err)
	}
	r.clock.advance(5 * time.Second)
	if r.Healthy() {
		t.Error("healthy after five seconds without the feed")
	}
	r.clock.advance(9 * time.Minute)
	if got := r.clientName(t, "c1"); got != "made" {
		t.Errorf("after nine minutes: %q", got)
	}
	if _, err := r.Client(t.Context(), "acme", "c2"); !errors.Is(err, errAway) {
		t.Errorf("a client that is not cached: got %v, want errAway and not that there is none", err)
	}
	r.clock.advance(time.Minute)
	if _, err := r.Client(t.Context(), "acme", "c1"); !errors.Is(err, errAway) {
		t.Errorf("after ten minutes: got %v, want errAway", err)
	}
	if _, _, err := r.Resolve(t.Context(), "auth.example", "/"); !errors.Is(err, errAway) {
		t.Errorf("tenant after ten minutes: got %v, want errAway", err)
	}
	r.src.away.Store(false)
	r.clock.advance(time.Second)
	if got := r.clientName(t, "c1"); got != "made" || !r.Healthy() {
		t.Errorf("back again: %q, healthy %v", got, r.Healthy())
	}
}

// feed is a source that has nothing but changes, for tests in a bubble, where
// the engine's goroutines cannot live.
type feed struct {
	directory.Source
	last  atomic.Int64
	away  atomic.Bool
	reads atomic.Int64
}

func (f *feed) Hint() <-chan struct{} { return nil }

func (f *feed) LastChange(context.Context) (int64, error) {
	f.reads.Add(1)
	if f.away.Load() {
		return 0, errAway
	}
	return f.last.Load(), nil
}

func (f *feed) Changes(_ context.Context, after int64, _ int) ([]mintage.Change, error) {
	return []mintage.Change{{Seq: after + 1, Kind: mintage.ChangeTenant, Tenant: "acme", ID: "acme"}}, nil
}

func (f *feed) Tenants(context.Context, store.Page) ([]*mintage.Tenant, error) { return nil, nil }

func (f *feed) Tenant(context.Context, string) (*mintage.Tenant, error) { return acme(), nil }

func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		src := &feed{}
		d := directory.New(directory.Config{Store: src, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Follow(ctx) }()

		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := src.reads.Load(); n != 21 {
			t.Errorf("%d reads of the feed in ten seconds, want 21", n)
		}
		src.last.Store(1)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if _, _, err := d.Resolve(ctx, "auth.example", "/"); err != nil {
			t.Errorf("a new tenant after half a second: %v", err)
		}
		src.away.Store(true)
		time.Sleep(time.Minute)
		if d.Healthy() {
			t.Error("healthy after a minute without the feed")
		}
		src.away.Store(false)
		time.Sleep(time.Second)
		if !d.Healthy() {
			t.Error("not healthy after the feed came back")
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Follow: got %v, want nil", err)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d log lines, want one when it fails and one when it is back:\n%s", n, log.String())
		}
	})
}

// TestSyncGivesUp waits for its turn no longer than its caller allows.
func TestSyncGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, directory.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Sync(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	r.sync(t) // and that is nobody else's trouble
}
