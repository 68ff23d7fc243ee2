package adminclient

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ClientSettings are the members of a client that its administrator chooses.
type ClientSettings struct {
	Name          string            `json:"name" minLength:"1" maxLength:"200" doc:"The client's name."`
	Organization  string            `json:"organization,omitempty" doc:"Identifier of the organization that owns the client."`
	AuthMethods   []string          `json:"auth_methods,omitempty" doc:"How the client may authenticate: client_secret_basic, client_secret_post or private_key_jwt; absent or empty: by secret."`
	JWKS          json.RawMessage   `json:"jwks,omitempty" doc:"The public keys that check the client's assertions, a JWK Set (RFC 7517) of at most 16: EC, Ed25519 or RSA. Answers have kid, alg and the members that verify. Not beside jwks_uri."`
	JWKSURI       string            `json:"jwks_uri,omitempty" maxLength:"2048" doc:"The https URL at which the client publishes its public keys, instead of jwks."`
	Dialects      []string          `json:"dialects,omitempty" doc:"Dialects that the client may speak; absent or empty: all of the tenant's."`
	GrantTypes    []string          `json:"grant_types,omitzero" doc:"OAuth grants that the client may use; absent at creation: client_credentials; empty: none."`
	Token         TokenSettings     `json:"token,omitzero" doc:"What the client's tokens look like, where the other layers do not fit."`
	DefaultScope  []string          `json:"default_scope,omitzero" doc:"What the client gets when it asks for no scope: [\"*\"] is all, [] nothing, else scopes as on the wire; absent: it must ask. A client made with grants at one resource server gets all."`
	MultiAudience bool              `json:"multi_audience,omitempty" doc:"Whether one token may span several resource servers."`
	Downscope     bool              `json:"downscope,omitempty" doc:"Whether scopes that the client may not have are dropped instead of refused."`
	DPoPBound     bool              `json:"dpop_bound_access_tokens,omitempty" doc:"Whether the client gets no token without a DPoP proof (RFC 9449); without it, one that is bound when it sends a proof."`
	Ladder        map[string]string `json:"ladder,omitempty" doc:"Weaknesses that the client is allowed: query_credentials, two_methods or assertion_audience to refuse, warn or allow."`
	AllowFrom     []string          `json:"allow_from,omitempty" doc:"Networks (CIDR) from which the client may ask; absent or empty: all."`
	Limits        Limits            `json:"limits,omitzero" doc:"How often the client may ask."`
	Labels        map[string]string `json:"labels,omitempty" doc:"Free labels."`
	Grants        []Grant           `json:"grants,omitempty" doc:"Which scopes of which resource servers the client may have, in the order of aud."`
}

// Limits bounds how often a client may ask. Zero or absent has no bound.
type Limits struct {
	TokensPerMinute         int `json:"tokens_per_minute,omitempty" minimum:"0" maximum:"1000000" doc:"Token requests of the client that a node serves in a minute; absent or 0: any number."`
	IntrospectionsPerMinute int `json:"introspections_per_minute,omitempty" minimum:"0" maximum:"1000000" doc:"Introspections by the client that a node serves in a minute; absent or 0: any number."`
}

// Grant is the scopes of one resource server that a client may have.
type Grant struct {
	ResourceServer string   `json:"resource_server" doc:"The resource server's identifier or name; answers have the identifier."`
	Scopes         []string `json:"scopes" doc:"Bare names; * means all, now and later."`
}

// NewClient asks for a client. The server chooses its client_id.
type NewClient struct {
	ClientSettings
	Secret *NewSecret `json:"secret,omitempty" doc:"The first secret; absent: one with the tenant's defaults, and none for a client that authenticates by no secret."`
}

