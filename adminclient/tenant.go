package adminclient

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Meta is what every document of a stored object carries beside its own
// members.
type Meta struct {
	BuiltIn   bool      `json:"built_in" doc:"Whether the object came with the server; it can then not be changed."`
	ManagedBy string    `json:"managed_by,omitempty" doc:"The file whose apply made or adopted the object; absent when it was made by hand."`
	Version   int64     `json:"version" doc:"Grows by one with each change; the ETag."`
	CreatedAt time.Time `json:"created_at" doc:"When the object was made."`
	UpdatedAt time.Time `json:"updated_at" doc:"When the object was last changed."`
}

// TokenSettings is one layer of the answer to "which token?". A member that is
// absent leaves the choice to the next layer: client, resource server,
// dialect, tenant, built-in.
type TokenSettings struct {
	Format   string `json:"format,omitempty" enum:"jwt,stored,sealed" doc:"How tokens are made."`
	Alg      string `json:"alg,omitempty" enum:"ES256,EdDSA,PS256,RS256" doc:"The JWS algorithm of JWTs."`
	Claims   string `json:"claims,omitempty" enum:"rfc,cognito,myparcel" doc:"The claims profile of JWTs."`
	Lifetime int64  `json:"lifetime,omitempty" minimum:"1" doc:"How long tokens live, in seconds."`
}

// Tenant is one isolated authorization server.
type Tenant struct {
	ID             string            `json:"id" doc:"The tenant's identifier."`
	Issuer         string            `json:"issuer" doc:"The issuer identifier (RFC 8414)."`
	Aliases        []string          `json:"aliases" doc:"Other hosts under which the tenant is reached."`
	Protected      bool              `json:"protected" doc:"Whether the tenant is production: changes ask first."`
	Disabled       bool              `json:"disabled" doc:"Whether the tenant answers nothing."`
	PurgeAt        *Time             `json:"purge_at,omitempty" doc:"When the tenant is gone for good with all that it owns, since it was deleted; enabling it undoes that."`
	TokenPaths     map[string]string `json:"token_paths" doc:"Token endpoints: path below the issuer to the dialect spoken there."`
	Token          TokenSettings     `json:"token" doc:"The tenant's defaults for tokens."`
	SecretLifetime int64             `json:"secret_lifetime,omitempty" doc:"How long a secret lives that is made without an expiry, in seconds; absent: for ever."`
	SecretOverlap  int64             `json:"secret_overlap" doc:"How long a replaced secret lives on, in seconds."`
	KeyPeriod      int64             `json:"key_period,omitempty" doc:"How long a signing key signs before it is replaced, in seconds; absent: the server's setting."`
	DPoPNonces     bool              `json:"dpop_nonces,omitempty" doc:"Whether DPoP proofs need a nonce of the server (RFC 9449)."`
	CORSOrigins    []string          `json:"cors_origins" doc:"Origins from which browsers may call the public endpoints."`
	Meta
}

// NewTenant asks for a tenant. What it does not name has its default, and is
// changed by applying declared state.
type NewTenant struct {
	ID         string            `json:"id" minLength:"1" maxLength:"63" doc:"The tenant's identifier: lower-case letters, digits and hyphens."`
	Issuer     string            `json:"issuer" minLength:"1" doc:"The issuer identifier (RFC 8414)."`
	Aliases    []string          `json:"aliases,omitempty" doc:"Other hosts under which the tenant is reached."`
	Protected  bool              `json:"protected,omitempty" doc:"Whether the tenant is production: changes ask first."`
	TokenPaths map[string]string `json:"token_paths,omitempty" doc:"Token endpoints: path below the issuer to the dialect spoken there."`
}

// TenantPatch are the members of a tenant that a patch may have.
type TenantPatch struct {
	Disabled bool `json:"disabled,omitempty" doc:"Whether the tenant answers nothing. Its tokens are refused by its own API alone; enabling it undoes all, and that it was deleted."`
}

// CreateTenant makes a tenant. Only who administers all may.
func (c *Client) CreateTenant(ctx context.Context, n NewTenant) (*Tenant, error) {
	return call[Tenant](ctx, c, request{method: http.MethodPost, path: "/tenants", body: n})
}

// UpdateTenant changes the members in p, which may be those of TenantPatch;
// version as UpdateClient. Only who administers all may.
func (c *Client) UpdateTenant(ctx context.Context, id string, p Patch, version int64) (*Tenant, error) {
	return call[Tenant](ctx, c, request{method: http.MethodPatch, path: at("tenants", id), body: p, version: version, mergePatch: true})
}

// Tenants returns the tenants that the token may see, in the order of their
// identifiers.
func (c *Client) Tenants(ctx context.Context, l List) iter.Seq2[*Tenant, error] {
	return pages[Tenant](ctx, c, "/tenants", l)
}

// Tenant returns one tenant.
func (c *Client) Tenant(ctx context.Context, id string) (*Tenant, error) {
	return call[Tenant](ctx, c, request{method: http.MethodGet, path: at("tenants", id)})
}

// TenantDeletion is what became of a tenant that was deleted.
type TenantDeletion struct {
	PurgeAt *Time `json:"purge_at,omitempty" doc:"When it is gone for good with all that it owns; absent: it is gone."`
}

// TenantRemoval is a Removal of a tenant.
type TenantRemoval struct {
	Removal
	Protected bool // that a protected tenant is meant
}

// DeleteTenant deletes a tenant that owns nothing. With r.Cascade, one that owns
// clients, organizations or resource servers is disabled, and gone with them
// after seven days, unless UpdateTenant enables it before. Only who administers
// all may.
func (c *Client) DeleteTenant(ctx context.Context, id string, r TenantRemoval) (*TenantDeletion, error) {
	query := url.Values{}
	maps.Copy(query, r.query())
	if r.Protected {
		query.Set("allow_protected", "true")
	}
	return call[TenantDeletion](ctx, c, request{method: http.MethodDelete, path: at("tenants", id), query: query, version: r.Version})
}
