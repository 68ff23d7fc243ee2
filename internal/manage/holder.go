package manage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// Consent says whether a change may take from others what goes away with it.
type Consent bool

const (
	// OnlyUnused refuses a change that takes anything from others.
	OnlyUnused Consent = false
	// Cascade changes those too who hold what goes away.
	Cascade Consent = true
)

// ScopeCount is a scope of a resource server and how many may have it, by its
// name or with all others.
type ScopeCount struct {
	mintage.ScopeDefinition
	Wire                   string // its name on the wire
	Clients, Organizations int    // disabled clients included
	// ByName are the clients of those whose grants name it.
	ByName int
}

// CountScopes counts who may have each scope of a resource server, and who has
// a grant there at all.
func (m *Manager) CountScopes(ctx context.Context, rs *mintage.ResourceServer) (scopes []ScopeCount, clients, organizations int, err error) {
	grants, err := m.Store.CountGrants(ctx, rs.Tenant, rs.Identifier)
	if err != nil {
		return nil, 0, 0, err
	}
	for _, g := range grants {
		clients, organizations = clients+g.Clients, organizations+g.Organizations
	}
	for _, def := range rs.Scopes {
		n := ScopeCount{ScopeDefinition: def, Wire: rs.ScopePrefix + def.Name}
		for _, g := range grants {
			named := slices.Contains(g.Scopes, def.Name)
			if !named && !slices.Contains(g.Scopes, mintage.AllScopes) {
				continue
			}
			n.Clients, n.Organizations = n.Clients+g.Clients, n.Organizations+g.Organizations
			if named {
				n.ByName += g.Clients
			}
		}
		scopes = append(scopes, n)
	}
	return scopes, clients, organizations, nil
}

// holders are who has grants at a resource server.
type holders struct {
	clients       []*mintage.Client
	organizations []*mintage.Organization
}

func holdersOf(ctx context.Context, r store.Reader, rs *mintage.ResourceServer) (h holders, err error) {
	listed, err := r.FindClients(ctx, store.ClientQuery{Tenant: rs.Tenant, ResourceServer: rs.Identifier})
	if err != nil {
		return h, err
	}
	for _, l := range listed {
		h.clients = append(h.clients, l.Client)
	}
	all, err := r.Organizations(ctx, rs.Tenant, store.Page{})
	for _, o := range all {
		if slices.ContainsFunc(o.Grants, func(g mintage.Grant) bool { return g.ResourceServer == rs.Identifier }) {
			h.organizations = append(h.organizations, o)
		}
	}
	return h, err
}

// mayChange refuses who may not change those who hold something.
func (h *holders) mayChange(by By) error {
	for _, need := range []struct {
		n     int
		scope string
	}{{len(h.clients), "clients:write"}, {len(h.organizations), "organizations:write"}} {
		if need.n > 0 && !by.Scope.Has(AdminPrefix+need.scope) {
			return &Refusal{
				Reason: "scope.not_granted", Denied: true,
				Message: "to take it from those who hold it needs the scope " + AdminPrefix + need.scope + " too",
			}
		}
	}
	return nil
}

// namedHolders is how many are named of those who are in the way.
const namedHolders = 10

// String names who they are.
func (h *holders) String() string {
	var names []string
	for _, c := range h.clients {
		names = append(names, fmt.Sprintf("the client %q (%s)", c.Name, c.ID))
	}
	for _, o := range h.organizations {
		names = append(names, fmt.Sprintf("the organization %q (%s)", o.Name, o.ID))
	}
	if more := len(names) - namedHolders; more > 0 {
		names = append(names[:namedHolders], fmt.Sprintf("%d others", more))
	}
	if len(names) > 1 {
		names = append(names[:len(names)-2], names[len(names)-2]+" and "+names[len(names)-1])
	}
	return strings.Join(names, ", ")
}

func (h *holders) none() bool { return len(h.clients)+len(h.organizations) == 0 }

