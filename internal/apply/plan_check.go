package apply

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
)

// purgeAfter is how long a pruned client is only disabled, and can come back.
const purgeAfter = 7 * day

// crossCheck checks what only holds between objects, in the world as the plan
// leaves it.
func (p *planner) crossCheck() {
	p.checkTenants()
	p.checkResourceServers()
	p.checkOrganizations()
	p.checkClients()
}

// checkTenants refuses a tenant of the file that would answer where another
// tenant does, the built-in one included, or whose tokens would name the same
// issuer.
func (p *planner) checkTenants() {
	taken := mintage.Occupied{}
	taken.Add(&mintage.Tenant{ID: mintage.BuiltInTenant, Issuer: p.live.AdminURL})
	declared := p.declared[KindTenants]
	for _, mine := range []bool{false, true} { // where one gives way, it is that of the file
		for _, id := range slices.Sorted(maps.Keys(p.tenants)) {
			t, ptr := p.tenants[id], declared[key{id, id}]
			if (ptr != "") != mine {
				continue
			}
			if place, other, member := taken.Clash(t); mine && other != "" {
				p.refusef(ptr+member, "the tenants %s and %s would both answer for %s", other, id, place)
			}
			taken.Add(t)
		}
	}
}

// checkResourceServers refuses two of one name, and introspectors that are no
// clients.
func (p *planner) checkResourceServers() {
	named := map[key]string{}
	for _, id := range sortedKeys(p.servers) {
		rs, ptr := p.servers[id], p.declared[KindResourceServers][id]
		name := key{id.tenant, rs.Name}
		if other := named[name]; rs.Name != "" && other != "" {
			if ptr == "" {
				ptr = p.declared[KindResourceServers][key{id.tenant, other}]
			}
			p.refusef(ptr+"/name", "the resource servers %s and %s are both called %s", other, id.id, rs.Name)
		}
		named[name] = id.id
		if ptr == "" {
			continue
		}
		for i, client := range rs.Introspectors {
			if p.clients[key{id.tenant, client}] == nil {
				p.refusef(ptr+mintage.Pointer("introspectors", i), "the tenant %s has no client %s", id.tenant, client)
			}
		}
	}
}

// checkOrganizations checks the grants of each organization as checkClients does
// those of clients.
func (p *planner) checkOrganizations() {
	changed := p.changedServers()
	for _, id := range sortedKeys(p.orgs) {
		o, ptr := p.orgs[id], p.declared[KindOrganizations][id]
		if ptr == "" && !changed[id.tenant] {
			continue
		}
		err := o.ValidateGrants(p.serversOf(id.tenant))
		if ptr == "" {
			p.blame("organization "+o.ID, o.Tenant, o.Grants, err)
			continue
		}
		p.refuse(ptr, err)
	}
}

// changedServers returns the tenants whose resource servers the plan changes.
func (p *planner) changedServers() map[string]bool {
	changed := map[string]bool{}
	for _, w := range p.plan.outcome.ResourceServers {
		changed[w.After.Tenant] = true
	}
	return changed
}

// checkClients checks the grants of each client that the file has, and of each
// other that has a grant where the file changed something.
func (p *planner) checkClients() {
	servers, changed := map[string]map[string]*mintage.ResourceServer{}, p.changedServers()
	for _, id := range sortedKeys(p.clients) {
		c, ptr := p.clients[id], p.declared[KindClients][id]
		if ptr == "" && !changed[id.tenant] {
			continue
		}
		if servers[id.tenant] == nil {
			servers[id.tenant] = p.serversOf(id.tenant)
		}
		err := c.ValidateGrants(servers[id.tenant])
		if ptr == "" {
			p.blame("client "+c.ID, c.Tenant, c.Grants, err)
			continue
		}
		p.refuse(ptr, err)
		if c.Organization != "" && p.orgs[key{c.Tenant, c.Organization}] == nil {
			p.refusef(ptr+"/organization", "the tenant %s has no organization %s", c.Tenant, c.Organization)
		}
	}
	p.checkClientIDs()
}

