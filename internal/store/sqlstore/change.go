package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
)

// change appends to the feed. The number comes from a row that the transaction
// holds until it ends, so that numbers are committed in their order and a
// reader never skips one.
func (t *tx) change(ctx context.Context, kind mintage.ChangeKind, tenant, id string) error {
	seq, err := t.next(ctx, "changes")
	if err != nil {
		return fmt.Errorf("change feed: %w", err)
	}
	_, err = t.exec(ctx, `INSERT INTO changes (seq, kind, tenant, id) VALUES ($1, $2, $3, $4)`, seq, kind, tenant, id)
	if err == nil && t.engine.notify != "" {
		_, err = t.exec(ctx, t.engine.notify)
	}
	if err != nil {
		return fmt.Errorf("change feed: %w", err)
	}
	return nil
}

func scanChange(row scanner) (mintage.Change, error) {
	var c mintage.Change
	err := row.Scan(&c.Seq, &c.Kind, &c.Tenant, &c.ID)
	return c, err
}

// Changes implements store.Feed.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]mintage.Change, error) {
	list, err := view(ctx, s, func(ses session) ([]mintage.Change, error) {
		return all(ctx, ses, scanChange, `
			SELECT seq, kind, tenant, id FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	return list, nil
}

// LastChange implements store.Feed.
func (s *Store) LastChange(ctx context.Context) (int64, error) {
	seq, err := view(ctx, s, func(ses session) (int64, error) {
		return one(ctx, ses, number, `SELECT value FROM counters WHERE name = $1`, "changes")
	})
	if err != nil {
		return 0, fmt.Errorf("last change: %w", err)
	}
	return seq, nil
}

// Hint implements store.Feed.
func (s *Store) Hint() <-chan struct{} { return s.hint }
