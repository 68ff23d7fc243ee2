package apply

import (
	"log/slog"
	"slices"
)

// APIVersion is the value of apiVersion that this build reads.
const APIVersion = "mintage/v1"

// Kinds of objects, as prune and plans name them.
const (
	KindTenants         = "tenants"
	KindOrganizations   = "organizations"
	KindResourceServers = "resource_servers"
	KindClients         = "clients"
)

// State is the declared state, by the names of the file. A member that is nil
// was not written, and what it stands for keeps its live value.
//
// A State marshals to the JSON document that the admin API takes. What Resolve
// and Generate found travels in it, in the write-only members Ref.Text and
// Secret.Made; printing or logging a State shows none of that.
type State struct {
	APIVersion      string           `json:"apiVersion"`
	Tenants         []Tenant         `json:"tenants,omitzero"`
	Organizations   []Organization   `json:"organizations,omitzero"`
	ResourceServers []ResourceServer `json:"resource_servers,omitzero"`
	Clients         []Client         `json:"clients,omitzero"`
	// Prune names the kinds of which apply may remove what it once managed and
	// the file no longer has.
	Prune []string `json:"prune,omitzero"`
}

// Tenant declares one isolated authorization server.
type Tenant struct {
	ID          string            `json:"id"`
	Issuer      *string           `json:"issuer,omitzero"`
	Aliases     []string          `json:"aliases,omitzero"`
	Protected   *bool             `json:"protected,omitzero"`
	Disabled    *bool             `json:"disabled,omitzero"`
	TokenPaths  map[string]string `json:"token_paths,omitzero"`
	Token       *Token            `json:"token,omitzero"`
	Secret      *SecretPolicy     `json:"secret,omitzero"`
	Keys        *KeyPolicy        `json:"keys,omitzero"`
	DPoPNonces  *bool             `json:"dpop_nonces,omitzero"`
	CORSOrigins []string          `json:"cors_origins,omitzero"`
}

// Token declares what tokens look like. An empty string leaves the choice to
// the next layer, as does a lifetime of never.
type Token struct {
	Format   *string   `json:"format,omitzero"`
	Alg      *string   `json:"alg,omitzero"`
	Claims   *string   `json:"claims,omitzero"`
	Lifetime *Duration `json:"lifetime,omitzero"`
}

// SecretPolicy declares how long a tenant's secrets live and live on.
type SecretPolicy struct {
	Expires *Duration `json:"expires,omitzero"` // never: for ever
	Overlap *Duration `json:"overlap,omitzero"` // never: the built-in overlap
}

// KeyPolicy declares how long a tenant's signing keys sign.
type KeyPolicy struct {
	Period *Duration `json:"period,omitzero"` // never: the server's setting
}

// Organization declares a customer company.
type Organization struct {
	ID      string   `json:"id"`
	Name    *string  `json:"name,omitzero"`
	Tenants []string `json:"tenants"`
	// Grants are what its own people may grant to its clients; complete.
	Grants     []Grant `json:"grants,omitzero"`
	MaxClients *int    `json:"max_clients,omitzero"` // zero: any number
}

// ResourceServer declares an API in each of its tenants: independent objects
// of the same shape.
type ResourceServer struct {
	Identifier    string            `json:"identifier"`
	Name          *string           `json:"name,omitzero"`
	Tenants       []string          `json:"tenants"`
	ScopePrefix   *string           `json:"scope_prefix,omitzero"`
	Scopes        map[string]string `json:"scopes,omitzero"` // bare name to description; complete
	Token         *Token            `json:"token,omitzero"`
	Introspectors []string          `json:"introspectors,omitzero"`
	DPoPBound     *bool             `json:"dpop_bound_access_tokens,omitzero"`
}

