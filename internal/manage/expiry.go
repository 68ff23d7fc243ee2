package manage

import (
	"context"
	"log/slog"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// expiryBatch is how many secrets are read at a time.
const expiryBatch = 500

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
			if err := m.warn(ctx, s, now); err != nil {
				return nil, err
			}
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

// warn gives the warning that is due for s, unless another node was faster.
func (m *Manager) warn(ctx context.Context, s *store.ExpiringSecret, now time.Time) error {
	before, instant := s.ExpiryWarning(now)
	if before == 0 {
		return nil
	}
	days := int(before / (24 * time.Hour))
	e, err := m.event(Server(), object{tenant: s.Tenant, noun: "secret", id: s.Client, name: s.ClientName}, "expiring", nil, view{
		"id": s.ID, "name": s.Name, "hint": s.Hint, "expires_at": at(s.Expires), "days": days,
		"retiring": !s.Retiring.IsZero(), "last_used_at": at(s.LastUsed), "last_used_from": s.LastUsedFrom,
	})
	if err != nil {
		return err
	}
	told := false
	// Not m.update: no cache holds what is written here.
	err = m.Store.Update(ctx, func(tx store.Tx) error {
		if told, err = tx.Announce(ctx, s.Tenant, s.Client, s.ID, instant); err != nil || !told {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
	if err != nil {
		m.dropped()
		return err
	}
	if !told {
		return nil
	}
	m.Log.LogAttrs(ctx, slog.LevelWarn, "a client secret ends soon",
		slog.String("reason", "secret.expiring"), slog.String("tenant", s.Tenant), slog.String("client_id", s.Client),
		slog.String("client_name", s.ClientName), slog.Any("secret", &s.Secret),
		slog.String("expires_at", at(s.Expires)), slog.Int("days", days))
	return nil
}
