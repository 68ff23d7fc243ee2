package apply

import (
	"maps"
	"slices"

	"github.com/mintage-auth/mintage"
)

func (p *planner) resourceServer(i int) {
	w := &p.want.ResourceServers[i]
	for j, tenant := range w.Tenants {
		ptr := mintage.Pointer(KindResourceServers, i)
		if p.in(mintage.Pointer(KindResourceServers, i, "tenants", j), tenant) == nil {
			continue
		}
		id := key{tenant, w.Identifier}
		p.declared[KindResourceServers][id] = ptr
		before, after := p.servers[id], &mintage.ResourceServer{Tenant: tenant, Identifier: w.Identifier}
		var was facts
		if before != nil {
			clone := *before
			after, was = &clone, resourceServerFacts(before)
		}
		if after.BuiltIn() {
			p.refusef(ptr+"/identifier", "the resource server %s is built in and not for files", w.Identifier)
			return
		}
		w.overlay(after)
		p.refuse(ptr, after.Validate())
		after.Meta = p.meta(after.Meta)
		p.servers[id] = after
		c := Change{Kind: KindResourceServers, Tenant: tenant, ID: w.Identifier, Name: after.Name}
		if p.changed(c, after.Meta, diff(was, resourceServerFacts(after))) {
			after.Updated = p.now()
			p.plan.outcome.ResourceServers = append(p.plan.outcome.ResourceServers, Write[mintage.ResourceServer]{Before: before, After: after})
		}
	}
}

// overlay writes what the file says over rs.
func (w *ResourceServer) overlay(rs *mintage.ResourceServer) {
	put(&rs.Name, w.Name)
	put(&rs.ScopePrefix, w.ScopePrefix)
	if w.Scopes != nil {
		rs.Scopes = nil
		for _, name := range slices.Sorted(maps.Keys(w.Scopes)) {
			rs.Scopes = append(rs.Scopes, mintage.ScopeDefinition{Name: name, Description: w.Scopes[name]})
		}
	}
	putToken(&rs.Token, w.Token)
	putSet(&rs.Introspectors, w.Introspectors)
	put(&rs.DPoPBoundAccessTokens, w.DPoPBound)
}

// serverNamed returns the resource server of a tenant that ref names, by its
// identifier or its name. Identifiers win.
func (p *planner) serverNamed(tenant, ref string) *mintage.ResourceServer {
	if rs := p.servers[key{tenant, ref}]; rs != nil {
		return rs
	}
	if p.opts.BuiltIn != nil {
		if rs := p.opts.BuiltIn(tenant); rs != nil && (rs.Identifier == ref || rs.Name == ref) {
			return rs
		}
	}
	for id, rs := range p.servers {
		if id.tenant == tenant && rs.Name == ref && ref != "" {
			return rs
		}
	}
	return nil
}

// serversOf returns the resource servers of a tenant as the plan leaves them.
func (p *planner) serversOf(tenant string) map[string]*mintage.ResourceServer {
	all := map[string]*mintage.ResourceServer{}
	if p.opts.BuiltIn != nil {
		if rs := p.opts.BuiltIn(tenant); rs != nil {
			all[rs.Identifier] = rs
		}
	}
	for id, rs := range p.servers {
		if id.tenant == tenant {
			all[id.id] = rs
		}
	}
	return all
}
