package console

import (
	"context"
	"net/http"

	"github.com/mintage-auth/mintage"
)

func homeRoutes() []route {
	return []route{
		{pattern: "GET /{$}", access: member, handle: (*console).home},
		{pattern: "GET /t/{tenant}/{$}", access: member, handle: (*console).tenantHome},
		{pattern: "POST /theme", access: open, handle: (*console).setTheme},
	}
}

// home sends whoever comes to the first page of their first tenant.
func (c *console) home(ctx context.Context, q *request) (*answer, error) {
	if m := q.viewer.Membership; m != nil {
		return gone(link(m.Tenant, "clients"), ""), nil
	}
	ts, err := c.manager.Tenants(ctx, "", maxSwitch)
	if err != nil {
		return nil, err
	}
	first := mintage.BuiltInTenant
	for _, t := range ts {
		if t.ID != mintage.BuiltInTenant {
			first = t.ID
			break
		}
	}
	return gone(link(first, firstScreen), ""), nil
}

// firstScreen is the page that a tenant opens with.
const firstScreen = "overview"

func (c *console) tenantHome(_ context.Context, q *request) (*answer, error) {
	if !q.viewer.Operator() {
		return gone(link(q.tenant.ID, "clients"), ""), nil
	}
	return gone(link(q.tenant.ID, firstScreen), ""), nil
}

// setTheme keeps the choice between light, dark and what the system has.
func (c *console) setTheme(_ context.Context, q *request) (*answer, error) {
	a := gone(localPath(q.text("back")), "")
	a.cookies = []*http.Cookie{endCookie(themeCookie)}
	if t := q.text("theme"); t == "light" || t == "dark" {
		a.cookies[0] = newCookie(themeCookie, t, themeLife)
	}
	return a, nil
}
