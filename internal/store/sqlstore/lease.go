package sqlstore

import (
	"context"
	"fmt"
	"time"
)

// Lease implements store.Leases, in one statement: of those who ask at once one
// gets it.
func (s *Store) Lease(ctx context.Context, name, holder string, now, until time.Time) (bool, error) {
	var taken int64
	err := s.writeBeside(ctx, func(ses session) (err error) {
		taken, err = ses.exec(ctx, `
			INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE leases.holder = excluded.holder OR leases.until < $4`,
			name, holder, until.Unix(), now.Unix())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("lease %q: %w", name, err)
	}
	return taken > 0, nil
}
