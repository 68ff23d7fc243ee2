package apply

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// prunedReason is the DisabledReason of a client that prune disabled.
const prunedReason = "removed by apply"

func (p *planner) client(i int) {
	w := &p.want.Clients[i]
	for j, tenant := range w.Tenants {
		t := p.in(mintage.Pointer(KindClients, i, "tenants", j), tenant)
		if t == nil {
			continue
		}
		p.clientIn(t, w, mintage.Pointer(KindClients, i))
	}
}

func (p *planner) clientIn(t *mintage.Tenant, w *Client, ptr string) {
	id := key{t.ID, w.ID}
	p.declared[KindClients][id] = ptr
	before := p.clients[id]
	after := &mintage.Client{Tenant: t.ID, ID: w.ID, Name: w.ID, GrantTypes: []oauth.GrantType{oauth.ClientCredentials}}
	var was facts
	if before != nil {
		clone := *before
		clone.Secrets = slices.Clone(before.Secrets)
		after, was = &clone, clientFacts(before, p.shortName(t.ID))
	}
	p.overlayClient(w, after, ptr)
	after.Meta = p.meta(after.Meta)
	secrets := p.secrets(t, w, after, ptr)
	p.refuse(ptr, after.Validate())
	p.clients[id] = after

	diffs := diff(was, clientFacts(after, p.shortName(t.ID)))
	if before != nil {
		diffs = append(diffs, grantOrder(before, after)...)
	}
	diffs = append(diffs, secrets...)
	c := Change{Kind: KindClients, Tenant: t.ID, ID: w.ID, Name: after.Name}
	if p.changed(c, after.Meta, diffs) {
		after.Updated = p.now()
		p.plan.outcome.Clients = append(p.plan.outcome.Clients, Write[mintage.Client]{Before: before, After: after})
	}
}

// overlayClient writes what the file says over c, secrets excepted.
func (p *planner) overlayClient(w *Client, c *mintage.Client, ptr string) {
	put(&c.Name, w.Name)
	put(&c.Organization, w.Organization)
	if !c.PurgeAt.IsZero() { // pruned once, and wanted again
		c.PurgeAt = time.Time{}
		if c.DisabledReason == prunedReason {
			c.Disabled, c.DisabledReason = false, ""
		}
	}
	if w.Disabled != nil && *w.Disabled != c.Disabled {
		c.Disabled, c.DisabledReason = *w.Disabled, ""
	}
	p.overlayAuth(w, c, ptr)
	putSet(&c.Dialects, w.Dialects)
	if w.GrantTypes != nil {
		var types []oauth.GrantType
		for _, g := range w.GrantTypes {
			types = append(types, oauth.GrantType(g))
		}
		c.GrantTypes = types
	}
	putToken(&c.Token, w.Token)
	put(&c.MultiAudience, w.MultiAudience)
	put(&c.Downscope, w.Downscope)
	put(&c.DPoPBoundAccessTokens, w.DPoPBound)
	if w.Ladder != nil {
		c.Ladder = map[mintage.Rung]mintage.LadderState{}
		for rung, state := range w.Ladder {
			c.Ladder[mintage.Rung(rung)] = mintage.LadderState(state)
		}
	}
	p.overlayNetworks(w, c, ptr)
	if w.Limits != nil {
		put(&c.Limits.TokensPerMinute, w.Limits.TokensPerMinute)
		put(&c.Limits.IntrospectionsPerMinute, w.Limits.IntrospectionsPerMinute)
	}
	if w.Labels != nil {
		c.Labels = w.Labels
	}
	if w.Grants != nil {
		c.Grants = p.grants(w.Grants, c.Tenant, ptr)
	}
	p.overlayDefaultScope(w, c, ptr)
}

func (p *planner) overlayNetworks(w *Client, c *mintage.Client, ptr string) {
	if w.AllowFrom == nil {
		return
	}
	var networks []netip.Prefix
	for i, text := range w.AllowFrom {
		network, err := parseNetwork(text)
		if err != nil {
			p.refusef(ptr+mintage.Pointer("allow_from", i), "%q is no network: write one such as 203.0.113.0/24", text)
			continue
		}
		networks = append(networks, network)
	}
	byText := func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) }
	if !slices.Equal(slices.SortedFunc(slices.Values(c.AllowFrom), byText), slices.SortedFunc(slices.Values(networks), byText)) {
		c.AllowFrom = networks
	}
}

// parseNetwork reads a network, or one address as the network that holds it
// alone.
func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(s)
}

// grants resolves the names of resource servers; the scopes of each grant come
// out sorted.
func (p *planner) grants(want []Grant, tenant, ptr string) []mintage.Grant {
	var grants []mintage.Grant
	for i, g := range want {
		rs := p.serverNamed(tenant, g.ResourceServer)
		if rs == nil {
			p.refusef(ptr+mintage.Pointer("grants", i, "resource_server"), "the tenant %s has no resource server %s", tenant, g.ResourceServer)
			continue
		}
		grants = append(grants, mintage.Grant{ResourceServer: rs.Identifier, Scopes: sorted(g.Scopes)})
	}
	return grants
}

// overlayDefaultScope reads default_scope. A client that never had one and has
// grants at one resource server gets all.
func (p *planner) overlayDefaultScope(w *Client, c *mintage.Client, ptr string) {
	switch {
	case w.DefaultScope == nil:
		if c.Version == 0 && len(c.Grants) == 1 {
			c.DefaultScope = mintage.DefaultScope{Mode: mintage.DefaultScopeAll}
		}
	case len(w.DefaultScope) == 0:
		c.DefaultScope = mintage.DefaultScope{Mode: mintage.DefaultScopeNone}
	case slices.Equal(w.DefaultScope, []string{mintage.AllScopes}):
		c.DefaultScope = mintage.DefaultScope{Mode: mintage.DefaultScopeAll}
	default:
		var names []string
		for i, name := range w.DefaultScope {
			wire, err := p.onTheWire(c, name)
			if err != nil {
				p.refuse(ptr+mintage.Pointer("default_scope", i), err)
				continue
			}
			names = append(names, wire)
		}
		c.DefaultScope = mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope(names...)}
	}
}

// onTheWire returns the name on the wire of a scope that the grants of c give
// and that the file names so, or by its bare name.
func (p *planner) onTheWire(c *mintage.Client, name string) (string, error) {
	var found []string
	for _, g := range c.Grants {
		rs := p.serverNamed(c.Tenant, g.ResourceServer)
		if rs == nil {
			continue
		}
		granted := mintage.GrantedScope(rs, g)
		if granted.Has(name) {
			return name, nil
		}
		if wire := rs.ScopePrefix + name; granted.Has(wire) {
			found = append(found, wire)
		}
	}
	switch len(found) {
	case 0:
		return "", &mintage.FieldError{Message: fmt.Sprintf("the scope %s is not in the client's grants", name)}
	case 1:
		return found[0], nil
	}
	return "", &mintage.FieldError{Message: fmt.Sprintf("several resource servers have the scope %s: write one of %s", name, strings.Join(found, ", "))}
}

// shortName returns what diffs call a resource server: its name, where it has
// one.
func (p *planner) shortName(tenant string) func(string) string {
	return func(identifier string) string {
		if rs := p.servers[key{tenant, identifier}]; rs != nil && rs.Name != "" {
			return rs.Name
		}
		return identifier
	}
}