// checkClientIDs refuses a client that passes for another (RFC 9700 §4.15):
// one of the file whose identifier differs from another's in case alone.
func (p *planner) checkClientIDs() {
	folded := map[key]key{}
	for _, id := range sortedKeys(p.clients) {
		fold := key{id.tenant, strings.ToLower(id.id)}
		if other, ok := folded[fold]; ok {
			ptr := cmp.Or(p.declared[KindClients][id], p.declared[KindClients][other])
			if ptr != "" {
				p.refusef(ptr+"/id", "the client ids %s and %s differ in case alone", other.id, id.id)
			}
		}
		folded[fold] = id
	}
}

// blame puts what is wrong with grants of an object outside the file down to the
// resource servers in the file that they are about.
func (p *planner) blame(what, tenant string, grants []mintage.Grant, err error) {
	for _, e := range mintage.FieldErrors(err) {
		for _, g := range grants {
			if ptr := p.declared[KindResourceServers][key{tenant, g.ResourceServer}]; ptr != "" {
				p.refusef(ptr, "the %s, which is not in the file, would break: %s", what, e.Message)
				break
			}
		}
	}
}

// prune plans the removal of what the source manages and the file no longer
// has, where that is allowed, and tells what is left and why.
func (p *planner) prune() {
	for _, c := range p.live.Clients {
		if p.gone(KindClients, c.Tenant, c.ID, c.ManagedBy) && c.PurgeAt.IsZero() {
			p.pruneClient(c)
		}
	}
	for _, o := range p.live.Organizations {
		if p.gone(KindOrganizations, o.Tenant, o.ID, o.ManagedBy) {
			p.pruneOrganization(o)
		}
	}
	for _, rs := range p.live.ResourceServers {
		if p.gone(KindResourceServers, rs.Tenant, rs.Identifier, rs.ManagedBy) && !rs.BuiltIn() {
			p.pruneResourceServer(rs)
		}
	}
	for _, t := range p.live.Tenants {
		if p.gone(KindTenants, t.ID, t.ID, t.ManagedBy) && !t.BuiltIn() {
			p.record(Change{Op: OpLeft, Kind: KindTenants, Tenant: t.ID, ID: t.ID, Note: "apply never removes a tenant"})
		}
	}
}

// gone reports whether the source manages an object that the file does not
// have.
func (p *planner) gone(kind, tenant, id, managedBy string) bool {
	return managedBy == p.opts.Source && managedBy != "" && p.declared[kind][key{tenant, id}] == ""
}

// keep says why an object of the kind is not pruned, or nothing.
func (p *planner) keep(kind, tenant string) string {
	switch {
	case !slices.Contains(p.want.Prune, kind):
		return "prune is off for " + kind
	case len(p.declared[kind]) == 0:
		return "the file has no " + kind + " at all, and an empty list never means to remove all"
	case !slices.Contains(p.want.TenantIDs(), tenant):
		return "the file does not speak of its tenant"
	case p.tenants[tenant] == nil:
		return "its tenant is not known"
	case p.opts.AllowDelete:
	case p.tenants[tenant].Protected:
		return "its tenant is protected: removal needs --allow-delete"
	case slices.ContainsFunc(p.live.Tenants, func(t *mintage.Tenant) bool { return t.ID == tenant && t.Protected }):
		// Left now, it would go the next time, and the same file twice would do
		// two things.
		p.refusef(p.declared[KindTenants][key{tenant, tenant}]+"/protected",
			"the file lifts the protection of %s and removes from it in one step: that needs --allow-delete", tenant)
	}
	return ""
}

func (p *planner) pruneClient(c *mintage.Client) {
	change := Change{Op: OpLeft, Kind: KindClients, Tenant: c.Tenant, ID: c.ID, Name: c.Name}
	if change.Note = p.keep(KindClients, c.Tenant); change.Note != "" {
		p.record(change)
		return
	}
	after := *c
	if !after.Disabled {
		after.Disabled, after.DisabledReason = true, prunedReason
	}
	after.PurgeAt, after.Updated = p.now().Add(purgeAfter), p.now()
	change.Op, change.Note = OpRemove, "disabled now, deleted in 7d"
	p.record(change)
	p.clients[key{c.Tenant, c.ID}] = &after
	p.plan.outcome.Clients = append(p.plan.outcome.Clients, Write[mintage.Client]{Before: c, After: &after})
}

