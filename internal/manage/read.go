package manage

import (
	"context"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Reading goes to the store and not to the caches: an administrator sees what
// is, and the version that a change will be held against. A list is sorted by
// identifier and has at most limit objects after the given one; zero is all.

// Tenant reads a tenant.
func (m *Manager) Tenant(ctx context.Context, id string) (*mintage.Tenant, error) {
	return m.Store.Tenant(ctx, id)
}

// Tenants lists tenants.
func (m *Manager) Tenants(ctx context.Context, after string, limit int) ([]*mintage.Tenant, error) {
	return m.Store.Tenants(ctx, store.Page{After: after, Limit: limit})
}

// ResourceServer reads a resource server.
func (m *Manager) ResourceServer(ctx context.Context, tenant, identifier string) (*mintage.ResourceServer, error) {
	return m.Store.ResourceServer(ctx, tenant, identifier)
}

// ResourceServers lists resource servers.
func (m *Manager) ResourceServers(ctx context.Context, tenant, after string, limit int) ([]*mintage.ResourceServer, error) {
	return m.Store.ResourceServers(ctx, tenant, store.Page{After: after, Limit: limit})
}

// Organization reads an organization.
func (m *Manager) Organization(ctx context.Context, tenant, id string) (*mintage.Organization, error) {
	return m.Store.Organization(ctx, tenant, id)
}

// Organizations lists organizations.
func (m *Manager) Organizations(ctx context.Context, tenant, after string, limit int) ([]*mintage.Organization, error) {
	return m.Store.Organizations(ctx, tenant, store.Page{After: after, Limit: limit})
}

// Client reads a client.
func (m *Manager) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	return m.Store.Client(ctx, tenant, id)
}

// Clients lists clients.
func (m *Manager) Clients(ctx context.Context, tenant, after string, limit int) ([]*mintage.Client, error) {
	return m.Store.Clients(ctx, tenant, store.Page{After: after, Limit: limit})
}

// ClientQuery narrows and sorts a list of clients; see store.ClientQuery.
type ClientQuery = store.ClientQuery

// ClientStatus is what a list of clients is narrowed to.
type ClientStatus = store.ClientStatus

// ClientOrder is what a list of clients is sorted by.
type ClientOrder = store.ClientOrder

// ByName sorts a list of clients by their names.
const ByName = store.ByName

// ClientMark is a place in a list of clients.
type ClientMark = store.ClientMark

// ListedClient is a client and its place in a list.
type ListedClient = store.ListedClient

// FindClients lists the clients that a query asks for.
func (m *Manager) FindClients(ctx context.Context, q ClientQuery) ([]ListedClient, error) {
	q.Now = m.now()
	return m.Store.FindClients(ctx, q)
}

// CountFound counts the clients that a query asks for, at most as many as its
// limit.
func (m *Manager) CountFound(ctx context.Context, q ClientQuery) (int, error) {
	q.Now = m.now()
	return m.Store.CountFound(ctx, q)
}

// CountOrganizationClients counts the clients of an organization.
func (m *Manager) CountOrganizationClients(ctx context.Context, tenant, organization string) (int, error) {
	return m.Store.CountOrganizationClients(ctx, tenant, organization)
}

// SigningKeys lists signing keys, oldest first, those that are gone included.
func (m *Manager) SigningKeys(ctx context.Context, tenant string) ([]*mintage.SigningKey, error) {
	return m.Store.SigningKeys(ctx, tenant)
}

// EventQuery narrows the audit log; see store.EventQuery.
type EventQuery = store.EventQuery

// Events lists the audit log, newest first unless the query says otherwise.
func (m *Manager) Events(ctx context.Context, q EventQuery) ([]*mintage.Event, error) {
	return m.Store.Events(ctx, q)
}

// Revocations returns the revocations of a tenant that are in force, and the
// number of a change that is not after any that the list lacks.
func (m *Manager) Revocations(ctx context.Context, tenant string) (rs []*mintage.Revocation, change int64, err error) {
	if change, err = m.Store.LastChange(ctx); err != nil {
		return nil, 0, err
	}
	rs, err = m.Store.Revocations(ctx, tenant, m.now())
	return rs, change, err
}
