package manage

import (
	"context"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/store"
)

// readLive reads the state that a declared one is compared with: the nouns of
// the tenants that it is about, and of those in which its source manages
// anything. Tenants are all there, since issuers must not collide; an
// administrator of one tenant has only that one.
func readLive(ctx context.Context, r store.Reader, by By, d Declared) (apply.Live, error) {
	var live apply.Live
	tenants, err := r.Tenants(ctx, store.Page{})
	if err != nil {
		return live, err
	}
	about := d.State.TenantIDs()
	own, one := ownTenant(by)
	for _, t := range tenants {
		if t.BuiltIn() {
			live.AdminURL = t.Issuer
			continue
		}
		if one && t.ID != own {
			continue
		}
		live.Tenants = append(live.Tenants, t)
		nouns, err := readNouns(ctx, r, t.ID)
		if err != nil {
			return live, err
		}
		if !slices.Contains(about, t.ID) && t.ManagedBy != d.Source && !nouns.managedBy(d.Source) {
			continue
		}
		live.Organizations = append(live.Organizations, nouns.organizations...)
		live.ResourceServers = append(live.ResourceServers, nouns.servers...)
		live.Clients = append(live.Clients, nouns.clients...)
	}
	return live, nil
}

// nouns are what one tenant owns.
type nouns struct {
	organizations []*mintage.Organization
	servers       []*mintage.ResourceServer
	clients       []*mintage.Client
}

func readNouns(ctx context.Context, r store.Reader, tenant string) (n nouns, err error) {
	if n.organizations, err = r.Organizations(ctx, tenant, store.Page{}); err != nil {
		return n, err
	}
	if n.servers, err = r.ResourceServers(ctx, tenant, store.Page{}); err != nil {
		return n, err
	}
	err = eachClient(ctx, r, tenant, func(c *mintage.Client) { n.clients = append(n.clients, c) })
	return n, err
}

func (n *nouns) managedBy(source string) bool {
	return slices.ContainsFunc(n.organizations, func(o *mintage.Organization) bool { return o.ManagedBy == source }) ||
		slices.ContainsFunc(n.servers, func(rs *mintage.ResourceServer) bool { return rs.ManagedBy == source }) ||
		slices.ContainsFunc(n.clients, func(c *mintage.Client) bool { return c.ManagedBy == source })
}
