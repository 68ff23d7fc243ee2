package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/lastuse"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/requestlog"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/telemetry"
	"github.com/mintage-auth/mintage/internal/usage"
)

const (
	sweepInterval = time.Minute
	sweepBatch    = 1000 // rows that one transaction deletes, so that none waits long behind it
	purgeInterval = time.Hour
	keyInterval   = time.Hour // a rotation may be so late, of 90 days

	// replayMargin is how long a replay record stays after its end: another
	// node's clock may be behind.
	replayMargin = 10 * time.Minute
	// keepChanges is how many entries of the change feed are kept for nodes
	// that lag; one that lags more drops its caches.
	keepChanges = 100_000

	// keyQueue bounds the keys that wait to be made. What does not fit is wanted
	// again by the next request.
	keyQueue   = 64
	keyTimeout = time.Minute
)

// background is what a server does beside answering.
type background struct {
	node      string // names this process among those that share the database
	store     store.Store
	directory *directory.Directory
	manager   *manage.Manager
	now       func() time.Time
	log       *slog.Logger

	wanted   chan wantedKey
	requests *requestlog.Log
	upgrades *upgrades
	lastUse  *lastuse.Recorder
	usage    *usage.Counter
	metrics  *telemetry.Metrics
}

type wantedKey struct{ tenant, alg string }

func newBackground(
	st store.Store, d *directory.Directory, m *manage.Manager, metrics *telemetry.Metrics, now func() time.Time, log *slog.Logger,
) background {
	return background{
		node: rand.Text(), store: st, directory: d, manager: m, now: now, log: log,
		requests: requestlog.New(st, now, log),
		wanted:   make(chan wantedKey, keyQueue), upgrades: newUpgrades(m, log), lastUse: lastuse.New(st, log),
		usage: usage.New(st, now, log), metrics: metrics,
	}
}

// keyWanted is told of a signing key that a request needed and nobody has made
// yet. It never waits.
func (b *background) keyWanted(tenant, alg string) {
	select {
	case b.wanted <- wantedKey{tenant, alg}:
	default:
	}
}

// runBackground works until ctx ends and returns when all of it has stopped.
func (b *background) runBackground(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.directory.Follow(ctx); err != nil && ctx.Err() == nil {
			b.log.LogAttrs(ctx, slog.LevelError, "the change feed is no longer followed", slog.Any("err", err))
		}
	})
	for _, task := range b.tasks() {
		wg.Go(func() {
			b.every(ctx, task.interval, func(ctx context.Context) error { return b.alone(ctx, task) })
			b.release(ctx, task)
		})
	}
	wg.Go(func() { b.requests.Run(ctx) })
	wg.Go(func() { b.makeKeys(ctx) })
	wg.Go(func() { b.upgrades.run(ctx) })
	wg.Go(func() { b.lastUse.Run(ctx) })
	wg.Go(func() { b.usage.Run(ctx) })
	wg.Wait()
}

// every runs task now and then once an interval.
func (b *background) every(ctx context.Context, interval time.Duration, task func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := task(ctx); err != nil && ctx.Err() == nil {
			b.log.LogAttrs(ctx, slog.LevelError, "upkeep failed and will be tried again", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// leaseGrace is how much longer than its interval a task's lease lasts: its
// holder, which comes back after an interval, keeps it, and when that node is
// gone another takes over an interval later.
const leaseGrace = 30 * time.Second

// task is what one node alone should do, now and then.
type task struct {
	name     string
	interval time.Duration
	do       func(context.Context) error
}

func (b *background) tasks() []task {
	return []task{
		{"sweep", sweepInterval, b.sweep},
		{"purge", purgeInterval, b.purge},
		{"keys", keyInterval, b.keys},
		{"expiry", expiryInterval, b.warnOfExpiry},
		{"requests", sweepInterval, b.requests.Sweep},
		{"people", sweepInterval, b.sweepPeople},
		{"usage", sweepInterval, b.usage.Roll},
	}
}

// alone does a task unless another node has its lease. Two nodes may still do it
// at once, after a pause of one: each of these tasks decides in the transaction
// that it writes in, and does nothing twice.
func (b *background) alone(ctx context.Context, t task) error {
	now := b.now()
	mine, err := b.store.Lease(ctx, t.name, b.node, now, now.Add(t.interval+leaseGrace))
	if err != nil || !mine {
		return err
	}
	return t.do(ctx)
}

// release ends the lease of a task, if it is this node's, so that the next
// process need not wait for its end. Where it fails, that one waits.
func (b *background) release(ctx context.Context, t task) {
	now := b.now()
	_, _ = b.store.Lease(context.WithoutCancel(ctx), t.name, b.node, now, now.Add(-time.Second))
}

// sweep deletes what has expired, a batch at a time.
func (b *background) sweep(ctx context.Context) error {
	now := b.now()
	answers := func(ctx context.Context, now time.Time, limit int) (int, error) {
		return b.store.SweepAnswers(ctx, now.Add(-manage.KeepAnswers), limit)
	}
	replays := func(ctx context.Context, now time.Time, limit int) (int, error) {
		return b.store.SweepReplays(ctx, now.Add(-replayMargin), limit)
	}
	for _, batch := range []func(context.Context, time.Time, int) (int, error){b.store.SweepTokens, b.store.SweepRevocations, answers, replays} {
		for {
			n, err := batch(ctx, now, sweepBatch)
			if err != nil {
				return err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	last, err := b.store.LastChange(ctx)
	if err != nil || last <= keepChanges {
		return err
	}
	return b.store.SweepChanges(ctx, last-keepChanges)
}

// sweepPeople deletes sessions, links and challenges that have ended.
func (b *background) sweepPeople(ctx context.Context) error {
	for {
		now := b.now()
		n, err := b.store.SweepPeople(ctx, now, now.Add(-people.IdleLifetime), sweepBatch)
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

func (b *background) purge(ctx context.Context) error {
	clients, tenants, err := b.manager.Purge(ctx)
	if clients+tenants > 0 {
		b.log.LogAttrs(ctx, slog.LevelInfo, "what was to go is deleted", slog.Int("clients", clients), slog.Int("tenants", tenants))
	}
	return err
}

// keys rotates the keys that have signed for long enough, warns of those that it
// could not, and destroys those that are gone.
func (b *background) keys(ctx context.Context) error {
	made, err := b.manager.RotateDue(ctx)
	if made > 0 {
		b.log.LogAttrs(ctx, slog.LevelInfo, "signing keys are rotated", slog.Int("keys", made))
	}
	_, warnErr := b.manager.WarnOfKeys(ctx)
	purged, purgeErr := b.manager.PurgeKeys(ctx)
	if purged > 0 {
		b.log.LogAttrs(ctx, slog.LevelInfo, "signing keys that are gone are destroyed", slog.Int("keys", purged))
	}
	return errors.Join(err, warnErr, purgeErr)
}

// makeKeys makes the keys that requests wanted, one at a time: an RSA key takes
// a processor for a while.
func (b *background) makeKeys(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-b.wanted:
			kctx, cancel := context.WithTimeout(ctx, keyTimeout)
			err := b.manager.MakeMissingKey(kctx, w.tenant, w.alg)
			cancel()
			if err != nil && ctx.Err() == nil {
				b.log.LogAttrs(ctx, slog.LevelError, "a signing key could not be made", slog.Any("err", err))
			}
		}
	}
}
