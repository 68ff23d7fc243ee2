package console

import (
	"context"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
)

// view is what a template gets: what every page has, and the page's own Data.
type view struct {
	Title   string
	Nav     []navItem
	Tenant  *mintage.Tenant // nil on pages of no tenant
	Tenants []tenantLink
	Viewer  *Viewer
	Message string // what the page before did
	Theme   string
	Path    string // of this page, with its query
	Trace   string
	Version string
	// ReadOnly says that the viewer may change nothing, which the banner tells.
	ReadOnly bool
	Now      time.Time
	Data     any
}

// navItem is an entry of the navigation as a page shows it.
type navItem struct {
	Title, Link, Letter string
	Current             bool
}

// tenantLink is an entry of the switch between tenants.
type tenantLink struct {
	ID, Link           string
	Protected, Current bool
}

// May reports whether the viewer has an admin scope, by its bare name.
func (v *view) May(scope string) bool { return v.Viewer != nil && v.Viewer.May(scope) }

// Operator reports whether the viewer is one over everything.
func (v *view) Operator() bool { return v.Viewer != nil && v.Viewer.Operator() }

// writes are the scopes any of which makes a viewer more than a reader.
var writes = []string{"clients:write", "resource_servers:write", "keys:write", "tenants:write", "state:write", "tokens:write"}

// view puts together what a page shows.
func (c *console) view(ctx context.Context, q *request, a *answer) (*view, error) {
	v := &view{
		Title: a.title, Tenant: q.tenant, Viewer: q.viewer, Message: q.message(), Theme: q.theme(),
		Path: q.r.URL.RequestURI(), Trace: q.trace, Version: c.cfg.Version, Now: c.cfg.Now(), Data: a.data,
	}
	if q.viewer == nil || q.fragment() {
		return v, nil
	}
	v.ReadOnly = !slices.ContainsFunc(writes, q.viewer.May)
	if err := c.addTenants(ctx, q, v, a.nav); err != nil {
		return nil, err
	}
	home := v.Tenant
	if home == nil && len(v.Tenants) > 0 {
		home = &mintage.Tenant{ID: v.Tenants[0].ID}
	}
	if home == nil {
		return v, nil
	}
	for _, s := range screens() {
		if !q.viewer.May(s.scope) || !q.viewer.Operator() && !s.members {
			continue
		}
		v.Nav = append(v.Nav, navItem{Title: s.title, Link: link(home.ID, s.path), Letter: s.letter, Current: s.key == a.nav})
	}
	return v, nil
}

// maxSwitch bounds the tenants in the switch; beyond it, the list of tenants is
// the way.
const maxSwitch = 50

// addTenants adds the switch between tenants. A member has one tenant.
func (c *console) addTenants(ctx context.Context, q *request, v *view, nav string) error {
	if m := q.viewer.Membership; m != nil {
		v.Tenants = []tenantLink{{ID: m.Tenant, Link: link(m.Tenant, "clients"), Current: true}}
		return nil
	}
	ts, err := c.manager.Tenants(ctx, "", maxSwitch)
	if err != nil {
		return err
	}
	slices.SortStableFunc(ts, func(a, b *mintage.Tenant) int { // the built-in one last
		switch {
		case a.ID == b.ID || a.ID != mintage.BuiltInTenant && b.ID != mintage.BuiltInTenant:
			return 0
		case a.ID == mintage.BuiltInTenant:
			return 1
		}
		return -1
	})
	for _, t := range ts {
		v.Tenants = append(v.Tenants, tenantLink{
			ID: t.ID, Link: link(t.ID, nav), Protected: t.Protected, Current: v.Tenant != nil && v.Tenant.ID == t.ID,
		})
	}
	return nil
}
