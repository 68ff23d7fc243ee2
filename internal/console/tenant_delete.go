package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// tenantDeletion asks before a tenant is deleted, and says what goes with it.
func (c *console) tenantDeletion(ctx context.Context, q *request) (*ask, error) {
	t, at := q.tenant, link(q.tenant.ID, "settings")
	clients, err := c.manager.CountFound(ctx, manage.ClientQuery{Tenant: t.ID})
	if err != nil {
		return nil, err
	}
	orgs, err := c.manager.Organizations(ctx, t.ID, "", 0)
	if err != nil {
		return nil, err
	}
	servers, err := c.manager.ResourceServers(ctx, t.ID, "", 0)
	if err != nil {
		return nil, err
	}
	servers = slices.DeleteFunc(servers, (*mintage.ResourceServer).BuiltIn)
	var owns []string
	for _, kind := range []struct {
		n         int
		one, many string
	}{{clients, "client", "clients"}, {len(orgs), "organization", "organizations"}, {len(servers), "API", "APIs"}} {
		switch {
		case kind.n == 1:
			owns = append(owns, "1 "+kind.one)
		case kind.n > 1:
			owns = append(owns, count(kind.n)+" "+kind.many)
		}
	}
	k := &ask{
		Title: "Delete the tenant " + t.ID, Nav: "settings", Action: at + "/delete", Button: "Delete", Back: at, Type: t.ID, Version: t.Version,
		Text: "It owns nothing, and is gone at once: its issuer, its keys and its request log. The audit log stays.",
	}
	words, query := []string{"tenant", "delete", t.ID}, []string(nil)
	if len(owns) > 0 {
		k.Text = "It answers nothing from now on, and is gone in seven days with all that it owns. Until then, enabling it undoes that. The audit log stays."
		k.Breaks, k.Cascade = []string{"It owns " + strings.Join(owns, ", ") + "."}, "Delete all of that with it"
		words, query = append(words, "--cascade"), append(query, "cascade=true")
	}
	if t.Protected {
		query = append(query, "allow_protected=true")
	}
	path := strings.TrimSuffix("/tenants/"+t.ID+"?"+strings.Join(query, "&"), "?")
	k.Copy = &copyAs{CLI: command(words...), Curl: c.call(ctx, http.MethodDelete, path, nil)}
	return k, nil
}

func (c *console) askDeleteTenant(ctx context.Context, q *request) (*answer, error) {
	k, err := c.tenantDeletion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

func (c *console) deleteTenant(ctx context.Context, q *request) (*answer, error) {
	k, err := c.tenantDeletion(ctx, q)
	if err != nil {
		return nil, err
	}
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	left, err := c.manager.DeleteTenant(ctx, q.by(), q.tenant.ID, manage.TenantDeletion{
		Version: q.version(), Protected: q.text("confirm") == q.tenant.ID, Consent: manage.Consent(q.ticked("break")),
	})
	switch {
	case err != nil:
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	case left == nil:
		return gone(Prefix+"/", "The tenant "+q.tenant.ID+" is deleted."), nil
	}
	return gone(k.Back, "The tenant is disabled, and gone for good on "+left.PurgeAt.UTC().Format("2 January")+"."), nil
}
