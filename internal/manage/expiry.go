package manage

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// expiryBatch is how many secrets are read at a time.
const expiryBatch = 500

// warnedAtOnce is how many warnings one transaction writes, which others wait
// for.
const warnedAtOnce = 50

// Expiring says how many active secrets of each tenant end within each of
// mintage.ExpiryWarnings.
type Expiring map[string]map[time.Duration]int

// WarnOfExpiry writes an event for each active secret that is 30, 14, 7 or 1
// days from its end, once for each of these instants on all nodes together, and
// says how many there are. After a pause, only the warning nearest to the end
// is given.
func (m *Manager) WarnOfExpiry(ctx context.Context) (Expiring, error) {
	now := m.now()
	out := Expiring{}
	page := store.ExpiryPage{Until: now.Add(mintage.ExpiryWarnings[0]), Limit: expiryBatch}
	page.After.Expires = now
	for {
		list, err := m.Store.ExpiringSecrets(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			out.count(s, now)
		}
		if err := m.warn(ctx, list, now); err != nil {
			return nil, err
		}
		if len(list) < expiryBatch {
			return out, nil
		}
		page.After = *list[len(list)-1]
	}
}

func (e Expiring) count(s *store.ExpiringSecret, now time.Time) {
	if !s.Live(now) {
		return
	}
	if e[s.Tenant] == nil {
		e[s.Tenant] = map[time.Duration]int{}
	}
	for _, d := range mintage.ExpiryWarnings {
		if s.Expires.Sub(now) <= d {
			e[s.Tenant][d]++
		}
	}
}

// warning is one that may be due.
type warning struct {
	*store.ExpiringSecret
	instant time.Time // that it is about
	days    int
	event   *mintage.Event
	told    bool // by this node, now
}

// warn gives the warnings that are due for secrets, a bounded number in one
// transaction, unless another node was faster.
func (m *Manager) warn(ctx context.Context, secrets []*store.ExpiringSecret, now time.Time) error {
	var due []*warning
	for _, s := range secrets {
		w, err := m.warningOf(s, now)
		if err != nil {
			return err
		}
		if w != nil {
			due = append(due, w)
		}
	}
	for some := range slices.Chunk(due, warnedAtOnce) {
		if err := m.announce(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// warningOf returns the warning that is due for s, nil when none is.
func (m *Manager) warningOf(s *store.ExpiringSecret, now time.Time) (*warning, error) {
	before, instant := s.ExpiryWarning(now)
	if before == 0 {
		return nil, nil //nolint:nilnil // nothing is due
	}
	w := &warning{ExpiringSecret: s, instant: instant, days: int(before / (24 * time.Hour))}
	var err error
	w.event, err = m.event(Server(), object{tenant: s.Tenant, noun: "secret", id: s.Client, name: s.ClientName}, "expiring", nil, view{
		"id": s.ID, "name": s.Name, "hint": s.Hint, "expires_at": at(s.Expires), "days": w.days,
		"retiring": !s.Retiring.IsZero(), "last_used_at": at(s.LastUsed), "last_used_from": s.LastUsedFrom,
	})
	return w, err
}

func (m *Manager) announce(ctx context.Context, due []*warning) error {
	// Not m.update: no cache holds what is written here.
	err := m.Store.Update(ctx, func(tx store.Tx) (err error) {
		for _, w := range due {
			if w.told, err = tx.Announce(ctx, w.Tenant, w.Client, w.ID, w.instant); err != nil {
				return err
			}
			if !w.told {
				continue
			}
			if err := tx.AppendEvent(ctx, w.event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		m.dropped()
		return err
	}
	for _, w := range due {
		if w.told {
			m.Log.LogAttrs(ctx, slog.LevelWarn, "a client secret ends soon",
				slog.String("reason", "secret.expiring"), slog.String("tenant", w.Tenant), slog.String("client_id", w.Client),
				slog.String("client_name", w.ClientName), slog.Any("secret", &w.Secret),
				slog.String("expires_at", at(w.Expires)), slog.Int("days", w.days))
		}
	}
	return nil
}
