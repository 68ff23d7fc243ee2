package manage

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

// alertEvery is how long a key that is overdue is not told of again.
const alertEvery = 24 * time.Hour

// WarnOfKeys writes a log line and an event, once a day, for each key that
// should have a successor and has none (keys.Overdue), and says how many there
// are. RotateDue makes them, so that each is a failure of it.
func (m *Manager) WarnOfKeys(ctx context.Context) (int, error) {
	return m.eachTenant(ctx, func(ctx context.Context, t *mintage.Tenant) (int, error) {
		have, err := m.Store.SigningKeys(ctx, t.ID)
		if err != nil {
			return 0, err
		}
		late := keys.Overdue(have, m.now(), m.KeyPeriodOf(t))
		var errs []error
		for _, k := range late {
			errs = append(errs, m.warnOfKey(ctx, t, k))
		}
		return len(late), errors.Join(errs...)
	})
}

func (m *Manager) warnOfKey(ctx context.Context, t *mintage.Tenant, k *mintage.SigningKey) error {
	now := m.now()
	id := [2]string{k.Tenant, k.ID}
	if told, ok := m.alerted.Load(id); ok && now.Sub(told.(time.Time)) < alertEvery { //nolint:forcetypeassert // nothing else is stored
		return nil
	}
	due := keys.DueAt(k, m.KeyPeriodOf(t))
	if due.IsZero() {
		due = k.SignsUntil
	}
	// First the log: where the database is what fails, nothing else is written.
	m.Log.LogAttrs(ctx, slog.LevelError, "a signing key has no successor",
		slog.String("event", "key.overdue"), slog.String("tenant", k.Tenant), slog.String("kid", k.ID), slog.String("alg", k.Alg),
		slog.String("signs_from", at(k.SignsFrom)), slog.String("due_at", at(due)))
	e, err := m.event(Server(), ofKey(k), "overdue", nil, view{
		"kid": k.ID, "alg": k.Alg, "signs_from": at(k.SignsFrom), "signs_until": at(k.SignsUntil), "due_at": at(due),
	})
	if err != nil {
		return err
	}
	if err := m.update(ctx, func(tx store.Tx) error { return tx.AppendEvent(ctx, e) }); err != nil {
		m.dropped()
		return err
	}
	m.alerted.Store(id, now)
	return nil
}
