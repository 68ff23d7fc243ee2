package mintage

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/oauth"
)

// Bounds of what one client carries.
const (
	maxClientID   = 256
	maxSecret     = 512
	maxLabels     = 64
	maxLabelKey   = 63
	maxLabelValue = 255
	maxAllowFrom  = 256
	maxPerMinute  = 1_000_000
)

// Validate checks every member of c by itself. ValidateGrants checks it
// against the resource servers of its tenant.
func (c *Client) Validate() error {
	var p problems
	p.check("/id", ValidateClientID(c.ID))
	p.check("/name", ValidateName(c.Name))
	c.validateAuth(&p)
	for i, name := range c.Dialects {
		p.check(Pointer("dialects", i), ValidateDialect(name))
		if slices.Contains(c.Dialects[:i], name) {
			p.add(Pointer("dialects", i), "the dialect is listed twice")
		}
	}
	for i, grant := range c.GrantTypes {
		if grant != oauth.ClientCredentials {
			p.add(Pointer("grant_types", i), "the grant type %q is not supported: write client_credentials", grant)
		}
	}
	if c.DPoPBoundAccessTokens && c.Tenant == BuiltInTenant { // nobody could administer with it any more
		p.add("/dpop_bound_access_tokens", "the admin API takes bearer tokens alone, which the clients of this tenant need")
	}
	p.check("/token", c.Token.Validate())
	p.check("/default_scope", c.DefaultScope.validate())
	c.validateLadder(&p)
	c.validateAllowFrom(&p)
	c.validateLabels(&p)
	for _, bound := range []struct {
		name string
		n    int
	}{{"tokens_per_minute", c.Limits.TokensPerMinute}, {"introspections_per_minute", c.Limits.IntrospectionsPerMinute}} {
		if bound.n < 0 || bound.n > maxPerMinute {
			p.add(Pointer("limits", bound.name), "write a number from 1 to %d, or 0 for no bound", maxPerMinute)
		}
	}
	for i := range c.Grants {
		validateGrant(&p, c.Grants, i, "client")
	}
	for i := range c.Secrets {
		p.check(Pointer("secrets", i, "name"), ValidateSecretName(c.Secrets[i].Name))
		if slices.ContainsFunc(c.Secrets[:i], func(s Secret) bool { return s.Name == c.Secrets[i].Name }) {
			p.add(Pointer("secrets", i, "name"), "another secret of the client has this name")
		}
	}
	return p.err()
}

// ValidateClientID checks a client identifier: VSCHAR (RFC 6749 Appendix A.1)
// without the colon, which would end it in HTTP Basic.
func ValidateClientID(s string) error {
	switch {
	case s == "":
		return invalid("a client id is required")
	case len(s) > maxClientID:
		return invalid("a client id has at most %d characters", maxClientID)
	case !printable(s) || strings.ContainsRune(s, ':'):
		return invalid("a client id is printable ASCII without a colon")
	case strings.TrimSpace(s) != s:
		return invalid("a client id does not begin or end with a space")
	case strings.EqualFold(s, BuiltInTenant) || hasPrefixFold(s, "op_"):
		// RFC 9700 §4.15: the subject of a machine never looks like a person.
		return invalid("client ids that begin with op_, and mintage itself, are taken by operators and the server")
	}
	return nil
}

// SameClientID reports whether a reader could take one identifier for the
// other: they differ in case alone, or not at all.
func SameClientID(a, b string) bool { return strings.EqualFold(a, b) }

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func (d DefaultScope) validate() error {
	switch d.Mode {
	case DefaultScopeUnset, DefaultScopeAll, DefaultScopeNone:
		if len(d.Scopes) > 0 {
			return invalid("scopes are listed, but the default scope is not a list")
		}
	case DefaultScopeList:
		if len(d.Scopes) == 0 {
			return invalid("the list is empty: write none")
		}
	default:
		return invalid("a default scope is all, none or a list of scopes")
	}
	return nil
}

func (c *Client) validateLadder(p *problems) {
	for _, rung := range slices.Sorted(maps.Keys(c.Ladder)) {
		switch rung {
		case RungQueryCredentials, RungTwoMethods, RungAssertionAudience:
		default:
			p.add(Pointer("ladder", string(rung)), "the ladder has the rungs query_credentials, two_methods and assertion_audience")
		}
		state := c.Ladder[rung]
		switch state {
		case LadderRefuse, LadderAllow, LadderWarn:
			continue
		}
		if state.Sunset().IsZero() {
			p.add(Pointer("ladder", string(rung)), "write refuse, warn, warn until a day such as 2027-01-31, or allow")
		}
	}
}

