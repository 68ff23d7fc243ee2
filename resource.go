package mintage

// AdminResource is the identifier of the resource server that every tenant
// has: the administration of that tenant.
const AdminResource = "urn:mintage:admin"

// ResourceServer is an API that takes the tenant's tokens (RFC 6749 §1.1) and
// defines the scopes that have a meaning there.
type ResourceServer struct {
	Tenant     string
	Identifier string // the audience; unique in the tenant
	Name       string // optional short name for commands and snippets; unique in the tenant

	// ScopePrefix precedes the name of each scope on the wire. Default empty.
	ScopePrefix string
	Scopes      []ScopeDefinition // sorted by name

	// Token holds what the resource server says of tokens for it.
	Token TokenSettings

	// DPoPBoundAccessTokens says that no token is for the resource server that is
	// not bound to a DPoP key, whichever client asks.
	DPoPBoundAccessTokens bool

	// Introspectors are the clients that may introspect tokens for this
	// resource server (RFC 7662 §4).
	Introspectors []string

	Meta
}

// ScopeDefinition is one scope of a resource server, by its bare name.
type ScopeDefinition struct {
	Name        string
	Description string
}

// Grant says which scopes of one resource server a client may have. The scope
// * means all of them, now and later. Scopes are bare names, sorted.
type Grant struct {
	ResourceServer string // its identifier
	Scopes         []string
}

// AllScopes is the one scope of a Grant that means all.
const AllScopes = "*"

// Organization is a customer company inside a tenant that owns clients.
type Organization struct {
	Tenant string
	ID     string
	Name   string

	// Grants bounds what the organization's own people may grant to its clients:
	// at each resource server at most these scopes, and nothing elsewhere. None
	// is no scope at all. Who administers the tenant is not bound by it.
	Grants []Grant
	// MaxClients bounds how many clients the organization has when its own people
	// make one; zero: any number.
	MaxClients int

	Meta
}
