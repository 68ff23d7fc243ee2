package directory

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/revoke"
	"github.com/mintage-auth/mintage/internal/store"
)

// Source is what a Directory reads: a store.Store is one.
type Source interface {
	store.Tenants
	store.ResourceServers
	store.Clients
	store.Keys
	store.Revocations
	store.Feed
}

// Config is what a Directory needs. Store and Vault must be set.
type Config struct {
	Store Source
	Vault *keys.Vault // opens signing keys
	Now   func() time.Time
	Log   *slog.Logger

	// Feed is told of each revocation as the change feed is read; nil: nobody is.
	Feed *revoke.Feed

	// MaxClients bounds the clients that are kept in memory, MaxTenants the
	// tenants whose resource servers, keys and revocations are; zero means
	// DefaultMaxClients and DefaultMaxTenants. The tenants themselves are all
	// kept.
	MaxClients int
	MaxTenants int
}

// Bounds of a Config that sets none. A client takes one to two kilobytes, a
// tenant in use about ten.
const (
	DefaultMaxClients = 20_000
	DefaultMaxTenants = 16_384
)

// Directory answers questions about what is configured. It is safe for
// concurrent use. What it returns is shared and must not be modified.
//
// Errors are mintage.ErrNotFound, wrapped, or the store's trouble.
type Directory struct {
	store Source
	vault *keys.Vault
	now   func() time.Time
	log   *slog.Logger
	feed  *revoke.Feed

	index       atomic.Pointer[index] // nil before the first Sync
	clients     *cache[clientKey, *mintage.Client]
	resources   *cache[string, map[string]*mintage.ResourceServer]
	rings       *cache[string, *keys.Ring]
	revocations *cache[string, *revoke.Set]

	turn   chan struct{} // holds one token: whoever takes it reads the feed
	cursor int64         // last change applied; guarded by turn

	readAt  atomic.Pointer[time.Time] // when the feed was last read to its end; nil: never
	failure atomic.Pointer[failure]   // the last one; nil: never
}

type clientKey struct{ tenant, id string }

// New returns a Directory that has read nothing yet: the first question, or
// Sync or Follow, begins.
func New(cfg Config) *Directory {
	d := &Directory{
		store: cfg.Store, vault: cfg.Vault, now: cfg.Now, log: cfg.Log,
		feed: cfg.Feed, turn: make(chan struct{}, 1),
	}
	if d.feed == nil {
		d.feed = &revoke.Feed{} // nobody follows it
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	tenants := cmp.Or(cfg.MaxTenants, DefaultMaxTenants)
	d.clients = newCache(cmp.Or(cfg.MaxClients, DefaultMaxClients), d.now, d.readClient)
	d.resources = newCache(tenants, d.now, d.readResourceServers)
	d.rings = newCache(tenants, d.now, d.readRing)
	d.revocations = newCache(tenants, d.now, d.readRevocations)
	return d
}

// Resolve returns the tenant that a request belongs to and the path below its
// issuer, such as /oauth2/token. Host is the request's, path as it was sent
// (escaped). The tenant is the one whose issuer or alias has the host, letter
// case and a default port aside, and the longest path that begins path. The
// well-known documents that RFC 8414 §3.1 puts in front of the issuer's path
// are found there too.
//
// No tenant, a disabled one, and the built-in one, which is reached by its
// listener and not by its name, are mintage.ErrNotFound.
func (d *Directory) Resolve(ctx context.Context, host, path string) (*mintage.Tenant, string, error) {
	if err := d.ready(ctx); err != nil {
		return nil, "", err
	}
	t, rest := d.index.Load().resolve(host, path)
	if t == nil || t.Disabled {
		return nil, "", fmt.Errorf("tenant of this host and path: %w", mintage.ErrNotFound)
	}
	return t, rest, nil
}

// Rest returns what of path is below t's issuer, for a listener that serves
// one tenant whatever the host, and whether path is below it at all.
func Rest(t *mintage.Tenant, path string) (string, bool) {
	e := newEntry(t)
	if len(e.places) == 0 {
		return "", false
	}
	own := e.places[0]
	x := &index{
		byPlace: map[mintage.Place]candidate{own: {tenant: t}},
		depth:   strings.Count(own.Path, "/"),
	}
	found, rest := x.at(own.Host, path)
	return rest, found != nil
}

// Tenant returns a tenant, a disabled one too.
func (d *Directory) Tenant(ctx context.Context, id string) (*mintage.Tenant, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if e := d.index.Load().byID[id]; e != nil {
		return e.tenant, nil
	}
	return nil, fmt.Errorf("tenant %q: %w", id, mintage.ErrNotFound)
}

// TenantByIssuer returns the tenant with exactly this issuer identifier, the
// built-in one too. A disabled one is mintage.ErrNotFound.
func (d *Directory) TenantByIssuer(ctx context.Context, issuer string) (*mintage.Tenant, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if t := d.index.Load().byIssuer[issuer]; t != nil && !t.Disabled {
		return t, nil
	}
	return nil, fmt.Errorf("tenant with this issuer: %w", mintage.ErrNotFound)
}

// Client returns a client with its grants and secrets, a disabled one too.
func (d *Directory) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.clients.get(ctx, clientKey{tenant, id})
}

// ResourceServers returns the resource servers of a tenant by identifier.
func (d *Directory) ResourceServers(ctx context.Context, tenant string) (map[string]*mintage.ResourceServer, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.resources.get(ctx, tenant)
}

// Ring returns the signing keys of a tenant.
func (d *Directory) Ring(ctx context.Context, tenant string) (*keys.Ring, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.rings.get(ctx, tenant)
}

// Revocations returns the revocations of a tenant, as they were at most 5 seconds
// ago: after a pause the feed is read first. The set grows as the feed is read; ask
// for it again at each use all the same.
func (d *Directory) Revocations(ctx context.Context, tenant string) (*revoke.Set, error) {
	if err := d.current(ctx); err != nil {
		return nil, err
	}
	return d.revocations.get(ctx, tenant)
}

func (d *Directory) readClient(ctx context.Context, k clientKey) (*mintage.Client, error) {
	c, err := d.store.Client(ctx, k.tenant, k.id)
	if err != nil {
		return nil, fmt.Errorf("client %q of tenant %q: %w", k.id, k.tenant, err)
	}
	return c, nil
}

func (d *Directory) readResourceServers(ctx context.Context, tenant string) (map[string]*mintage.ResourceServer, error) {
	list, err := d.store.ResourceServers(ctx, tenant, store.Page{})
	if err != nil {
		return nil, fmt.Errorf("resource servers of tenant %q: %w", tenant, err)
	}
	m := make(map[string]*mintage.ResourceServer, len(list))
	for _, rs := range list {
		m[rs.Identifier] = rs
	}
	return m, nil
}

func (d *Directory) readRing(ctx context.Context, tenant string) (*keys.Ring, error) {
	ks, err := d.store.SigningKeys(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("signing keys of tenant %q: %w", tenant, err)
	}
	r, err := keys.NewRing(d.vault, ks)
	if err != nil {
		return nil, fmt.Errorf("signing keys of tenant %q: %w", tenant, err)
	}
	return r, nil
}

func (d *Directory) readRevocations(ctx context.Context, tenant string) (*revoke.Set, error) {
	rs, err := d.store.Revocations(ctx, tenant, d.now())
	if err != nil {
		return nil, fmt.Errorf("revocations of tenant %q: %w", tenant, err)
	}
	return revoke.New(rs), nil
}
