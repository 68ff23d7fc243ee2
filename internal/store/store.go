// Package store says what the authorization server needs of a database. The
// engines are its subpackages; storetest holds the one suite that they all
// pass.
//
// Engines keep rows and nothing else. They draw no identifiers, hash nothing,
// read no clock, check no permission and decide nothing: all that is decided
// before a call and arrives in its arguments.
package store

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
)

// Store is everything an engine implements. Code that uses storage asks for
// the smallest of these interfaces that serves it. All methods may be called
// at the same time. Errors are mintage.ErrNotFound, mintage.ErrExists or
// mintage.ErrConflict, wrapped, where a method says so; any other error is the
// engine's own trouble, and mintage.ErrUnavailable where it may pass.
type Store interface {
	Reader
	Tokens
	Replays
	Feed
	Upkeep
	TenantUpkeep
	Requests
	Usage
	KeptAnswers
	Owners
	Leases
	PeopleUpkeep

	// Update runs fn in one write transaction and commits it when fn returns
	// nil. It may run fn more than once. Nothing that fn wrote is left behind
	// when Update returns an error.
	Update(ctx context.Context, fn func(Tx) error) error

	// Ping says whether the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Reader is everything that can be read. A list is sorted by identifier and
// holds at most page.Limit items after page.After.
type Reader interface {
	Tenants
	Organizations
	ResourceServers
	Clients
	Census
	Tallies
	Keys
	Revocations
	Events
	DataKeys
	Operators
	OperatorCredentials
	Invitations
	Sessions
	Pairings
}

// Tx is a write transaction. What it reads, it reads in the transaction. Each
// write to a tenant, organization, resource server, client, key, revocation or
// operator appends to the change feed in the same transaction.
type Tx interface {
	Reader
	TenantWriter
	OrganizationWriter
	ResourceServerWriter
	ClientWriter
	KeyWriter
	RevocationWriter
	EventWriter
	DataKeyWriter
	OperatorWriter
	OperatorCredentialWriter
	InvitationWriter
	SessionWriter
	PairingWriter
	ChallengeWriter
	KeptAnswerWriter
}

// Page asks for a part of a list.
type Page struct {
	After string // identifier that the part begins after; empty: the beginning
	Limit int    // at most so many; zero: all
}

// Tenants reads tenants.
type Tenants interface {
	Tenant(ctx context.Context, id string) (*mintage.Tenant, error) // ErrNotFound
	Tenants(ctx context.Context, page Page) ([]*mintage.Tenant, error)
	// TenantsAt returns, sorted, the tenants that have one of the places, by
	// their issuer or by an alias, without reading the others.
	TenantsAt(ctx context.Context, places []mintage.Place) ([]*mintage.Tenant, error)
	// TenantsToPurge returns, sorted, the disabled tenants whose PurgeAt is set
	// and not after now.
	TenantsToPurge(ctx context.Context, now time.Time) ([]*mintage.Tenant, error)
}

// TenantWriter writes tenants. An issuer that another tenant has, or an alias
// that is there twice, is ErrExists; who may share an alias, the caller knows. Create sets Version to 1; Update sets it to one more than
// stored, whatever the argument says. Create and Update take the times as
// given.
type TenantWriter interface {
	CreateTenant(ctx context.Context, t *mintage.Tenant) error // ErrExists
	UpdateTenant(ctx context.Context, t *mintage.Tenant) error // ErrNotFound, ErrExists
	DeleteTenant(ctx context.Context, id string) error         // ErrNotFound; ErrConflict while it owns anything but keys and revocations
}

// Organizations reads organizations.
type Organizations interface {
	Organization(ctx context.Context, tenant, id string) (*mintage.Organization, error) // ErrNotFound
	Organizations(ctx context.Context, tenant string, page Page) ([]*mintage.Organization, error)
}

// OrganizationWriter writes organizations; versions as TenantWriter.
type OrganizationWriter interface {
	CreateOrganization(ctx context.Context, o *mintage.Organization) error // ErrExists; ErrNotFound when the tenant or a grant's resource server is missing
	UpdateOrganization(ctx context.Context, o *mintage.Organization) error // ErrNotFound
	DeleteOrganization(ctx context.Context, tenant, id string) error       // ErrNotFound; ErrConflict while it owns clients
}

// ResourceServers reads resource servers.
type ResourceServers interface {
	ResourceServer(ctx context.Context, tenant, identifier string) (*mintage.ResourceServer, error) // ErrNotFound
	ResourceServers(ctx context.Context, tenant string, page Page) ([]*mintage.ResourceServer, error)
}

// ResourceServerWriter writes resource servers with their scopes; versions as
// TenantWriter.
type ResourceServerWriter interface {
	CreateResourceServer(ctx context.Context, rs *mintage.ResourceServer) error // ErrExists, by identifier or by name
	UpdateResourceServer(ctx context.Context, rs *mintage.ResourceServer) error // ErrNotFound, ErrExists
	DeleteResourceServer(ctx context.Context, tenant, identifier string) error  // ErrNotFound; ErrConflict while a client or an organization has a grant there
}

// Clients reads clients, whole: with their grants and secrets.
type Clients interface {
	Client(ctx context.Context, tenant, id string) (*mintage.Client, error) // ErrNotFound
	Clients(ctx context.Context, tenant string, page Page) ([]*mintage.Client, error)
	// FindClients returns the clients that a query asks for, in its order.
	FindClients(ctx context.Context, q ClientQuery) ([]ListedClient, error)
	// ClientsToPurge returns the clients of all tenants whose PurgeAt is set
	// and not after now.
	ClientsToPurge(ctx context.Context, now time.Time) ([]*mintage.Client, error)
	// ExpiringSecrets returns, in the order of their ends, the secrets of all
	// tenants that end after p.After and not after p.Until, without those that
	// were revoked or whose client is disabled.
	ExpiringSecrets(ctx context.Context, p ExpiryPage) ([]*ExpiringSecret, error)
}

// ExpiringSecret is a secret that has an end, and whose it is. The Secret has
// no hash and no digest.
type ExpiringSecret struct {
	Tenant, Client, ClientName string
	mintage.Secret
}

// ExpiryPage asks for a part of the secrets that end. After is where the part
// begins: an instant at first, then the last one of the part before.
type ExpiryPage struct {
	After ExpiringSecret // Expires, Tenant, Client and ID count
	Until time.Time
	Limit int // at most so many
}

// ClientCount is how many clients a tenant has.
type ClientCount struct {
	Tenant   string
	Clients  int // disabled ones included
	Disabled int
}

// Census counts.
type Census interface {
	// CountClients returns the tenants that have clients, sorted.
	CountClients(ctx context.Context) ([]ClientCount, error)
	// CountOrganizationClients returns how many clients an organization owns,
	// disabled ones included.
	CountOrganizationClients(ctx context.Context, tenant, organization string) (int, error)
	// CountGrants returns how many clients and organizations have which grant at
	// a resource server, sorted by the scopes.
	CountGrants(ctx context.Context, tenant, resourceServer string) ([]GrantCount, error)
	// ManagedTenants returns, sorted, the tenants that have this ManagedBy or own
	// anything that has it.
	ManagedTenants(ctx context.Context, managedBy string) ([]string, error)
}

// ClientWriter writes clients with their grants and secrets, whole; versions
// as TenantWriter. A deleted client's secrets go with it. An identifier is
// never used again in its tenant: creating it anew is ErrExists. The marks of a
// secret (LastUsed, Exposed, Announced) never go back: of those given to Update
// and those stored, the later ones stay.
type ClientWriter interface {
	CreateClient(ctx context.Context, c *mintage.Client) error // ErrExists
	UpdateClient(ctx context.Context, c *mintage.Client) error // ErrNotFound
	DeleteClient(ctx context.Context, tenant, id string) error // ErrNotFound
	// Announce moves Announced of a secret forward to at and says whether it
	// did: false when it was there already, or the secret is gone. It is no
	// write to the client; see MarkUsed.
	Announce(ctx context.Context, tenant, client, secret string, at time.Time) (bool, error)
}

// Keys reads signing keys, those that are gone included, oldest first.
type Keys interface {
	SigningKeys(ctx context.Context, tenant string) ([]*mintage.SigningKey, error)
}

// KeyWriter writes signing keys; versions as TenantWriter.
type KeyWriter interface {
	CreateSigningKey(ctx context.Context, k *mintage.SigningKey) error // ErrExists
	UpdateSigningKey(ctx context.Context, k *mintage.SigningKey) error // ErrNotFound
	DeleteSigningKey(ctx context.Context, tenant, id string) error     // ErrNotFound
}

// Revocations reads revocations.
type Revocations interface {
	// Revocations returns those of the tenant that have not expired at now.
	Revocations(ctx context.Context, tenant string, now time.Time) ([]*mintage.Revocation, error)
	Revocation(ctx context.Context, tenant, id string) (*mintage.Revocation, error) // ErrNotFound
}

// RevocationWriter writes revocations.
type RevocationWriter interface {
	// CreateRevocation records r. One that exists already under its ID is left
	// as it is, without an error.
	CreateRevocation(ctx context.Context, r *mintage.Revocation) error
}

// Events reads the audit log.
type Events interface {
	// Events returns rows, newest first unless the query says otherwise.
	Events(ctx context.Context, q EventQuery) ([]*mintage.Event, error)
	// LastEvent returns the number that was given last, zero before the first:
	// that of the newest row, while the log is whole.
	LastEvent(ctx context.Context) (int64, error)
}

// EventQuery asks for a part of the audit log. Empty members ask for all.
type EventQuery struct {
	Tenant string
	Actor  string // client or operator identifier, or an operator's address
	Action string // noun.verb, or the noun alone
	Target string // identifier of what changed
	// Organization of the tenant, of whose clients and their secrets the rows are.
	Organization string
	Via          string    // tool
	Since        time.Time // rows that are not before it
	Until        time.Time // rows that are before it

	Oldest bool  // oldest first
	After  int64 // Seq that the part begins after, in the order asked for; zero: the beginning
	Limit  int   // at most so many; zero: all
}

// EventWriter appends to the audit log. Rows are never changed or deleted.
type EventWriter interface {
	// AppendEvent sets e.Seq and e.Hash. It links rows before it, too, that have
	// no hash, as older versions leave them.
	AppendEvent(ctx context.Context, e *mintage.Event) error
}

// DataKey is a key wrapped by the master key, or a value sealed under a data
// key: the engine does not know the difference.
type DataKey struct {
	Name    string
	Sealed  []byte
	Created time.Time
}

// DataKeys reads wrapped keys and sealed values.
type DataKeys interface {
	DataKey(ctx context.Context, name string) (*DataKey, error) // ErrNotFound
	// DataKeys returns those whose names begin so, sorted.
	DataKeys(ctx context.Context, prefix string) ([]*DataKey, error)
}

// DataKeyWriter writes wrapped keys and sealed values.
type DataKeyWriter interface {
	CreateDataKey(ctx context.Context, k *DataKey) error  // ErrExists
	ReplaceDataKey(ctx context.Context, k *DataKey) error // ErrNotFound
}

// Tokens keeps stored access tokens.
type Tokens interface {
	// CreateToken returns when rec is on disk. Calls at the same time share one
	// commit.
	CreateToken(ctx context.Context, rec *mintage.TokenRecord) error
	Token(ctx context.Context, tenant string, key [38]byte) (*mintage.TokenRecord, error) // ErrNotFound
}

// Feed is the change feed.
type Feed interface {
	// Changes returns the changes after seq in order, at most limit.
	Changes(ctx context.Context, after int64, limit int) ([]mintage.Change, error)
	// LastChange returns the highest sequence number, zero before the first.
	LastChange(ctx context.Context) (int64, error)
	// Hint returns a channel that receives when the feed may have moved, sooner
	// than who asks now and then would know. It is nil where the engine cannot
	// tell, and it may miss some: who follows the feed asks all the same.
	Hint() <-chan struct{}
}

// Leases say which of several processes does what one alone should do.
type Leases interface {
	// Lease takes or renews the lease of this name for the holder until the
	// given instant, and reports whether it is theirs: it is when nobody has it,
	// when the last one ended before now, or when it was theirs already. A
	// process that was paused may go on after its lease ended, and clocks
	// differ: what is done under a lease must be right when it is done twice.
	Lease(ctx context.Context, name, holder string, now, until time.Time) (bool, error)
}

// Upkeep is what is done in the background.
type Upkeep interface {
	// SweepTokens deletes at most limit stored tokens that expired before now
	// and says how many it deleted.
	SweepTokens(ctx context.Context, now time.Time, limit int) (int, error)
	// SweepRevocations is the same for revocations.
	SweepRevocations(ctx context.Context, now time.Time, limit int) (int, error)
	// SweepChanges deletes changes up to and including seq.
	SweepChanges(ctx context.Context, upTo int64) error
	// MarkExposed sets Exposed of a secret, forward only. It is no write to the
	// client: neither its version nor the feed moves. ErrNotFound.
	MarkExposed(ctx context.Context, tenant, client, secret string, at time.Time) error
	// MarkUsed sets LastUsed and LastUsedFrom of secrets, forward only, in one
	// transaction. It is no write to the clients, as MarkExposed. Secrets that
	// are gone are passed over.
	MarkUsed(ctx context.Context, uses []SecretUse) error
}

// TenantUpkeep is what is done before a tenant is deleted.
type TenantUpkeep interface {
	// SweepTenant deletes at most limit records of the tenant's request log, and
	// as many of its usage counts, and says how many it deleted. The audit log
	// stays.
	SweepTenant(ctx context.Context, tenant string, limit int) (int, error)
}

// SecretUse is when and from where a secret was used.
type SecretUse struct {
	Tenant, Client, Secret string
	At                     time.Time
	From                   string // remote address, without the port
}

// Owners says whose something is, whatever the tenant. It is for the operator's
// second look at a refused request, and never for an answer.
type Owners interface {
	// SecretOwner returns whose the secret with exactly this hash is.
	// ErrNotFound.
	SecretOwner(ctx context.Context, hash string) (*mintage.SecretOwner, error)
	// ClientTenants returns tenants that have a client with this identifier, at
	// most limit, sorted.
	ClientTenants(ctx context.Context, id string, limit int) ([]string, error)
}
