package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

const (
	expiryInterval = time.Hour // a warning may be so late, of at least a day

	// upgradeQueue bounds the secrets that wait for a better hash. What does not
	// fit is wanted again by the next request.
	upgradeQueue   = 64
	upgradeTimeout = 30 * time.Second
)

// upgrades puts imported secrets under our own hash, away from the requests
// that showed them to be right. While one waits it is kept in memory in the
// clear.
type upgrades struct {
	manager *manage.Manager
	log     *slog.Logger
	queue   chan upgrade

	mu      sync.Mutex
	waiting map[wantedUpgrade]struct{}
}

type wantedUpgrade struct{ tenant, client, secret string }

type upgrade struct {
	wantedUpgrade
	stored    mintage.Secret
	candidate string
}

func newUpgrades(m *manage.Manager, log *slog.Logger) *upgrades {
	return &upgrades{
		manager: m, log: log, queue: make(chan upgrade, upgradeQueue), waiting: map[wantedUpgrade]struct{}{},
	}
}

// want takes note of a secret. It never waits.
func (u *upgrades) want(tenant, client string, s *mintage.Secret, candidate string) {
	w := wantedUpgrade{tenant: tenant, client: client, secret: s.ID}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.waiting[w]; ok {
		return
	}
	select {
	case u.queue <- upgrade{wantedUpgrade: w, stored: *s, candidate: candidate}:
		u.waiting[w] = struct{}{}
	default:
	}
}

// run works until ctx ends, one at a time.
func (u *upgrades) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-u.queue:
			u.one(ctx, &next)
		}
	}
}

func (u *upgrades) one(ctx context.Context, next *upgrade) {
	ctx, cancel := context.WithTimeout(ctx, upgradeTimeout)
	defer cancel()
	done, err := u.manager.UpgradeHash(ctx, next.tenant, next.client, &next.stored, next.candidate)
	u.mu.Lock()
	delete(u.waiting, next.wantedUpgrade)
	u.mu.Unlock()
	attrs := []slog.Attr{slog.String("tenant", next.tenant), slog.String("client_id", next.client), slog.Any("secret", &next.stored)}
	switch {
	case err != nil && ctx.Err() == nil:
		u.log.LogAttrs(ctx, slog.LevelWarn, "an imported secret could not be put under our own hash", append(attrs, slog.Any("err", err))...)
	case done:
		u.log.LogAttrs(ctx, slog.LevelInfo, "an imported secret is under our own hash now", attrs...)
	}
}

// warnOfExpiry tells of secrets that end soon, in the audit log, the log and
// the metrics.
func (b *background) warnOfExpiry(ctx context.Context) error {
	found, err := b.manager.WarnOfExpiry(ctx)
	if err != nil {
		return err
	}
	b.metrics.SecretsExpiring(func(count func(tenant, window string, n int)) {
		for tenant, windows := range found {
			for _, d := range mintage.ExpiryWarnings {
				count(tenant, telemetry.Days(d), windows[d])
			}
		}
	})
	return nil
}