// Client declares a client in each of its tenants.
type Client struct {
	ID           string   `json:"id"`
	Name         *string  `json:"name,omitzero"`
	Tenants      []string `json:"tenants"`
	Organization *string  `json:"organization,omitzero"`
	Disabled     *bool    `json:"disabled,omitzero"`
	AuthMethods  []string `json:"auth_methods,omitzero"` // empty: by secret
	JWKS         *JWKS    `json:"jwks,omitzero"`
	JWKSURI      *string  `json:"jwks_uri,omitzero"` // empty: none
	Dialects     []string `json:"dialects,omitzero"`
	GrantTypes   []string `json:"grant_types,omitzero"`
	Token        *Token   `json:"token,omitzero"`
	// DefaultScope is ["*"] for all, empty for none, or a list. The file may
	// also say all and none.
	DefaultScope  []string          `json:"default_scope,omitzero"`
	MultiAudience *bool             `json:"multi_audience,omitzero"`
	Downscope     *bool             `json:"downscope,omitzero"`
	DPoPBound     *bool             `json:"dpop_bound_access_tokens,omitzero"`
	Ladder        map[string]string `json:"ladder,omitzero"`
	AllowFrom     []string          `json:"allow_from,omitzero"`
	Limits        *Limits           `json:"limits,omitzero"`
	Labels        map[string]string `json:"labels,omitzero"`
	Grants        []Grant           `json:"grants,omitzero"` // complete
	Secrets       []Secret          `json:"secrets,omitzero"`
}

// JWKS declares the public keys of a client: in a file, until Resolve has read
// it, or as a JWK Set has them (RFC 7517 §5). No keys at all take away those that
// are there.
type JWKS struct {
	File string           `json:"file,omitzero"`
	Keys []map[string]any `json:"keys,omitzero"`
}

// Limits declares how often a client may ask; zero: as often as it likes.
type Limits struct {
	TokensPerMinute         *int `json:"tokens_per_minute,omitzero"`
	IntrospectionsPerMinute *int `json:"introspections_per_minute,omitzero"`
}

// Grant declares which scopes of one resource server a client may have.
type Grant struct {
	ResourceServer string   `json:"resource_server"` // identifier or name
	Scopes         []string `json:"scopes"`          // bare names, or * alone
}

// Secret declares one secret of a client: exactly one of Value, Hash and
// Generate is set.
type Secret struct {
	Name     string    `json:"name"`
	Value    *Ref      `json:"value,omitzero"`
	Hash     *Ref      `json:"hash,omitzero"`
	Generate bool      `json:"generate,omitzero"`
	Expires  *Duration `json:"expires,omitzero"` // from when it is made; never: for ever
	WriteTo  *Target   `json:"write_to,omitzero"`
	// RotateEvery is how old a generated secret may be: apply then makes another
	// one, and the one before retires.
	RotateEvery *Duration `json:"rotate_every,omitzero"`
	// Made holds generated secrets by tenant. Write-only; never in the file.
	Made map[string]Sensitive `json:"made,omitzero"`
}

// Ref says where a secret or a hash is. After Resolve only Text is set.
type Ref struct {
	Env  string `json:"env,omitzero"`
	File string `json:"file,omitzero"`
	// Text is what was found there. Write-only; never in the file.
	Text Sensitive `json:"text,omitzero"`
}

// Target says where a generated secret goes. {tenant} in File stands for the
// tenant.
type Target struct {
	File string `json:"file"`
}

// TenantIDs returns the tenants that s is about, sorted: those that it declares
// and those that its objects belong to. A plan needs their live nouns.
func (s *State) TenantIDs() []string {
	var ids []string
	for i := range s.Tenants {
		ids = append(ids, s.Tenants[i].ID)
	}
	for i := range s.Organizations {
		ids = append(ids, s.Organizations[i].Tenants...)
	}
	for i := range s.ResourceServers {
		ids = append(ids, s.ResourceServers[i].Tenants...)
	}
	for i := range s.Clients {
		ids = append(ids, s.Clients[i].Tenants...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// LogValue says how much is declared, and nothing of what.
func (s *State) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int(KindTenants, len(s.Tenants)), slog.Int(KindOrganizations, len(s.Organizations)),
		slog.Int(KindResourceServers, len(s.ResourceServers)), slog.Int(KindClients, len(s.Clients)),
	)
}
