package manage

import (
	"context"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

// Export returns the declared state that makes an empty server serve what a
// tenant serves, secrets excepted; see apply.Export.
func (m *Manager) Export(ctx context.Context, tenant string) (*apply.State, error) {
	live, err := m.liveOf(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return apply.Export(live, m.now()), nil
}

// Compare says how two tenants differ; see apply.Compare.
func (m *Manager) Compare(ctx context.Context, from, to string) (*apply.Plan, error) {
	live, err := m.liveOf(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return apply.Compare(live, from, to), nil
}

// liveOf reads tenants with all that they own. The built-in one is not for
// files.
func (m *Manager) liveOf(ctx context.Context, tenants ...string) (apply.Live, error) {
	var live apply.Live
	for _, id := range tenants {
		if id == mintage.BuiltInTenant {
			return live, builtIn("the tenant " + id)
		}
		t, err := m.Store.Tenant(ctx, id)
		if err != nil {
			return live, err
		}
		n, err := readNouns(ctx, m.Store, id)
		if err != nil {
			return live, err
		}
		live.Tenants = append(live.Tenants, t)
		live.Organizations = append(live.Organizations, n.organizations...)
		live.ResourceServers = append(live.ResourceServers, n.servers...)
		live.Clients = append(live.Clients, n.clients...)
	}
	return live, nil
}
