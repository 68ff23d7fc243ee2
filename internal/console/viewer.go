package console

import (
	"context"

	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// People says whose a session is.
type People interface {
	// Viewer returns who the session of this cookie belongs to. It is
	// mintage.ErrNotFound when there is no such session, or no longer.
	Viewer(ctx context.Context, cookie string) (*Viewer, error)
}

// Viewer is who looks at a page.
type Viewer struct {
	Name  string // what to call them
	Email string
	Role  string
	// Scope is what their role allows, by the names of admin scopes on the wire.
	Scope oauth.Scope
	// Membership confines them to one organization; nil: an operator over
	// everything.
	Membership *Membership
	// By is who makes a change, for manage.
	By func(address, traceID string) manage.By
}

// May reports whether the viewer has the admin scope with this bare name, such
// as clients:write.
func (v *Viewer) May(scope string) bool { return v.Scope.Has(manage.AdminPrefix + scope) }

// Sees reports whether the viewer may know of an object of that tenant and
// organization; an empty organization is none.
func (v *Viewer) Sees(tenant, organization string) bool {
	m := v.Membership
	return m == nil || m.Tenant == tenant && m.Organization != "" && m.Organization == organization
}

// Operator reports whether the viewer is one over everything.
func (v *Viewer) Operator() bool { return v.Membership == nil }

// organization is the one that the viewer is confined to; empty: none.
func (v *Viewer) organization() string {
	if v.Membership == nil {
		return ""
	}
	return v.Membership.Organization
}

// Membership is the organization that a Viewer is confined to.
type Membership struct{ Tenant, Organization string }
