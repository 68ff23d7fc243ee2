package apply

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

// facts is an object as text, by path, for comparing and for showing. It has
// every member that a file can change, and no secret.
type facts map[string]fact

// yes is the text of a member that is true or false, which is false when it is
// not there.
var yes = map[bool]string{true: "true"}

// fact is the text of one member: one value, or the elements of a list whose
// order means nothing.
type fact struct {
	list   bool
	values []string
}

func (f facts) one(path, value string) {
	if value != "" {
		f[path] = fact{values: []string{value}}
	}
}

func (f facts) span(path string, d time.Duration) {
	if d != 0 {
		f.one(path, Duration(d).String())
	}
}

func (f facts) number(path string, n int) {
	if n != 0 {
		f.one(path, strconv.Itoa(n))
	}
}

func (f facts) many(path string, values []string) {
	if len(values) > 0 {
		f[path] = fact{list: true, values: values}
	}
}

func (f facts) token(s mintage.TokenSettings) {
	f.one("token.format", string(s.Format))
	f.one("token.alg", s.Alg)
	f.one("token.claims", string(s.Claims))
	f.span("token.lifetime", s.Lifetime)
}

// diff returns what leads from before to after, sorted by path: one Diff for a
// value, one for each element of a list that comes or goes.
func diff(before, after facts) []Diff {
	var diffs []Diff
	paths := maps.Clone(before)
	if paths == nil {
		paths = facts{}
	}
	maps.Copy(paths, after)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		b, a := before[path], after[path]
		if !b.list && !a.list {
			if d := (Diff{Path: path, Before: strings.Join(b.values, ""), After: strings.Join(a.values, "")}); d.Before != d.After {
				diffs = append(diffs, d)
			}
			continue
		}
		for _, v := range slices.Sorted(slices.Values(b.values)) {
			if !slices.Contains(a.values, v) {
				diffs = append(diffs, Diff{Path: path, Before: v})
			}
		}
		for _, v := range slices.Sorted(slices.Values(a.values)) {
			if !slices.Contains(b.values, v) {
				diffs = append(diffs, Diff{Path: path, After: v})
			}
		}
	}
	return diffs
}

func tenantFacts(t *mintage.Tenant) facts {
	f := facts{}
	f.one("issuer", t.Issuer)
	f.many("aliases", t.Aliases)
	f.one("protected", yes[t.Protected])
	f.one("disabled", yes[t.Disabled])
	for path, dialect := range t.TokenPaths {
		f.one("token_paths."+path, dialect)
	}
	f.token(t.Token)
	f.span("secret.expires", t.SecretLifetime)
	f.span("secret.overlap", t.SecretOverlap)
	f.span("keys.period", t.KeyPeriod)
	f.one("dpop_nonces", yes[t.DPoPNonces])
	f.many("cors_origins", t.CORSOrigins)
	f.one("managed_by", t.ManagedBy)
	return f
}

func organizationFacts(o *mintage.Organization, shortName func(identifier string) string) facts {
	f := facts{}
	f.one("name", o.Name)
	for _, g := range o.Grants {
		f["grants."+shortName(g.ResourceServer)+".scopes"] = fact{list: true, values: g.Scopes}
	}
	var at []string
	for _, g := range o.Grants {
		at = append(at, g.ResourceServer)
	}
	f.many("grants", at)
	f.number("max_clients", o.MaxClients)
	f.one("managed_by", o.ManagedBy)
	return f
}

func resourceServerFacts(rs *mintage.ResourceServer) facts {
	f := facts{}
	f.one("name", rs.Name)
	f.one("scope_prefix", rs.ScopePrefix)
	var names []string
	for _, def := range rs.Scopes {
		names = append(names, def.Name)
		f.one("scopes."+def.Name+".description", def.Description)
	}
	f.many("scopes", names)
	f.token(rs.Token)
	f.many("introspectors", rs.Introspectors)
	f.one("dpop_bound_access_tokens", yes[rs.DPoPBoundAccessTokens])
	f.one("managed_by", rs.ManagedBy)
	return f
}

// clientFacts leaves the secrets out: the planner tells what becomes of them.
func clientFacts(c *mintage.Client, shortName func(identifier string) string) facts {
	f := facts{}
	f.one("name", c.Name)
	f.one("organization", c.Organization)
	f.one("disabled", yes[c.Disabled])
	if !c.PurgeAt.IsZero() {
		f.one("purge_at", c.PurgeAt.UTC().Format(time.RFC3339))
	}
	f.keys(c)
	f.many("dialects", c.Dialects)
	var grantTypes, networks, order []string
	for _, g := range c.GrantTypes {
		grantTypes = append(grantTypes, string(g))
	}
	f.many("grant_types", grantTypes)
	f.token(c.Token)
	f.one("default_scope", cmp.Or(strings.Join(c.DefaultScope.Scopes, " "), string(c.DefaultScope.Mode)))
	f.one("multi_audience", yes[c.MultiAudience])
	f.one("downscope", yes[c.Downscope])
	f.one("dpop_bound_access_tokens", yes[c.DPoPBoundAccessTokens])
	for rung, state := range c.Ladder {
		f.one("ladder."+string(rung), string(state))
	}
	for _, n := range c.AllowFrom {
		networks = append(networks, n.String())
	}
	f.many("allow_from", networks)
	f.number("limits.tokens_per_minute", c.Limits.TokensPerMinute)
	f.number("limits.introspections_per_minute", c.Limits.IntrospectionsPerMinute)
	for k, v := range c.Labels {
		f.one("labels."+k, strconv.Quote(v))
	}
	for _, g := range c.Grants {
		order = append(order, g.ResourceServer)
		// A grant of no scope is a grant all the same.
		f["grants."+shortName(g.ResourceServer)+".scopes"] = fact{list: true, values: g.Scopes}
	}
	f.many("grants", order)
	f.one("managed_by", c.ManagedBy)
	return f
}

// grantOrder tells of grants that only changed places, which the members of
// aud follow.
func grantOrder(before, after *mintage.Client) []Diff {
	if len(before.Grants) != len(after.Grants) {
		return nil
	}
	var b, a []string
	for i := range before.Grants {
		b, a = append(b, before.Grants[i].ResourceServer), append(a, after.Grants[i].ResourceServer)
	}
	if slices.Equal(b, a) || !slices.Equal(slices.Sorted(slices.Values(b)), slices.Sorted(slices.Values(a))) {
		return nil
	}
	return []Diff{{Path: "grants.order", Before: strings.Join(b, " "), After: strings.Join(a, " ")}}
}
