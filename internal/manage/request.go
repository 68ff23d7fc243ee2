package manage

import (
	"context"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// RequestQuery asks for a part of the request log.
type RequestQuery = store.RequestQuery

// Request reads the record of the request with a trace id, of any tenant when
// it is empty.
func (m *Manager) Request(ctx context.Context, tenant, traceID string) (*mintage.RequestRecord, error) {
	return m.Store.Request(ctx, tenant, traceID)
}

// Requests lists the request log, newest first; see RequestQuery.
func (m *Manager) Requests(ctx context.Context, q RequestQuery) ([]*mintage.RequestRecord, error) {
	return m.Store.Requests(ctx, q)
}

// LadderUses lists what clients of a tenant do that their ladders have rungs
// for.
func (m *Manager) LadderUses(ctx context.Context, tenant string) ([]*mintage.LadderUse, error) {
	return m.Store.LadderUses(ctx, tenant)
}