func (p *planner) pruneResourceServer(rs *mintage.ResourceServer) {
	change := Change{Op: OpLeft, Kind: KindResourceServers, Tenant: rs.Tenant, ID: rs.Identifier, Name: rs.Name}
	change.Note = p.keep(KindResourceServers, rs.Tenant)
	holds := func(g mintage.Grant) bool { return g.ResourceServer == rs.Identifier }
	for _, id := range sortedKeys(p.orgs) {
		if change.Note == "" && id.tenant == rs.Tenant && slices.ContainsFunc(p.orgs[id].Grants, holds) {
			change.Note = "the organization " + id.id + " has a grant there"
		}
	}
	for _, id := range sortedKeys(p.clients) {
		if change.Note == "" && id.tenant == rs.Tenant && slices.ContainsFunc(p.clients[id].Grants, holds) {
			change.Note = "the client " + id.id + " has a grant there"
		}
	}
	if change.Note == "" {
		change.Op = OpRemove
		delete(p.servers, key{rs.Tenant, rs.Identifier})
		p.plan.outcome.ResourceServers = append(p.plan.outcome.ResourceServers, Write[mintage.ResourceServer]{Before: rs})
	}
	p.record(change)
}

func (p *planner) pruneOrganization(o *mintage.Organization) {
	change := Change{Op: OpLeft, Kind: KindOrganizations, Tenant: o.Tenant, ID: o.ID, Name: o.Name}
	change.Note = p.keep(KindOrganizations, o.Tenant)
	for _, id := range sortedKeys(p.clients) {
		if change.Note == "" && id.tenant == o.Tenant && p.clients[id].Organization == o.ID {
			change.Note = "it owns the client " + id.id
		}
	}
	if change.Note == "" {
		change.Op = OpRemove
		delete(p.orgs, key{o.Tenant, o.ID})
		p.plan.outcome.Organizations = append(p.plan.outcome.Organizations, Write[mintage.Organization]{Before: o})
	}
	p.record(change)
}

func sortedKeys[T any](m map[key]T) []key {
	return slices.SortedFunc(maps.Keys(m), func(a, b key) int {
		return strings.Compare(a.tenant+"\x00"+a.id, b.tenant+"\x00"+b.id)
	})
}

// finish stamps the plan.
func (p *planner) finish() *Plan {
	type touched struct {
		Kind, Tenant, ID string
		Version          int64
	}
	var versions []touched
	o := &p.plan.outcome
	for _, w := range o.Tenants {
		versions = append(versions, touched{KindTenants, w.After.ID, w.After.ID, w.After.Version})
	}
	for _, w := range o.Organizations {
		n := either(w)
		versions = append(versions, touched{KindOrganizations, n.Tenant, n.ID, n.Version})
	}
	for _, w := range o.ResourceServers {
		n := either(w)
		versions = append(versions, touched{KindResourceServers, n.Tenant, n.Identifier, n.Version})
	}
	for _, w := range o.Clients {
		n := either(w)
		versions = append(versions, touched{KindClients, n.Tenant, n.ID, n.Version})
	}
	var digests [][]byte
	for _, s := range p.plan.pending {
		digests = append(digests, s.client.Secrets[s.index].Digest)
	}
	doc, err := json.Marshal(map[string]any{
		"source": p.opts.Source, "changes": p.plan.Changes, "versions": versions, "digests": digests,
	})
	if err != nil {
		panic(fmt.Sprintf("apply: a plan is made of strings and numbers: %v", err)) // unreachable
	}
	sum := sha256.Sum256(doc)
	p.plan.Hash = base64.RawURLEncoding.EncodeToString(sum[:])
	return p.plan
}

func either[T any](w Write[T]) *T {
	if w.After != nil {
		return w.After
	}
	return w.Before
}