// takeGrants takes the grants at a resource server from those who have them.
func (m *Manager) takeGrants(ctx context.Context, tx store.Tx, by By, rs *mintage.ResourceServer, consent Consent) error {
	if !by.Reaches(rs.Tenant, "") {
		return fmt.Errorf("resource server %q: %w", rs.Identifier, mintage.ErrNotFound)
	}
	h, err := holdersOf(ctx, tx, rs)
	if err != nil || h.none() {
		return err
	}
	if consent != Cascade {
		return inUse("the resource server is in use: " + h.String() + " may have its scopes. " +
			"Take them away first, or delete it with those grants by cascade")
	}
	if err := h.mayChange(by); err != nil {
		return err
	}
	servers, err := serversOf(ctx, tx, rs.Tenant)
	if err != nil {
		return err
	}
	delete(servers, rs.Identifier)
	for _, c := range h.clients {
		fresh := cloneClient(c)
		fresh.Grants = withoutScopes(fresh.Grants, rs.Identifier, keepNone)
		keepGranted(fresh, servers)
		if err := m.writeClient(ctx, tx, by, c, fresh); err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
	}
	return m.narrow(ctx, tx, by, h.organizations, rs.Identifier, keepNone)
}

func keepNone(string) bool { return false }

// carryHolders brings those who hold scopes of a resource server, which was
// written already, in line with what became of it.
func (m *Manager) carryHolders(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.ResourceServer, consent Consent) error {
	defines := func(scope string) bool {
		return scope == mintage.AllScopes ||
			slices.ContainsFunc(fresh.Scopes, func(d mintage.ScopeDefinition) bool { return d.Name == scope })
	}
	gone := slices.ContainsFunc(old.Scopes, func(d mintage.ScopeDefinition) bool { return !defines(d.Name) })
	if !gone && old.ScopePrefix == fresh.ScopePrefix && old.Token.Alg == fresh.Token.Alg {
		return nil
	}
	hit, after, err := broken(ctx, tx, old, fresh, defines)
	if err != nil || hit.none() {
		return err
	}
	if consent != Cascade {
		return inTheWay(&hit, old, fresh, defines)
	}
	if err := hit.mayChange(by); err != nil {
		return err
	}
	for i, c := range hit.clients {
		if sameAccess(c, after[i]) {
			continue // all that changes is what it has to ask for
		}
		if err := m.writeClient(ctx, tx, by, c, after[i]); err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
	}
	return m.narrow(ctx, tx, by, hit.organizations, fresh.Identifier, defines)
}

// broken returns those whom the change of a resource server breaks, and what
// would become of the clients. What cannot become of one is refused.
func broken(
	ctx context.Context, r store.Reader, old, fresh *mintage.ResourceServer, defines func(scope string) bool,
) (hit holders, after []*mintage.Client, err error) {
	all, err := holdersOf(ctx, r, fresh)
	if err != nil {
		return hit, nil, err
	}
	servers, err := serversOf(ctx, r, fresh.Tenant)
	if err != nil {
		return hit, nil, err
	}
	for _, c := range all.clients {
		changed := cloneClient(c)
		changed.Grants = withoutScopes(changed.Grants, fresh.Identifier, defines)
		renameDefault(changed, old, fresh)
		keepGranted(changed, servers)
		if err := changed.ValidateGrants(servers); err != nil {
			return hit, nil, inUse(fmt.Sprintf("the client %q (%s) would break: %v", c.Name, c.ID, err))
		}
		if old.ScopePrefix != fresh.ScopePrefix || !sameAccess(c, changed) {
			hit.clients, after = append(hit.clients, c), append(after, changed)
		}
	}
	for _, o := range all.organizations {
		if !slices.EqualFunc(o.Grants, withoutScopes(cloneGrants(o.Grants), fresh.Identifier, defines), sameGrant) {
			hit.organizations = append(hit.organizations, o)
		}
	}
	return hit, after, nil
}

