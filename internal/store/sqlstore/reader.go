package sqlstore

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// The reads of a Store are those of a session, each in a transaction of its
// own.

// Tenant implements store.Tenants.
func (s *Store) Tenant(ctx context.Context, id string) (*mintage.Tenant, error) {
	return view(ctx, s, func(ses session) (*mintage.Tenant, error) { return ses.Tenant(ctx, id) })
}

// Tenants implements store.Tenants.
func (s *Store) Tenants(ctx context.Context, page store.Page) ([]*mintage.Tenant, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Tenant, error) { return ses.Tenants(ctx, page) })
}

// TenantsAt implements store.Tenants.
func (s *Store) TenantsAt(ctx context.Context, places []mintage.Place) ([]*mintage.Tenant, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Tenant, error) { return ses.TenantsAt(ctx, places) })
}

// TenantsToPurge implements store.Tenants.
func (s *Store) TenantsToPurge(ctx context.Context, now time.Time) ([]*mintage.Tenant, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Tenant, error) { return ses.TenantsToPurge(ctx, now) })
}

// Organization implements store.Organizations.
func (s *Store) Organization(ctx context.Context, tenant, id string) (*mintage.Organization, error) {
	return view(ctx, s, func(ses session) (*mintage.Organization, error) { return ses.Organization(ctx, tenant, id) })
}

// Organizations implements store.Organizations.
func (s *Store) Organizations(ctx context.Context, tenant string, page store.Page) ([]*mintage.Organization, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Organization, error) { return ses.Organizations(ctx, tenant, page) })
}

// ResourceServer implements store.ResourceServers.
func (s *Store) ResourceServer(ctx context.Context, tenant, identifier string) (*mintage.ResourceServer, error) {
	return view(ctx, s, func(ses session) (*mintage.ResourceServer, error) { return ses.ResourceServer(ctx, tenant, identifier) })
}

// ResourceServers implements store.ResourceServers.
func (s *Store) ResourceServers(ctx context.Context, tenant string, page store.Page) ([]*mintage.ResourceServer, error) {
	return view(ctx, s, func(ses session) ([]*mintage.ResourceServer, error) { return ses.ResourceServers(ctx, tenant, page) })
}

// Client implements store.Clients.
func (s *Store) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	return view(ctx, s, func(ses session) (*mintage.Client, error) { return ses.Client(ctx, tenant, id) })
}

// Clients implements store.Clients.
func (s *Store) Clients(ctx context.Context, tenant string, page store.Page) ([]*mintage.Client, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Client, error) { return ses.Clients(ctx, tenant, page) })
}

// FindClients implements store.Clients.
func (s *Store) FindClients(ctx context.Context, q store.ClientQuery) ([]store.ListedClient, error) {
	return viewList(ctx, s, func(ses session) ([]store.ListedClient, error) { return ses.FindClients(ctx, q) })
}

// CountFound implements store.Tallies.
func (s *Store) CountFound(ctx context.Context, q store.ClientQuery) (int, error) {
	return viewList(ctx, s, func(ses session) (int, error) { return ses.CountFound(ctx, q) })
}

// ClientTokenSettings implements store.Tallies.
func (s *Store) ClientTokenSettings(ctx context.Context, tenant string) ([]mintage.TokenSettings, error) {
	return viewList(ctx, s, func(ses session) ([]mintage.TokenSettings, error) { return ses.ClientTokenSettings(ctx, tenant) })
}

// ExpiringSecrets implements store.Clients.
func (s *Store) ExpiringSecrets(ctx context.Context, p store.ExpiryPage) ([]*store.ExpiringSecret, error) {
	return view(ctx, s, func(ses session) ([]*store.ExpiringSecret, error) { return ses.ExpiringSecrets(ctx, p) })
}

// CountClients implements store.Census.
func (s *Store) CountClients(ctx context.Context) ([]store.ClientCount, error) {
	return viewList(ctx, s, func(ses session) ([]store.ClientCount, error) { return ses.CountClients(ctx) })
}

// CountGrants implements store.Census.
func (s *Store) CountGrants(ctx context.Context, tenant, resourceServer string) ([]store.GrantCount, error) {
	return viewList(ctx, s, func(ses session) ([]store.GrantCount, error) { return ses.CountGrants(ctx, tenant, resourceServer) })
}

// ManagedTenants implements store.Census.
func (s *Store) ManagedTenants(ctx context.Context, managedBy string) ([]string, error) {
	return view(ctx, s, func(ses session) ([]string, error) { return ses.ManagedTenants(ctx, managedBy) })
}

// ClientsToPurge implements store.Clients.
func (s *Store) ClientsToPurge(ctx context.Context, now time.Time) ([]*mintage.Client, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Client, error) { return ses.ClientsToPurge(ctx, now) })
}

// SigningKeys implements store.Keys.
func (s *Store) SigningKeys(ctx context.Context, tenant string) ([]*mintage.SigningKey, error) {
	return view(ctx, s, func(ses session) ([]*mintage.SigningKey, error) { return ses.SigningKeys(ctx, tenant) })
}

