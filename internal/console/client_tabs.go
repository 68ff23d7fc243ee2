package console

import (
	"context"
	"net/http"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

func clientTabRoutes() []route {
	const at = "/t/{tenant}/clients/{id}"
	return []route{
		{pattern: "GET " + at + "/requests", access: member, scope: "requests:read", handle: (*console).clientRequests},
		{pattern: "GET " + at + "/tokens", access: member, scope: "clients:read", handle: (*console).clientTokens},
		{pattern: "GET " + at + "/tokens/revoke", access: member, scope: "tokens:write", handle: (*console).askRevokeTokens},
		{pattern: "POST " + at + "/tokens/revoke", access: member, scope: "tokens:write", handle: (*console).revokeTokens},
		{pattern: "GET " + at + "/audit", access: member, scope: "audit:read", handle: (*console).clientAudit},
	}
}

// clientRequests is the request log of one client.
func (c *console) clientRequests(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	at := link(q.tenant.ID, "clients", cl.ID, "requests")
	query := requestFilter(q, c.cfg.Now())
	query.ClientID = cl.ID
	d, err := c.requestList(ctx, q, at, query)
	if err != nil {
		return nil, err
	}
	d.Alone = true
	return c.clientTab(q, cl, "requests", d), nil
}

// tokensTab is the tab of tokens.
type tokensTab struct {
	Format      string
	Lifetime    string
	Revocations []*mintage.Revocation // of this client, newest first
	Revoke      string
}

func (c *console) clientTokens(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	d := &tokensTab{Revoke: link(q.tenant.ID, "clients", cl.ID, "tokens", "revoke")}
	all, _, err := c.manager.Revocations(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.ClientID == cl.ID {
			d.Revocations = append(d.Revocations, r)
		}
	}
	slices.SortFunc(d.Revocations, func(a, b *mintage.Revocation) int { return b.Before.Compare(a.Before) })
	if d.Format, d.Lifetime, err = c.tokenOf(ctx, q.tenant, cl); err != nil {
		return nil, err
	}
	return c.clientTab(q, cl, "tokens", d), nil
}

// tokenOf says what a client's next token would look like; empty when it would
// get none.
func (c *console) tokenOf(ctx context.Context, t *mintage.Tenant, cl *mintage.Client) (format, lifetime string, err error) {
	list, err := c.manager.ResourceServers(ctx, t.ID, "", 0)
	if err != nil {
		return "", "", err
	}
	servers := map[string]*mintage.ResourceServer{}
	for _, rs := range list {
		servers[rs.Identifier] = rs
	}
	_, name := endpointOf(t, cl)
	dialect, ok := mintage.DialectByName(name)
	if !ok {
		return "", "", nil
	}
	az, err := mintage.Authorize(t, cl, servers, dialect, mintage.Request{GrantType: "client_credentials", Scope: wireScope(cl, list)})
	if err != nil {
		return "", "", nil //nolint:nilerr // it gets none, which the access tab explains
	}
	format = string(az.Token.Format)
	if az.Token.Format == mintage.FormatJWT {
		format = "JWT, " + az.Token.Alg
	}
	return format, span(az.Token.Lifetime), nil
}

func (c *console) tokensQuestion(ctx context.Context, q *request, cl *mintage.Client) *ask {
	at := link(q.tenant.ID, "clients", cl.ID, "tokens")
	return &ask{
		Title: "End all tokens of " + cl.Name, Nav: "clients", Action: at + "/revoke", Button: "End them", Back: at, Type: q.typed(cl.Name),
		Text: "Every token that it got until now is refused from now on, wherever revocations are followed. It can get new ones: to stop that too, disable it.",
		Copy: &copyAs{
			CLI:  command("token", "revoke", "--client", cl.ID, "--all", "--tenant", cl.Tenant),
			Curl: c.call(ctx, http.MethodPost, "/tenants/"+cl.Tenant+"/tokens/revoke", map[string]string{"client_id": cl.ID}),
		},
	}
}

func (c *console) askRevokeTokens(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.tokensQuestion(ctx, q, cl).page(), nil
}

func (c *console) revokeTokens(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	k := c.tokensQuestion(ctx, q, cl)
	return k.carriedOut(q, "All tokens of "+cl.Name+" that were issued until now have ended.", func() error {
		return c.manager.RevokeClientTokens(ctx, q.by(), cl.Tenant, cl.ID, c.cfg.Now())
	})
}

// clientAudit is the audit log of one client.
func (c *console) clientAudit(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	rows, err := c.eventsOf(ctx, manage.EventQuery{Tenant: cl.Tenant, Target: cl.ID, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	return c.clientTab(q, cl, "audit", rows), nil
}
