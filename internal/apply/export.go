package apply

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

// Export returns the state that makes an empty server serve what live has.
// Members that are as they would be without being written are left out, built-in
// objects too. No secret comes out: each that is live at now is a reference to a
// variable whose name begins with TODO_, to be set or replaced by hand.
func Export(live Live, now time.Time) *State {
	s := &State{APIVersion: APIVersion}
	for _, t := range live.Tenants {
		if !t.BuiltIn() {
			s.Tenants = append(s.Tenants, exportTenant(t))
		}
	}
	for _, o := range live.Organizations {
		s.Organizations = append(s.Organizations, Organization{
			ID: o.ID, Name: unless(o.Name, o.ID), Tenants: []string{o.Tenant}, Grants: exportGrants(o.Grants), MaxClients: unless(o.MaxClients, 0),
		})
	}
	for _, rs := range live.ResourceServers {
		if !rs.BuiltIn() {
			s.ResourceServers = append(s.ResourceServers, exportResourceServer(rs))
		}
	}
	for _, c := range live.Clients {
		s.Clients = append(s.Clients, exportClient(c, now))
	}
	return s
}

// unless returns a pointer to v, and nil where v is what it would be anyway.
func unless[T comparable](v, anyway T) *T {
	if v == anyway {
		return nil
	}
	return &v
}

func exportTenant(t *mintage.Tenant) Tenant {
	w := Tenant{
		ID: t.ID, Issuer: &t.Issuer, Aliases: t.Aliases, Protected: unless(t.Protected, false), Disabled: unless(t.Disabled, false),
		Token: exportToken(t.Token), DPoPNonces: unless(t.DPoPNonces, false), CORSOrigins: t.CORSOrigins,
	}
	if len(t.TokenPaths) > 0 {
		w.TokenPaths = maps.Clone(t.TokenPaths)
	}
	if t.SecretLifetime != 0 || t.SecretOverlap != 0 {
		w.Secret = &SecretPolicy{Expires: unless(Duration(t.SecretLifetime), 0), Overlap: unless(Duration(t.SecretOverlap), 0)}
	}
	if t.KeyPeriod != 0 {
		w.Keys = &KeyPolicy{Period: unless(Duration(t.KeyPeriod), 0)}
	}
	return w
}

func exportToken(s mintage.TokenSettings) *Token {
	if s == (mintage.TokenSettings{}) {
		return nil
	}
	return &Token{
		Format: unless(string(s.Format), ""), Alg: unless(s.Alg, ""), Claims: unless(string(s.Claims), ""),
		Lifetime: unless(Duration(s.Lifetime), 0),
	}
}

func exportResourceServer(rs *mintage.ResourceServer) ResourceServer {
	w := ResourceServer{
		Identifier: rs.Identifier, Name: unless(rs.Name, ""), Tenants: []string{rs.Tenant}, ScopePrefix: unless(rs.ScopePrefix, ""),
		Token: exportToken(rs.Token), Introspectors: rs.Introspectors,
		DPoPBound: unless(rs.DPoPBoundAccessTokens, false),
	}
	if len(rs.Scopes) > 0 {
		w.Scopes = make(map[string]string, len(rs.Scopes))
	}
	for _, def := range rs.Scopes {
		w.Scopes[def.Name] = def.Description
	}
	return w
}

func exportClient(c *mintage.Client, now time.Time) Client {
	w := Client{
		ID: c.ID, Name: unless(c.Name, c.ID), Tenants: []string{c.Tenant}, Organization: unless(c.Organization, ""),
		Disabled: unless(c.Disabled, false), Dialects: c.Dialects, Token: exportToken(c.Token),
		MultiAudience: unless(c.MultiAudience, false), Downscope: unless(c.Downscope, false), Labels: c.Labels,
		DPoPBound: unless(c.DPoPBoundAccessTokens, false), DefaultScope: exportDefaultScope(c.DefaultScope),
	}
	exportAuth(&w, c)
	if len(c.GrantTypes) != 1 || string(c.GrantTypes[0]) != "client_credentials" {
		w.GrantTypes = []string{}
		for _, g := range c.GrantTypes {
			w.GrantTypes = append(w.GrantTypes, string(g))
		}
	}
	for rung, state := range c.Ladder {
		if w.Ladder == nil {
			w.Ladder = map[string]string{}
		}
		w.Ladder[string(rung)] = string(state)
	}
	if c.Limits != (mintage.Limits{}) {
		w.Limits = &Limits{
			TokensPerMinute:         unless(c.Limits.TokensPerMinute, 0),
			IntrospectionsPerMinute: unless(c.Limits.IntrospectionsPerMinute, 0),
		}
	}
	for _, network := range c.AllowFrom {
		w.AllowFrom = append(w.AllowFrom, network.String())
	}
	w.Grants = exportGrants(c.Grants)
	for i := range c.Secrets {
		if s := &c.Secrets[i]; s.Live(now) {
			w.Secrets = append(w.Secrets, Secret{Name: s.Name, Value: &Ref{Env: placeholder(c, s)}, Expires: lifeOf(s)})
		}
	}
	return w
}

