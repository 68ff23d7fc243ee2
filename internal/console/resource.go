package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
)

func resourceRoutes() []route {
	const at, read, write = "/t/{tenant}/apis", "resource_servers:read", "resource_servers:write"
	return []route{
		{pattern: "GET " + at, access: operator, scope: read, handle: (*console).resources},
		{pattern: "GET " + at + "/new", access: operator, scope: write, handle: (*console).newResource},
		{pattern: "POST " + at, access: operator, scope: write, handle: (*console).createResource},
		{pattern: "GET " + at + "/{api}", access: operator, scope: read, handle: (*console).resource},
		{pattern: "POST " + at + "/{api}", access: operator, scope: write, handle: (*console).saveResource},
		{pattern: "GET " + at + "/{api}/delete", access: operator, scope: write, handle: (*console).askDeleteResource},
		{pattern: "POST " + at + "/{api}/delete", access: operator, scope: write, handle: (*console).deleteResource},
	}
}

// resourceRow is an API as the list shows it.
type resourceRow struct {
	*mintage.ResourceServer
	Clients int // that have a grant there
}

func (c *console) resources(ctx context.Context, q *request) (*answer, error) {
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	clients, err := c.index.clients(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	holders := map[string]int{}
	for _, cl := range clients {
		for _, a := range cl.APIs {
			holders[a]++
		}
	}
	var rows []resourceRow
	for _, rs := range servers {
		rows = append(rows, resourceRow{rs, holders[rs.Identifier]})
	}
	slices.SortStableFunc(rows, func(a, b resourceRow) int { // the built-in one last
		return cmp.Compare(btoi(a.BuiltIn()), btoi(b.BuiltIn()))
	})
	return shown("apis", "apis", "APIs", rows), nil
}

func btoi(b bool) int { //nolint:revive // it orders by a property
	if b {
		return 1
	}
	return 0
}

// resourceForm is the form about an API, and what is known of it.
type resourceForm struct {
	Problems                         problems
	New                              bool
	Identifier, Name, Prefix, Scopes string
	Introspectors                    string
	Lifetime                         string
	Formats, Algs                    []option
	Version                          int64
	Action, Delete, Back             string
	Server                           *mintage.ResourceServer // nil: a new one
	Holders                          []scopeHolders
	Snippet                          string
	Copy                             *copyAs
}

// scopeHolders is a scope and how many clients may have it.
type scopeHolders struct {
	Name, Wire, Description string
	Clients                 int
}

// resourceFields are the fields by the members of a resource server.
var resourceFields = map[string]string{
	"identifier": "identifier", "name": "name", "scope_prefix": "prefix", "scopes": "scopes", "introspectors": "introspectors", "token": "lifetime",
}

func (c *console) newResource(_ context.Context, q *request) (*answer, error) {
	f := &resourceForm{New: true, Action: link(q.tenant.ID, "apis"), Back: link(q.tenant.ID, "apis")}
	f.choices("", "")
	return shown("api", "apis", "New API", f), nil
}

func (f *resourceForm) choices(format, alg string) {
	f.Formats = options(format, "", "as the client, dialect or tenant says", "jwt", "JWT, signed", "stored", "stored, opaque", "sealed", "sealed, opaque")
	f.Algs = options(alg, "", "as the client, dialect or tenant says")
	for _, a := range mintage.SigningAlgs() {
		f.Algs = append(f.Algs, option{Value: a, Text: a, Selected: a == alg})
	}
}

// readResource reads the form into rs.
func readResource(q *request, rs *mintage.ResourceServer) problems {
	p := problems{}
	rs.Name, rs.ScopePrefix, rs.Scopes = q.text("name"), q.text("prefix"), readScopes(q.text("scopes"))
	rs.Introspectors = lines(q.text("introspectors"))
	rs.Token.Format, rs.Token.Alg = mintage.TokenFormat(q.text("format")), q.text("alg")
	rs.Token.Lifetime = readDuration(q, "lifetime", p)
	return p
}

// resend fills the form in as it was sent.
func (f *resourceForm) resend(q *request, p problems) {
	f.Problems, f.Name, f.Prefix, f.Scopes, f.Introspectors = p, q.text("name"), q.text("prefix"), q.text("scopes"), q.text("introspectors")
	f.Lifetime, f.Version = q.text("lifetime"), q.version()
	f.choices(q.text("format"), q.text("alg"))
}

func (c *console) createResource(ctx context.Context, q *request) (*answer, error) {
	rs := &mintage.ResourceServer{Tenant: q.tenant.ID, Identifier: q.text("identifier")}
	p := readResource(q, rs)
	if len(p) == 0 {
		_, err := c.manager.CreateResourceServer(ctx, q.by(), rs)
		if err == nil {
			return gone(link(q.tenant.ID, "apis", rs.Identifier), "The API is there. Give a client access to it next."), nil
		}
		if p = problemsOf(err, resourceFields); p == nil {
			return nil, err
		}
	}
	f := &resourceForm{New: true, Identifier: rs.Identifier, Action: link(q.tenant.ID, "apis"), Back: link(q.tenant.ID, "apis")}
	f.resend(q, p)
	return again("api", "apis", "New API", f), nil
}

// resourceOf makes the form of an API with what it has.
func (c *console) resourceOf(ctx context.Context, q *request) (*resourceForm, error) {
	rs, err := c.manager.ResourceServer(ctx, q.tenant.ID, q.value("api"))
	if err != nil {
		return nil, err
	}
	at := link(q.tenant.ID, "apis", rs.Identifier)
	f := &resourceForm{
		Identifier: rs.Identifier, Name: rs.Name, Prefix: rs.ScopePrefix, Introspectors: strings.Join(rs.Introspectors, "\n"), Server: rs,
		Version: rs.Version, Action: at, Delete: at + "/delete", Back: link(q.tenant.ID, "apis"), Snippet: enforceSnippet(q.tenant, rs),
	}
	if rs.Token.Lifetime > 0 {
		f.Lifetime = fileDuration(rs.Token.Lifetime)
	}
	for _, s := range rs.Scopes {
		f.Scopes += strings.TrimSpace(s.Name+" "+s.Description) + "\n"
	}
	f.choices(string(rs.Token.Format), rs.Token.Alg)
	f.Copy = &copyAs{
		CLI:  command("api", "show", rs.Identifier, "--tenant", rs.Tenant),
		YAML: stateYAML(apply.Export(apply.Live{ResourceServers: []*mintage.ResourceServer{rs}}, c.cfg.Now())),
	}
	return f, c.addHolders(ctx, q, f)
}

// addHolders counts the clients that may have each scope.
func (c *console) addHolders(ctx context.Context, q *request, f *resourceForm) error {
	n := map[string]int{}
	rows, err := c.index.clients(ctx, q.tenant.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		for _, s := range r.Scopes[f.Server.Identifier] {
			n[s]++
		}
	}
	for _, s := range f.Server.Scopes {
		f.Holders = append(f.Holders, scopeHolders{
			Name: s.Name, Wire: f.Server.ScopePrefix + s.Name, Description: s.Description, Clients: n[s.Name] + n[mintage.AllScopes],
		})
	}
	return nil
}

func (c *console) resource(ctx context.Context, q *request) (*answer, error) {
	f, err := c.resourceOf(ctx, q)
	if err != nil {
		return nil, err
	}
	return shown("api", "apis", cmp.Or(f.Name, f.Identifier), f), nil
}

func (c *console) saveResource(ctx context.Context, q *request) (*answer, error) {
	f, err := c.resourceOf(ctx, q)
	if err != nil {
		return nil, err
	}
	var tried mintage.ResourceServer
	p := readResource(q, &tried)
	for _, h := range f.Holders { // a scope that clients hold is not renamed by accident
		if h.Clients > 0 && !slices.ContainsFunc(tried.Scopes, func(s mintage.ScopeDefinition) bool { return s.Name == h.Name }) && !q.ticked("break") {
			p.add("scopes", count(h.Clients)+" clients have the scope "+h.Name+": tick the box below to take it from them.")
		}
	}
	if len(p) == 0 {
		_, err = c.manager.UpdateResourceServer(ctx, q.by(), q.tenant.ID, f.Identifier, q.version(), func(rs *mintage.ResourceServer) error {
			claims := rs.Token.Claims
			readResource(q, rs)
			rs.Token.Claims = claims
			return nil
		})
		if err == nil {
			return gone(f.Action, "The API is changed."), nil
		}
		if p = problemsOf(err, resourceFields); p == nil {
			return nil, err
		}
	}
	f.resend(q, p)
	return again("api", "apis", cmp.Or(f.Name, f.Identifier), f), nil
}

// resourceQuestion asks before an API is deleted, and says who has access.
func (c *console) resourceQuestion(ctx context.Context, q *request) (*ask, error) {
	rs, err := c.manager.ResourceServer(ctx, q.tenant.ID, q.value("api"))
	if err != nil {
		return nil, err
	}
	rows, err := c.index.clients(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rows {
		if slices.Contains(r.APIs, rs.Identifier) {
			names = append(names, r.Name)
		}
	}
	at := link(q.tenant.ID, "apis", rs.Identifier)
	k := &ask{
		Title: "Delete " + cmp.Or(rs.Name, rs.Identifier), Nav: "apis", Action: at + "/delete", Button: "Delete", Back: at, Type: q.typed(cmp.Or(rs.Name, rs.Identifier)),
		Version: rs.Version, Text: "No client has access to it. Tokens for it live on until they end.",
	}
	if n := len(names); n > 0 {
		k.Text = count(n) + " clients have access to it, and it cannot be deleted before that is taken from them: " + strings.Join(names[:min(n, 10)], ", ")
		if n > 10 {
			k.Text += " and others"
		}
		k.Text += "."
	}
	return k, nil
}

func (c *console) askDeleteResource(ctx context.Context, q *request) (*answer, error) {
	k, err := c.resourceQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

func (c *console) deleteResource(ctx context.Context, q *request) (*answer, error) {
	k, err := c.resourceQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	if err := c.manager.DeleteResourceServer(ctx, q.by(), q.tenant.ID, q.value("api"), q.version()); err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	return &answer{location: link(q.tenant.ID, "apis"), done: "The API is deleted.", status: http.StatusSeeOther}, nil
}

// enforceSnippet protects an API with our middleware.
func enforceSnippet(t *mintage.Tenant, rs *mintage.ResourceServer) string {
	scope := ""
	if len(rs.Scopes) > 0 {
		scope = ", " + quoted(rs.ScopePrefix+rs.Scopes[0].Name)
	}
	return `client := &http.Client{Timeout: 10 * time.Second}
keys := &enforce.RemoteKeySet{URL: ` + quoted(t.Issuer+"/.well-known/jwks.json") + `, Client: client, Log: log}
v := &enforce.Verifier{
	Issuers:  &enforce.Issuer{Name: ` + quoted(t.Issuer) + `, Keys: keys},
	Audience: ` + quoted(rs.Identifier) + `,
	Cache:    &enforce.TokenCache{},
}
mux.Handle("GET /orders", v.Require(listOrders` + scope + `))
`
}
