package manage

import (
	"context"
	"errors"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Purge deletes the clients whose time has come since apply pruned them, each
// in a transaction of its own, and says how many it deleted.
func (m *Manager) Purge(ctx context.Context) (int, error) {
	due, err := m.Store.ClientsToPurge(ctx, m.now())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range due {
		switch err := m.purge(ctx, c); {
		case err == nil:
			n++
		case errors.Is(err, errNotDue), errors.Is(err, mintage.ErrNotFound):
			// Somebody enabled or deleted it meanwhile.
		default:
			return n, err
		}
	}
	return n, nil
}

var errNotDue = errors.New("not due")

func (m *Manager) purge(ctx context.Context, c *mintage.Client) error {
	return m.update(ctx, func(tx store.Tx) error {
		old, err := tx.Client(ctx, c.Tenant, c.ID)
		if err != nil {
			return err
		}
		if old.PurgeAt.IsZero() || m.now().Before(old.PurgeAt) {
			return errNotDue
		}
		return m.deleteClient(ctx, tx, Server(), old)
	})
}