// RegisteredClient is a client as the server holds it. No answer has its
// secrets.
type RegisteredClient struct {
	Tenant   string `json:"tenant" doc:"The tenant's identifier."`
	ClientID string `json:"client_id" doc:"The client identifier (RFC 6749)."`
	ClientSettings
	Disabled       bool     `json:"disabled" doc:"Whether the client is refused everywhere."`
	DisabledReason string   `json:"disabled_reason,omitempty" doc:"Why it was disabled."`
	PurgeAt        *Time    `json:"purge_at,omitempty" doc:"When the client is deleted for good, since apply pruned it; enabling it undoes that."`
	Secrets        []Secret `json:"secrets" doc:"What is known of its secrets, oldest first."`
	Meta
}

// CreatedClient is the answer that made a client: the only one with its
// secret.
type CreatedClient struct {
	RegisteredClient
	ClientSecret string `json:"client_secret,omitempty" doc:"The client's secret. It is shown here and never again; absent where its hash was given, and where the client has none."`
}

// Patch is a JSON merge patch (RFC 7396): a member replaces the one of that
// name, null takes it away. A client's patch may have the members of
// ClientSettings and disabled and disabled_reason.
type Patch map[string]any

// ClientFilter narrows and sorts a list of clients. The zero value is all of
// them, in the order of their identifiers.
type ClientFilter struct {
	Search        string        // in the name or the identifier
	Status        string        // active, disabled, rotating or no_secret; empty: any
	API           string        // identifier of a resource server that they have a grant at
	Organization  string        // identifier of the one that owns them
	Label         string        // NAME or NAME=VALUE
	ExpiresWithin time.Duration // a secret that is not being replaced ends in this time; whole seconds
	UnusedFor     time.Duration // not used, nor made, for this time; whole seconds
	// Sort is name, created, last_used or expires, with a hyphen before it from
	// the last to the first; empty: by identifier.
	Sort string
}

func (f ClientFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"q": f.Search, "status": f.Status, "api": f.API, "organization": f.Organization, "label": f.Label, "sort": f.Sort,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, d := range map[string]time.Duration{"expires_within": f.ExpiresWithin, "unused_for": f.UnusedFor} {
		if d > 0 {
			q.Set(name, strconv.FormatInt(int64(d/time.Second), 10))
		}
	}
	return q
}

// FindClients returns the clients of a tenant that a filter leaves in, in its
// order.
func (c *Client) FindClients(ctx context.Context, tenant string, f ClientFilter, l List) iter.Seq2[*RegisteredClient, error] {
	return pages[RegisteredClient](ctx, c, at("tenants", tenant, "clients"), l, f.query())
}

// Clients returns the clients of a tenant, in the order of their identifiers;
// l.Name picks those with exactly that name.
func (c *Client) Clients(ctx context.Context, tenant string, l List) iter.Seq2[*RegisteredClient, error] {
	return pages[RegisteredClient](ctx, c, at("tenants", tenant, "clients"), l)
}

// Client returns one client.
func (c *Client) Client(ctx context.Context, tenant, id string) (*RegisteredClient, error) {
	return call[RegisteredClient](ctx, c, request{method: http.MethodGet, path: at("tenants", tenant, "clients", id)})
}

// CreateClient makes a client. What it returns holds the secret, which cannot
// be had again.
func (c *Client) CreateClient(ctx context.Context, tenant string, n NewClient) (*CreatedClient, error) {
	return call[CreatedClient](ctx, c, request{method: http.MethodPost, path: at("tenants", tenant, "clients"), body: n})
}

// UpdateClient changes the members in p. With a version other than zero, it is
// mintage.ErrConflict when the client has another by now.
func (c *Client) UpdateClient(ctx context.Context, tenant, id string, p Patch, version int64) (*RegisteredClient, error) {
	return call[RegisteredClient](ctx, c, request{
		method: http.MethodPatch, path: at("tenants", tenant, "clients", id), body: p, version: version, mergePatch: true,
	})
}

// DeleteClient deletes a client; version as UpdateClient.
func (c *Client) DeleteClient(ctx context.Context, tenant, id string, version int64) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("tenants", tenant, "clients", id), version: version}, nil)
}

// at returns the path of an object; each segment is escaped.
func at(segments ...string) string {
	var path strings.Builder
	for _, s := range segments {
		path.WriteString("/" + url.PathEscape(s))
	}
	return path.String()
}