func (c *Client) validateAllowFrom(p *problems) {
	if len(c.AllowFrom) > maxAllowFrom {
		p.add("/allow_from", "at most %d networks", maxAllowFrom)
	}
	for i, network := range c.AllowFrom {
		if err := validateNetwork(network); err != nil {
			p.check(Pointer("allow_from", i), err)
		}
	}
}

func validateNetwork(network netip.Prefix) error {
	switch {
	case !network.IsValid():
		return invalid("write a network, such as 203.0.113.0/24")
	case network.Masked() != network:
		return invalid("the address has bits outside the network: write %s", network.Masked())
	case network.Addr().Is4In6():
		return invalid("write the IPv4 network as such")
	}
	return nil
}

func (c *Client) validateLabels(p *problems) {
	if len(c.Labels) > maxLabels {
		p.add("/labels", "at most %d labels", maxLabels)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		if key == "" || len(key) > maxLabelKey ||
			strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") != "" {
			p.add(Pointer("labels", key), "a label's name is 1 to %d letters, digits, hyphens, dots, underscores and slashes", maxLabelKey)
		}
		p.check(Pointer("labels", key), validateLine(c.Labels[key], maxLabelValue))
	}
}

// validateGrant checks the grant at i of whose grants they are by itself.
func validateGrant(p *problems, grants []Grant, i int, whose string) {
	g := grants[i]
	p.check(Pointer("grants", i, "resource_server"), validateIdentifier(g.ResourceServer))
	if slices.ContainsFunc(grants[:i], func(o Grant) bool { return o.ResourceServer == g.ResourceServer }) {
		p.add(Pointer("grants", i, "resource_server"), "the %s has two grants for %s: write one with all scopes", whose, g.ResourceServer)
	}
	for j, name := range g.Scopes {
		if name != AllScopes {
			p.check(Pointer("grants", i, "scopes", j), ValidateScopeName(name))
		} else if len(g.Scopes) > 1 {
			p.add(Pointer("grants", i, "scopes", j), "* means all scopes: write it alone")
		}
		if slices.Contains(g.Scopes[:j], name) {
			p.add(Pointer("grants", i, "scopes", j), "the scope is listed twice")
		}
	}
}

// ValidateGrants checks c against the resource servers of its tenant, by
// identifier: its grants name what is defined, their algorithms agree and the
// default scope is within them.
func (c *Client) ValidateGrants(servers map[string]*ResourceServer) error {
	var (
		p           problems
		alg, algsOf string
		granted     []string
	)
	for i, g := range c.Grants {
		rs := servers[g.ResourceServer]
		if rs == nil {
			p.add(Pointer("grants", i, "resource_server"), "the tenant has no resource server %s", g.ResourceServer)
			continue
		}
		p.undefined(i, g, rs)
		granted = append(granted, GrantedScope(rs, g)...)
		if c.Token.Alg == "" && rs.Token.Alg != "" {
			if alg != "" && alg != rs.Token.Alg {
				p.add(Pointer("grants", i), "tokens for %s are signed with %s and for %s with %s: set the client's own token.alg",
					algsOf, alg, rs.Identifier, rs.Token.Alg)
			}
			alg, algsOf = rs.Token.Alg, rs.Identifier
		}
	}
	for i, name := range c.DefaultScope.Scopes {
		if !slices.Contains(granted, name) {
			p.add(Pointer("default_scope", i), "the scope %s is not in the client's grants", name)
		}
	}
	return p.err()
}

// undefined adds the scopes of the grant at i that its resource server does not
// define.
func (p *problems) undefined(i int, g Grant, rs *ResourceServer) {
	for j, name := range g.Scopes {
		if name != AllScopes && !slices.ContainsFunc(rs.Scopes, func(d ScopeDefinition) bool { return d.Name == name }) {
			p.add(Pointer("grants", i, "scopes", j), "the resource server %s defines no scope %s", rs.Identifier, name)
		}
	}
}

// MaxSecretName is how long the name of a secret may be, in bytes.
const MaxSecretName = 64

// ValidateSecretName checks the label of a secret.
func ValidateSecretName(s string) error {
	if s == "" {
		return invalid("a secret has a name, such as 2026-11")
	}
	return validateLine(s, MaxSecretName)
}

// ValidateSecret checks a secret that somebody brings: VSCHAR (RFC 6749
// Appendix A.2), 1 to 512 bytes.
func ValidateSecret(s string) error {
	switch {
	case s == "":
		return invalid("the secret is empty")
	case len(s) > maxSecret:
		return invalid("a secret has at most %d characters", maxSecret)
	case !printable(s):
		return invalid("a secret is printable ASCII on one line")
	}
	return nil
}