// Revocations implements store.Revocations.
func (s *Store) Revocations(ctx context.Context, tenant string, now time.Time) ([]*mintage.Revocation, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Revocation, error) { return ses.Revocations(ctx, tenant, now) })
}

// Revocation implements store.Revocations.
func (s *Store) Revocation(ctx context.Context, tenant, id string) (*mintage.Revocation, error) {
	return view(ctx, s, func(ses session) (*mintage.Revocation, error) { return ses.Revocation(ctx, tenant, id) })
}

// Events implements store.Events.
func (s *Store) Events(ctx context.Context, q store.EventQuery) ([]*mintage.Event, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Event, error) { return ses.Events(ctx, q) })
}

// LastEvent implements store.Events.
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	return view(ctx, s, func(ses session) (int64, error) { return ses.LastEvent(ctx) })
}

// DataKeys implements store.DataKeys.
func (s *Store) DataKeys(ctx context.Context, prefix string) ([]*store.DataKey, error) {
	return view(ctx, s, func(ses session) ([]*store.DataKey, error) { return ses.DataKeys(ctx, prefix) })
}

// DataKey implements store.DataKeys.
func (s *Store) DataKey(ctx context.Context, name string) (*store.DataKey, error) {
	return view(ctx, s, func(ses session) (*store.DataKey, error) { return ses.DataKey(ctx, name) })
}

// Operator implements store.Operators.
func (s *Store) Operator(ctx context.Context, id string) (*mintage.Operator, error) {
	return view(ctx, s, func(ses session) (*mintage.Operator, error) { return ses.Operator(ctx, id) })
}

// OperatorByEmail implements store.Operators.
func (s *Store) OperatorByEmail(ctx context.Context, email string) (*mintage.Operator, error) {
	return view(ctx, s, func(ses session) (*mintage.Operator, error) { return ses.OperatorByEmail(ctx, email) })
}

// Operators implements store.Operators.
func (s *Store) Operators(ctx context.Context, q store.OperatorQuery) ([]*mintage.Operator, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Operator, error) { return ses.Operators(ctx, q) })
}

// OperatorCredential implements store.OperatorCredentials.
func (s *Store) OperatorCredential(ctx context.Context, kind mintage.CredentialKind, id string) (*mintage.OperatorCredential, error) {
	return view(ctx, s, func(ses session) (*mintage.OperatorCredential, error) { return ses.OperatorCredential(ctx, kind, id) })
}

// OperatorCredentials implements store.OperatorCredentials.
func (s *Store) OperatorCredentials(ctx context.Context, operator string) ([]*mintage.OperatorCredential, error) {
	return view(ctx, s, func(ses session) ([]*mintage.OperatorCredential, error) {
		return ses.OperatorCredentials(ctx, operator)
	})
}

// Invitation implements store.Invitations.
func (s *Store) Invitation(ctx context.Context, id string) (*mintage.Invitation, error) {
	return view(ctx, s, func(ses session) (*mintage.Invitation, error) { return ses.Invitation(ctx, id) })
}

// InvitationByHash implements store.Invitations.
func (s *Store) InvitationByHash(ctx context.Context, hash string) (*mintage.Invitation, error) {
	return view(ctx, s, func(ses session) (*mintage.Invitation, error) { return ses.InvitationByHash(ctx, hash) })
}

// Invitations implements store.Invitations.
func (s *Store) Invitations(ctx context.Context, page store.Page) ([]*mintage.Invitation, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Invitation, error) { return ses.Invitations(ctx, page) })
}

// Pairing implements store.Pairings.
func (s *Store) Pairing(ctx context.Context, id string) (*mintage.Pairing, error) {
	return view(ctx, s, func(ses session) (*mintage.Pairing, error) { return ses.Pairing(ctx, id) })
}

// PairingByHash implements store.Pairings.
func (s *Store) PairingByHash(ctx context.Context, hash string) (*mintage.Pairing, error) {
	return view(ctx, s, func(ses session) (*mintage.Pairing, error) { return ses.PairingByHash(ctx, hash) })
}

// Session implements store.Sessions.
func (s *Store) Session(ctx context.Context, id string) (*mintage.Session, error) {
	return view(ctx, s, func(ses session) (*mintage.Session, error) { return ses.Session(ctx, id) })
}

// Sessions implements store.Sessions.
func (s *Store) Sessions(ctx context.Context, operator string) ([]*mintage.Session, error) {
	return view(ctx, s, func(ses session) ([]*mintage.Session, error) { return ses.Sessions(ctx, operator) })
}

// CountOrganizationClients implements store.Census.
func (s *Store) CountOrganizationClients(ctx context.Context, tenant, organization string) (int, error) {
	return view(ctx, s, func(ses session) (int, error) { return ses.CountOrganizationClients(ctx, tenant, organization) })
}