// inTheWay refuses a change for those who hold what goes away.
func inTheWay(h *holders, old, fresh *mintage.ResourceServer, defines func(string) bool) error {
	r := &Refusal{Reason: "object.in_use"}
	var what []string
	for _, d := range old.Scopes {
		if defines(d.Name) {
			continue
		}
		var of holders
		for _, c := range h.clients {
			if grantsByName(c.Grants, old.Identifier, d.Name) || slices.Contains(c.DefaultScope.Scopes, old.ScopePrefix+d.Name) {
				of.clients = append(of.clients, c)
			}
		}
		for _, o := range h.organizations {
			if grantsByName(o.Grants, old.Identifier, d.Name) {
				of.organizations = append(of.organizations, o)
			}
		}
		if !of.none() {
			what = append(what, d.Name)
			r.Members = append(r.Members, &mintage.FieldError{Pointer: mintage.Pointer("scopes", d.Name), Message: "held by " + of.String()})
		}
	}
	subject := "what is to go is"
	switch {
	case len(what) == 1:
		subject = "the scope " + what[0] + " is"
	case len(what) > 1:
		subject = "the scopes " + strings.Join(what, ", ") + " are"
	}
	if old.ScopePrefix != fresh.ScopePrefix {
		subject = "with another prefix all scopes have other names on the wire, and they are"
		r.Members = append(r.Members, &mintage.FieldError{Pointer: "/scope_prefix", Message: "asked for by " + h.String()})
	}
	r.Message = subject + " in use: " + h.String() + " would break. Change those first, or with it by cascade"
	return r
}

func grantsByName(grants []mintage.Grant, server, scope string) bool {
	return slices.ContainsFunc(grants, func(g mintage.Grant) bool {
		return g.ResourceServer == server && slices.Contains(g.Scopes, scope)
	})
}

// withoutScopes takes from grants at one resource server the scopes that are not
// to be kept, and the grants that have none left. It changes what it is given.
func withoutScopes(grants []mintage.Grant, server string, keep func(scope string) bool) []mintage.Grant {
	var out []mintage.Grant
	for _, g := range grants {
		if g.ResourceServer == server {
			had := len(g.Scopes)
			g.Scopes = slices.DeleteFunc(g.Scopes, func(s string) bool { return !keep(s) })
			if len(g.Scopes) == 0 && (had > 0 || !keep(mintage.AllScopes)) {
				continue
			}
		}
		out = append(out, g)
	}
	return out
}

// narrow takes scopes of a resource server from organizations.
func (m *Manager) narrow(ctx context.Context, tx store.Tx, by By, list []*mintage.Organization, server string, keep func(scope string) bool) error {
	for _, o := range list {
		fresh := *o
		fresh.Grants = withoutScopes(cloneGrants(o.Grants), server, keep)
		if err := m.writeOrganization(ctx, tx, by, o, &fresh); err != nil {
			return fmt.Errorf("organization %q: %w", o.ID, err)
		}
	}
	return nil
}

// renameDefault gives the default scope of a client the names that the scopes
// of a resource server have on the wire by now.
func renameDefault(c *mintage.Client, old, fresh *mintage.ResourceServer) {
	for i, wire := range c.DefaultScope.Scopes {
		for _, d := range old.Scopes {
			if wire == old.ScopePrefix+d.Name {
				c.DefaultScope.Scopes[i] = fresh.ScopePrefix + d.Name
				break
			}
		}
	}
	if len(c.DefaultScope.Scopes) > 0 {
		c.DefaultScope.Scopes = oauth.NewScope(c.DefaultScope.Scopes...)
	}
}

// keepGranted takes from a client's default scope what its grants do not hold
// any more.
func keepGranted(c *mintage.Client, servers map[string]*mintage.ResourceServer) {
	if c.DefaultScope.Mode != mintage.DefaultScopeList {
		return
	}
	var granted []string
	for _, g := range c.Grants {
		if rs := servers[g.ResourceServer]; rs != nil {
			granted = append(granted, mintage.GrantedScope(rs, g)...)
		}
	}
	c.DefaultScope.Scopes = slices.DeleteFunc(c.DefaultScope.Scopes, func(s string) bool { return !slices.Contains(granted, s) })
	if len(c.DefaultScope.Scopes) == 0 {
		c.DefaultScope = mintage.DefaultScope{Mode: mintage.DefaultScopeNone}
	}
}

// sameAccess reports whether two states of a client may have and get the same.
func sameAccess(a, b *mintage.Client) bool {
	return a.DefaultScope.Mode == b.DefaultScope.Mode && slices.Equal(a.DefaultScope.Scopes, b.DefaultScope.Scopes) &&
		slices.EqualFunc(a.Grants, b.Grants, sameGrant)
}

func sameGrant(a, b mintage.Grant) bool {
	return a.ResourceServer == b.ResourceServer && slices.Equal(a.Scopes, b.Scopes)
}
