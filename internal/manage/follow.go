package manage

import (
	"context"

	"github.com/mintage-auth/mintage"
)

// Changes returns the entries of the change feed after seq in order, at most
// limit.
func (m *Manager) Changes(ctx context.Context, after int64, limit int) ([]mintage.Change, error) {
	return m.Store.Changes(ctx, after, limit)
}

// LastChange returns the number of the newest entry of the change feed.
func (m *Manager) LastChange(ctx context.Context) (int64, error) { return m.Store.LastChange(ctx) }