func exportGrants(grants []mintage.Grant) (out []Grant) {
	for _, g := range grants {
		out = append(out, Grant{ResourceServer: g.ResourceServer, Scopes: append([]string{}, g.Scopes...)})
	}
	return out
}

func exportDefaultScope(s mintage.DefaultScope) []string {
	switch s.Mode {
	case mintage.DefaultScopeAll:
		return []string{mintage.AllScopes}
	case mintage.DefaultScopeNone:
		return []string{}
	case mintage.DefaultScopeList:
		return s.Scopes
	case mintage.DefaultScopeUnset:
	}
	return nil
}

// lifeOf returns how long a secret lives from when it is made.
func lifeOf(s *mintage.Secret) *Duration {
	if s.Expires.IsZero() {
		return nil
	}
	life := Duration(max(s.Expires.Sub(s.Created).Truncate(time.Second), time.Second))
	return &life
}

// placeholder names the variable that stands for a secret.
func placeholder(c *mintage.Client, s *mintage.Secret) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return '_'
	}, "TODO_"+c.Tenant+"_"+c.ID+"_"+s.Name)
}

// ofTwin are the members in which two tenants are different by nature.
var ofTwin = []string{"issuer", "aliases", "protected", "managed_by"}

// Compare says how two tenants differ, each with all its nouns in live: what
// leads from the first to the second, in the form of a plan that cannot be
// applied. Secrets are not compared, nor what differs by nature: issuer, aliases
// and whether the tenant is protected.
func Compare(live Live, from, to string) *Plan {
	p := &Plan{Changes: []Change{}, Generate: []Wanted{}}
	compareKind(p, KindTenants, from, to, live.Tenants, func(t *mintage.Tenant) (string, string, string, facts) {
		if len(t.TokenPaths) == 0 {
			clone := *t
			clone.TokenPaths = map[string]string{mintage.DefaultTokenPath: mintage.DialectRFC}
			t = &clone
		}
		return t.ID, "", "", tenantFacts(t) // whatever they are called, they are each other's twin
	})
	compareKind(p, KindResourceServers, from, to, live.ResourceServers, func(rs *mintage.ResourceServer) (string, string, string, facts) {
		return rs.Tenant, rs.Identifier, rs.Name, resourceServerFacts(rs)
	})
	names := map[key]string{}
	for _, rs := range live.ResourceServers {
		names[key{rs.Tenant, rs.Identifier}] = rs.Name
	}
	called := func(tenant string) func(string) string {
		return func(identifier string) string { return cmp.Or(names[key{tenant, identifier}], identifier) }
	}
	compareKind(p, KindOrganizations, from, to, live.Organizations, func(o *mintage.Organization) (string, string, string, facts) {
		return o.Tenant, o.ID, o.Name, organizationFacts(o, called(o.Tenant))
	})
	compareKind(p, KindClients, from, to, live.Clients, func(c *mintage.Client) (string, string, string, facts) {
		return c.Tenant, c.ID, c.Name, clientFacts(c, called(c.Tenant))
	})
	return p
}

// compareKind adds the differences of one kind to p; about says of an object
// its tenant, its identifier, its name and its facts.
func compareKind[T any](p *Plan, kind, from, to string, all []*T, about func(*T) (tenant, id, name string, f facts)) {
	type side struct {
		name  string
		facts facts
	}
	sides := map[string]map[string]side{from: {}, to: {}}
	ids := map[string]bool{}
	for _, o := range all {
		tenant, id, name, f := about(o)
		if here, ok := sides[tenant]; ok {
			for _, path := range ofTwin {
				delete(f, path)
			}
			here[id], ids[id] = side{name, f}, true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		a, inFrom := sides[from][id]
		b, inTo := sides[to][id]
		c := Change{Op: OpChange, Kind: kind, Tenant: from, ID: cmp.Or(id, from), Name: cmp.Or(b.name, a.name), Diffs: diff(a.facts, b.facts)}
		switch {
		case !inTo:
			c.Op, c.Diffs, c.Note = OpRemove, nil, "only in "+from
		case !inFrom:
			c.Op = OpAdd
		case len(c.Diffs) == 0:
			continue
		}
		p.Changes = append(p.Changes, c)
	}
}
