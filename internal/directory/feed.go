package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/internal/store"
)

const (
	pollInterval = 500 * time.Millisecond
	// healthyAge is how old our knowledge of the feed may be before the node
	// says that it is not well.
	healthyAge = 5 * time.Second
	// cachedAge is how long what is cached may be used without the feed.
	cachedAge = 10 * time.Minute
	// retryAfter keeps a flood of requests from asking a database for the feed
	// that did not answer a moment ago.
	retryAfter = time.Second
	// sweepInterval is how often revocations that expired are forgotten.
	sweepInterval = time.Minute
	// changesAtOnce bounds one read of the feed.
	changesAtOnce = 1000
	// tenantsAtOnce is how many changed tenants are read one by one before it
	// is cheaper to read all.
	tenantsAtOnce = 100
)

// failure is an attempt to read the feed that failed.
type failure struct {
	err error
	at  time.Time
}

// errGap says that changes are missing from the feed.
var errGap = errors.New("the change feed has a gap")

// Sync reads the feed to its end and drops what changed. A node that calls it
// after a write reads its own write. It gives up when ctx is done; the next
// Sync begins where the last one that succeeded ended.
func (d *Directory) Sync(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.turn }()
	return d.read(ctx)
}

// read is Sync for who has the turn.
func (d *Directory) read(ctx context.Context) error {
	bounded, cancel := store.WithPatience(ctx, fillTimeout)
	defer cancel()
	began := d.now()
	if err := d.sync(bounded); err != nil {
		if ctx.Err() == nil { // the database's trouble, not the caller's
			d.failure.Store(&failure{err: err, at: d.now()})
		}
		return fmt.Errorf("change feed: %w", err)
	}
	d.readAt.Store(&began)
	return nil
}

