package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mintage-auth/mintage"
)

// TenantsAt implements store.Tenants.
func (s session) TenantsAt(ctx context.Context, places []mintage.Place) ([]*mintage.Tenant, error) {
	found := map[string]bool{}
	for _, p := range places {
		if err := s.findAt(ctx, p, found); err != nil {
			return nil, fmt.Errorf("tenants at %s: %w", p, err)
		}
	}
	list := make([]*mintage.Tenant, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		t, err := s.Tenant(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// findAt adds the tenants that have the place.
func (s session) findAt(ctx context.Context, p mintage.Place, found map[string]bool) error {
	issuers, aliases := p.Spellings()
	for _, issuer := range issuers {
		ids, err := all(ctx, s, scanText, `SELECT id FROM tenants WHERE issuer = $1`, issuer)
		if err != nil {
			return err
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	// Any number of tenants may share an alias: the path of the issuer tells
	// them apart, so that few of these rows stay.
	type row struct{ tenant, issuer string }
	rows, err := all(ctx, s, func(r scanner) (a row, err error) {
		err = r.Scan(&a.tenant, &a.issuer)
		return a, err
	}, `SELECT t.id, t.issuer FROM tenant_aliases a JOIN tenants t ON t.id = a.tenant WHERE a.alias IN ($1, $2, $3)`,
		aliases[0], aliases[1], aliases[2])
	if err != nil {
		return err
	}
	for _, a := range rows {
		if at, ok := mintage.PlaceOf(a.issuer); ok && at.Path == p.Path {
			found[a.tenant] = true
		}
	}
	return nil
}

// ManagedTenants implements store.Census.
func (s session) ManagedTenants(ctx context.Context, managedBy string) ([]string, error) {
	list, err := all(ctx, s, scanText, `
		SELECT id FROM tenants WHERE managed_by = $1
		UNION SELECT tenant FROM organizations WHERE managed_by = $1
		UNION SELECT tenant FROM resource_servers WHERE managed_by = $1
		UNION SELECT tenant FROM clients WHERE managed_by = $1
		ORDER BY 1`, managedBy)
	if err != nil {
		return nil, fmt.Errorf("tenants of %q: %w", managedBy, err)
	}
	return list, nil
}
