package manage

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/store"
)

// readLive reads the state that a declared one is compared with: the tenants
// that it is about, and those in which its source manages anything, with their
// nouns; and, without theirs, the tenants that have a place which the file
// wants, since those must not collide. Of all others nothing is read, however
// many there are. To an administrator of one tenant there is only that one.
func readLive(ctx context.Context, r store.Reader, by By, d Declared) (apply.Live, error) {
	var live apply.Live
	about, err := concerned(ctx, r, by, d)
	if err != nil {
		return live, err
	}
	tenants := map[string]*mintage.Tenant{}
	for _, id := range append(about, mintage.BuiltInTenant) {
		switch t, err := r.Tenant(ctx, id); {
		case errors.Is(err, mintage.ErrNotFound): // the file makes it, or is wrong about it
		case err != nil:
			return live, err
		case t.BuiltIn():
			live.AdminURL = t.Issuer
		default:
			tenants[id] = t
		}
	}
	for _, id := range about {
		if tenants[id] == nil {
			continue
		}
		read := readNouns
		if d.ownOnly {
			read = d.readOwn
		}
		nouns, err := read(ctx, r, id)
		if err != nil {
			return live, err
		}
		live.Organizations = append(live.Organizations, nouns.organizations...)
		live.ResourceServers = append(live.ResourceServers, nouns.servers...)
		live.Clients = append(live.Clients, nouns.clients...)
	}
	there, err := r.TenantsAt(ctx, wantedPlaces(d.State, tenants))
	if err != nil {
		return live, err
	}
	for _, t := range there {
		if !t.BuiltIn() {
			tenants[t.ID] = t
		}
	}
	for _, id := range slices.Sorted(maps.Keys(tenants)) {
		live.Tenants = append(live.Tenants, tenants[id])
	}
	return live, nil
}

// concerned returns the tenants, sorted, whose nouns a plan needs.
func concerned(ctx context.Context, r store.Reader, by By, d Declared) ([]string, error) {
	if own, one := ownTenant(by); one {
		return []string{own}, nil
	}
	managed, err := r.ManagedTenants(ctx, d.Source)
	if err != nil {
		return nil, err
	}
	ids := append(managed, d.State.TenantIDs()...)
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == mintage.BuiltInTenant })
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// wantedPlaces returns the places of the tenants that the file declares, as it
// would leave them.
func wantedPlaces(s *apply.State, live map[string]*mintage.Tenant) []mintage.Place {
	var places []mintage.Place
	for _, w := range s.Tenants {
		var t mintage.Tenant
		if before := live[w.ID]; before != nil {
			t.Issuer, t.Aliases = before.Issuer, before.Aliases
		}
		if w.Issuer != nil {
			t.Issuer = *w.Issuer
		}
		if w.Aliases != nil {
			t.Aliases = w.Aliases
		}
		places = append(places, t.Places()...)
	}
	return places
}

// nouns are what one tenant owns.
type nouns struct {
	organizations []*mintage.Organization
	servers       []*mintage.ResourceServer
	clients       []*mintage.Client
}

func readNouns(ctx context.Context, r store.Reader, tenant string) (n nouns, err error) {
	if n, err = readFew(ctx, r, tenant); err != nil {
		return n, err
	}
	err = eachClient(ctx, r, tenant, func(c *mintage.Client) { n.clients = append(n.clients, c) })
	return n, err
}

// readFew reads what a tenant has few of.
func readFew(ctx context.Context, r store.Reader, tenant string) (n nouns, err error) {
	if n.organizations, err = r.Organizations(ctx, tenant, store.Page{}); err != nil {
		return n, err
	}
	n.servers, err = r.ResourceServers(ctx, tenant, store.Page{})
	return n, err
}

// readOwn is readNouns with the clients alone that the source manages or the
// file declares.
func (d *Declared) readOwn(ctx context.Context, r store.Reader, tenant string) (nouns, error) {
	n, err := readFew(ctx, r, tenant)
	if err != nil {
		return n, err
	}
	managed, err := r.FindClients(ctx, store.ClientQuery{Tenant: tenant, ManagedBy: d.Source})
	if err != nil {
		return n, err
	}
	have := make(map[string]bool, len(managed))
	for _, l := range managed {
		have[l.ID] = true
		n.clients = append(n.clients, l.Client)
	}
	for i := range d.State.Clients {
		w := &d.State.Clients[i]
		if have[w.ID] || !slices.Contains(w.Tenants, tenant) {
			continue
		}
		switch c, err := r.Client(ctx, tenant, w.ID); {
		case errors.Is(err, mintage.ErrNotFound):
		case err != nil:
			return n, err
		default:
			n.clients = append(n.clients, c)
		}
	}
	return n, nil
}
