package mintage

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

// BuiltIn reports whether rs is the administration of its tenant, which every
// tenant has and nobody edits.
func (rs *ResourceServer) BuiltIn() bool { return rs.Identifier == AdminResource }

// Bounds of what one resource server defines. Tokens carry scopes, and a token
// that fits no header helps nobody.
const (
	maxScopes      = 1000
	maxScopeName   = 128
	maxScopePrefix = 256
	maxIdentifier  = 512
	maxDescription = 500
)

// Validate checks every member of rs.
func (rs *ResourceServer) Validate() error {
	var p problems
	p.check("/identifier", validateIdentifier(rs.Identifier))
	if rs.Name != "" && !slug(rs.Name, "-_.") {
		p.add("/name", "a resource server's name is 1 to 63 lower-case letters, digits and inner hyphens, dots and underscores")
	}
	if !rs.BuiltIn() && (rs.Name == BuiltInTenant || strings.HasPrefix(rs.Identifier, "urn:mintage:")) {
		p.add("/identifier", "the name mintage and identifiers that begin with urn:mintage: are taken by the administration")
	}
	if len(rs.ScopePrefix) > maxScopePrefix || rs.ScopePrefix != "" && !oauth.ValidScopeToken(rs.ScopePrefix) {
		p.add("/scope_prefix", "a scope prefix is at most %d characters that a scope may have (RFC 6749 §3.3)", maxScopePrefix)
	}
	if len(rs.Scopes) > maxScopes {
		p.add("/scopes", "at most %d scopes", maxScopes)
	}
	for i, def := range rs.Scopes {
		p.check(Pointer("scopes", def.Name), validateScopeDefinition(def))
		if i > 0 && rs.Scopes[i-1].Name >= def.Name {
			p.add(Pointer("scopes", def.Name), "scopes are sorted by name and each is there once")
		}
	}
	p.check("/token", rs.Token.Validate())
	for i, id := range rs.Introspectors {
		p.check(Pointer("introspectors", i), ValidateClientID(id))
		if slices.Contains(rs.Introspectors[:i], id) {
			p.add(Pointer("introspectors", i), "the client is listed twice")
		}
	}
	return p.err()
}

// validateIdentifier checks the identifier of a resource server. It need not
// be a URI; one that is has no fragment (RFC 8707 §2).
func validateIdentifier(s string) error {
	switch {
	case s == "":
		return invalid("an identifier is required: the audience of tokens for this API, such as https://api.example.com")
	case len(s) > maxIdentifier:
		return invalid("at most %d characters", maxIdentifier)
	case !printable(s) || strings.ContainsRune(s, ' '):
		return invalid("an identifier is printable ASCII without spaces")
	}
	if u, err := url.Parse(s); err == nil && u.IsAbs() && hasFragment(s) {
		return invalid("an identifier that is a URI has no fragment (RFC 8707 §2)")
	}
	return nil
}

func validateScopeDefinition(def ScopeDefinition) error {
	if err := ValidateScopeName(def.Name); err != nil {
		return err
	}
	return validateLine(def.Description, maxDescription)
}

// ValidateScopeName checks the bare name of a scope (RFC 6749 §3.3).
func ValidateScopeName(s string) error {
	switch {
	case s == AllScopes:
		return invalid("the scope * is taken: in a grant it means all")
	case s == "offline_access":
		return invalid("the scope offline_access asks for refresh tokens, which machines do not get")
	case !oauth.ValidScopeToken(s):
		return invalid("a scope is printable ASCII without spaces, quotes and backslashes (RFC 6749 §3.3)")
	case len(s) > maxScopeName:
		return invalid("at most %d characters", maxScopeName)
	}
	return nil
}

// Validate checks every member of o.
func (o *Organization) Validate() error {
	var p problems
	if !slug(o.ID, "-_.") {
		p.add("/id", "an organization's id is 1 to 63 lower-case letters, digits and inner hyphens, dots and underscores")
	}
	p.check("/name", ValidateName(o.Name))
	for i, g := range o.Grants {
		validateGrant(&p, o.Grants, i, "organization")
		if g.ResourceServer == AdminResource {
			p.add(Pointer("grants", i, "resource_server"), "the administration of a tenant is not for its organizations")
		}
	}
	if o.MaxClients < 0 || o.MaxClients > maxClients {
		p.add("/max_clients", "write a number from 1 to %d, or 0 for no bound", maxClients)
	}
	return p.err()
}

// maxClients is the highest bound of an organization's clients.
const maxClients = 1_000_000

// ValidateGrants checks o against the resource servers of its tenant, by
// identifier: its grants name what is defined.
func (o *Organization) ValidateGrants(servers map[string]*ResourceServer) error {
	var p problems
	for i, g := range o.Grants {
		rs := servers[g.ResourceServer]
		if rs == nil {
			p.add(Pointer("grants", i, "resource_server"), "the tenant has no resource server %s", g.ResourceServer)
			continue
		}
		p.undefined(i, g, rs)
	}
	return p.err()
}
