package manage

import (
	"context"
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// UpgradeHash puts a secret that was right just now under the hash that we make
// of brought secrets, unless its hash is another by now, and says whether it
// did. The candidate is nowhere kept.
func (m *Manager) UpgradeHash(ctx context.Context, tenant, client string, s *mintage.Secret, candidate string) (bool, error) {
	hash, err := m.Secrets.Rehash(ctx, tenant, client, s, candidate)
	if err != nil {
		return false, fmt.Errorf("client %q: %w", client, err)
	}
	done := false
	err = m.update(ctx, func(tx store.Tx) error {
		done = false
		old, err := tx.Client(ctx, tenant, client)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(old.Secrets, func(other mintage.Secret) bool { return other.ID == s.ID && other.Hash == s.Hash })
		if i < 0 {
			return nil // replaced or upgraded meanwhile
		}
		fresh := cloneClient(old)
		fresh.Secrets[i].Hash = hash
		fresh.Updated, fresh.Version = m.now(), old.Version+1
		e, err := m.event(Server(), object{tenant: tenant, noun: "secret", id: client, name: old.Name}, "upgrade", nil,
			view{"id": s.ID, "name": s.Name, "hint": s.Hint})
		if err != nil {
			return err
		}
		if err := tx.UpdateClient(ctx, fresh); err != nil {
			return err
		}
		done = true
		return tx.AppendEvent(ctx, e)
	})
	if err != nil {
		return false, fmt.Errorf("client %q: %w", client, err)
	}
	return done, nil
}