func (d *Directory) sync(ctx context.Context) error {
	last, err := d.store.LastChange(ctx)
	switch {
	case err != nil:
		return err
	case d.index.Load() == nil:
		return d.reset(ctx, last)
	case last == d.cursor:
		return nil
	case last < d.cursor: // another database, or an old copy of it
		d.log.LogAttrs(ctx, slog.LevelWarn, "the change feed went back, dropping all caches",
			slog.Int64("have", d.cursor), slog.Int64("last", last))
		return d.reset(ctx, last)
	}
	for d.cursor < last {
		err := d.advance(ctx)
		if errors.Is(err, errGap) {
			d.log.LogAttrs(ctx, slog.LevelWarn, "the change feed has a gap, dropping all caches",
				slog.Int64("have", d.cursor), slog.Int64("last", last))
			return d.reset(ctx, last)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reset forgets everything and begins at last, which was read before. The new
// index is stored before the caches are cleared, so that no answer mixes a
// tenant of old with what is new to it for longer than a request.
func (d *Directory) reset(ctx context.Context, last int64) error {
	ts, err := d.store.Tenants(ctx, store.Page{})
	if err != nil {
		return err
	}
	d.index.Store(newIndex(ts))
	d.clients.clear()
	d.resources.clear()
	d.rings.clear()
	d.revocations.clear()
	d.cursor = last
	d.feed.Begin(last)
	return nil
}

// advance applies the next changes. The cursor moves when all are applied, so
// that a failure in between only repeats some.
func (d *Directory) advance(ctx context.Context) error {
	changes, err := d.store.Changes(ctx, d.cursor, changesAtOnce)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return errGap
	}
	tenants := map[string]*mintage.Tenant{}
	for i, c := range changes {
		if c.Seq != d.cursor+int64(i)+1 {
			return errGap
		}
		if c.Kind == mintage.ChangeTenant {
			tenants[c.Tenant] = nil
		}
	}
	if err := d.readTenants(ctx, tenants); err != nil {
		return err
	}
	for _, c := range changes {
		if err := d.apply(ctx, c); err != nil {
			return err
		}
	}
	d.cursor = changes[len(changes)-1].Seq
	d.feed.Advance(d.cursor)
	return nil
}

// readTenants reads the tenants that are the keys of changed and makes a new
// index of them.
func (d *Directory) readTenants(ctx context.Context, changed map[string]*mintage.Tenant) error {
	if len(changed) == 0 {
		return nil
	}
	if len(changed) > tenantsAtOnce {
		ts, err := d.store.Tenants(ctx, store.Page{})
		if err != nil {
			return err
		}
		d.index.Store(newIndex(ts))
		return nil
	}
	for id := range changed {
		t, err := d.store.Tenant(ctx, id)
		if err != nil && !errors.Is(err, mintage.ErrNotFound) {
			return err
		}
		if err == nil {
			changed[id] = t
		}
	}
	d.index.Store(d.index.Load().with(changed))
	return nil
}

// apply drops what c changed.
func (d *Directory) apply(ctx context.Context, c mintage.Change) error {
	switch c.Kind {
	case mintage.ChangeTenant: // with a tenant goes all that it owned
		d.resources.drop(c.Tenant)
		d.rings.drop(c.Tenant)
		d.revocations.drop(c.Tenant)
	case mintage.ChangeResourceServer:
		d.resources.drop(c.Tenant)
	case mintage.ChangeClient:
		d.clients.drop(clientKey{c.Tenant, c.ID})
	case mintage.ChangeKey:
		d.rings.drop(c.Tenant)
	case mintage.ChangeRevocation:
		return d.addRevocation(ctx, c)
	case mintage.ChangeOrganization, mintage.ChangeOperator: // not kept here
	default: // of a later version, about something that this one may keep
		d.clients.clear()
		d.resources.clear()
		d.rings.clear()
		d.revocations.clear()
		d.feed.Begin(c.Seq) // it may have been one of a kind that we do not know
	}
	return nil
}

// addRevocation adds the one that is new to the set that is there, and to the
// feed of those who follow: reading all of a tenant's again for each would make
// revoking many tokens quadratic.
func (d *Directory) addRevocation(ctx context.Context, c mintage.Change) error {
	set, ok := d.revocations.peek(c.Tenant)
	r, err := d.store.Revocation(ctx, c.Tenant, c.ID)
	switch {
	case errors.Is(err, mintage.ErrNotFound): // it expired and was swept
		return nil
	case err != nil:
		return err
	}
	if ok {
		set.Add(r)
	}
	d.feed.Add(c.Seq, r)
	return nil
}

// ready says whether what is cached may be used, and reads the feed where it
// has not been read for too long.
func (d *Directory) ready(ctx context.Context) error { return d.within(ctx, cachedAge) }

// current is ready for what others take our word for. What a node knew before
// the process was paused, or cut off, is no answer to whether a token was revoked.
func (d *Directory) current(ctx context.Context) error { return d.within(ctx, healthyAge) }

// within reads the feed unless it was read less than age ago. Of many who need
// it one reads, and a moment after a failure nobody tries.
func (d *Directory) within(ctx context.Context, age time.Duration) error {
	if known, err := d.knows(age); known {
		return err
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.turn }()
	if known, err := d.knows(age); known { // from who had the turn before
		return err
	}
	return d.read(ctx)
}

// knows reports whether there is no need to read the feed, and if it is for a
// failure a moment ago, that.
func (d *Directory) knows(age time.Duration) (bool, error) {
	if d.Age() < age {
		return true, nil
	}
	if f := d.failure.Load(); f != nil && d.now().Sub(f.at) < retryAfter {
		return true, fmt.Errorf("change feed: %w", f.err)
	}
	return false, nil
}

// Age returns how long ago the feed was last read to its end, and a very long
// time before the first.
func (d *Directory) Age() time.Duration {
	at := d.readAt.Load()
	if at == nil {
		return math.MaxInt64
	}
	return d.now().Sub(*at)
}

// Healthy reports whether the feed was read to its end within the last 5
// seconds. A node that is not healthy may not know of a revocation.
func (d *Directory) Healthy() bool { return d.Age() < healthyAge }

// Follow reads the feed twice a second, and whenever the store hints that it
// moved, until ctx is done, and then returns nil.
// It logs when the feed cannot be read and when it can be again, not each time.
func (d *Directory) Follow(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	failing, swept := false, d.now()
	for {
		err := d.Sync(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			d.log.LogAttrs(ctx, slog.LevelError, "the change feed cannot be read", slog.Any("error", err))
		case err == nil && failing:
			d.log.LogAttrs(ctx, slog.LevelInfo, "the change feed can be read again")
		}
		failing = err != nil
		if now := d.now(); now.Sub(swept) >= sweepInterval {
			d.revocations.each(func(s *revoke.Set) { s.Sweep(now) })
			swept = now
		}
		select {
		case <-tick.C:
		case <-d.store.Hint(): // another node changed something
		case <-ctx.Done():
			return nil
		}
	}
}
