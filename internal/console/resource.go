package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/usage"
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
	Clients int  // that have a grant there
	More    bool // whether there are more than were counted
}

func (c *console) resources(ctx context.Context, q *request) (*answer, error) {
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	var rows []resourceRow
	for _, rs := range servers {
		n, more, err := c.countClients(ctx, manage.ClientQuery{Tenant: rs.Tenant, ResourceServer: rs.Identifier})
		if err != nil {
			return nil, err
		}
		rows = append(rows, resourceRow{rs, n, more})
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
	DPoPBound                        bool
	Lifetime                         string
	Formats, Algs                    []option
	Version                          int64
	Action, Delete, Back             string
	Server                           *mintage.ResourceServer // nil: a new one
	Holders                          []scopeHolders
	Clients, Organizations           int    // that have a grant there
	Counted                          bool   // whether tokens are
	InUse                            bool   // whether what was to go is held by others
	Type                             string // what has to be typed then; empty: nothing
	Snippet, Route                   string
	Copy                             *copyAs
}

// scopeHolders is a scope, how many may have it, and how much it was used in
// thirty days.
type scopeHolders struct {
	manage.ScopeCount
	Use usage.ScopeUse
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
	rs.Introspectors, rs.DPoPBoundAccessTokens = lines(q.text("introspectors")), q.ticked("dpop_bound")
	rs.Token.Format, rs.Token.Alg = mintage.TokenFormat(q.text("format")), q.text("alg")
	rs.Token.Lifetime = readDuration(q, "lifetime", p)
	return p
}

// resend fills the form in as it was sent.
func (f *resourceForm) resend(q *request, p problems) {
	f.Problems, f.Name, f.Prefix, f.Scopes, f.Introspectors = p, q.text("name"), q.text("prefix"), q.text("scopes"), q.text("introspectors")
	f.DPoPBound, f.Lifetime, f.Version = q.ticked("dpop_bound"), q.text("lifetime"), q.version()
	f.choices(q.text("format"), q.text("alg"))
}

func (c *console) createResource(ctx context.Context, q *request) (*answer, error) {
	rs := &mintage.ResourceServer{Tenant: q.tenant.ID, Identifier: q.text("identifier")}
	p := readResource(q, rs)
	if q.previews() {
		return elsewhere("apis", c.resourceAs(ctx, rs)), nil
	}
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
		DPoPBound: rs.DPoPBoundAccessTokens,
		Version:   rs.Version, Action: at, Delete: at + "/delete", Back: link(q.tenant.ID, "apis"), Snippet: enforceSnippet(q.tenant, rs), Route: gatewayRoute(q.tenant, rs), Type: q.typed(cmp.Or(rs.Name, rs.Identifier)),
	}
	if rs.Token.Lifetime > 0 {
		f.Lifetime = fileDuration(rs.Token.Lifetime)
	}
	for _, s := range rs.Scopes {
		f.Scopes += strings.TrimSpace(s.Name+" "+s.Description) + "\n"
	}
	f.choices(string(rs.Token.Format), rs.Token.Alg)
	f.Copy = c.asResource(ctx, rs, rs, false)
	return f, c.addHolders(ctx, q, f)
}

// resourceAs says how an API is made elsewhere.
func (c *console) resourceAs(ctx context.Context, rs *mintage.ResourceServer) *copyAs {
	return &copyAs{
		CLI: resourceCommand(rs), YAML: stateYAML(apply.Export(apply.Live{ResourceServers: []*mintage.ResourceServer{rs}}, c.cfg.Now())),
		Curl: c.call(ctx, http.MethodPost, "/tenants/"+rs.Tenant+"/resource-servers", newResourceOf(rs)),
	}
}

// newResourceOf returns an API as the admin API takes it.
func newResourceOf(rs *mintage.ResourceServer) adminclient.NewResourceServer {
	n := adminclient.NewResourceServer{Identifier: rs.Identifier}
	n.Name, n.ScopePrefix, n.Introspectors, n.DPoPBound = rs.Name, rs.ScopePrefix, rs.Introspectors, rs.DPoPBoundAccessTokens
	n.Token = adminclient.TokenSettings{
		Format: string(rs.Token.Format), Alg: rs.Token.Alg, Claims: string(rs.Token.Claims), Lifetime: int64(rs.Token.Lifetime.Seconds()),
	}
	for _, d := range rs.Scopes {
		n.Scopes = append(n.Scopes, adminclient.Scope{Name: d.Name, Description: d.Description})
	}
	return n
}

// resourceCommand is mintage api create, where that can say it all.
func resourceCommand(rs *mintage.ResourceServer) string {
	if rs.Token.Claims != "" || rs.BuiltIn() {
		return ""
	}
	words := []string{"api", "create", cmp.Or(rs.Name, rs.Identifier), "--tenant", rs.Tenant}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	if rs.Name != "" {
		add("--audience", rs.Identifier)
	}
	for _, d := range rs.Scopes {
		if strings.Contains(d.Name, "=") {
			return "" // the flag would end the name there
		}
		add("--scope", strings.TrimSuffix(d.Name+"="+d.Description, "="))
	}
	add("--scope-prefix", rs.ScopePrefix)
	add("--introspector", strings.Join(rs.Introspectors, ","))
	if rs.DPoPBoundAccessTokens {
		words = append(words, "--dpop-bound")
	}
	add("--format", string(rs.Token.Format))
	add("--alg", rs.Token.Alg)
	if rs.Token.Lifetime > 0 {
		add("--lifetime", fileDuration(rs.Token.Lifetime))
	}
	return command(words...)
}

// usedWithin is how far back the use of scopes is counted.
const usedWithin = 30 * day

// addHolders counts who may have each scope, and who used it.
func (c *console) addHolders(ctx context.Context, q *request, f *resourceForm) error {
	counts, clients, organizations, err := c.manager.CountScopes(ctx, f.Server)
	if err != nil {
		return err
	}
	f.Clients, f.Organizations = clients, organizations
	var used map[string]usage.ScopeUse
	if c.cfg.Usage != nil && q.viewer.May("usage:read") {
		used, err = c.cfg.Usage.Scopes(ctx, q.tenant.ID, f.Identifier, c.cfg.Now().Add(-usedWithin).Truncate(day))
		if err != nil && !errors.Is(err, usage.ErrTooMany) {
			return err
		}
		f.Counted = err == nil
	}
	for _, n := range counts {
		f.Holders = append(f.Holders, scopeHolders{ScopeCount: n, Use: used[n.Wire]})
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
	tried := mintage.ResourceServer{Tenant: q.tenant.ID, Identifier: f.Identifier}
	p := readResource(q, &tried)
	if q.previews() {
		return elsewhere("apis", c.asResource(ctx, f.Server, &tried, q.ticked("break"))), nil
	}
	if q.ticked("break") && f.Type != "" && q.text("confirm") != f.Type {
		f.InUse = true
		p.add("", "That is not "+f.Type+". Nothing was changed.")
	}
	if len(p) == 0 {
		_, err = c.manager.UpdateResourceServer(
			ctx, q.by(), q.tenant.ID, f.Identifier, q.version(), manage.Consent(q.ticked("break")), func(rs *mintage.ResourceServer) error {
				claims := rs.Token.Claims
				readResource(q, rs)
				rs.Token.Claims = claims
				return nil
			})
		if err == nil {
			return gone(f.Action, "The API is changed."), nil
		}
		var refusal *manage.Refusal
		f.InUse = errors.As(err, &refusal) && refusal.Reason == "object.in_use" && len(refusal.Members) > 0
		if p = problemsOf(err, resourceFields); p == nil {
			return nil, err
		}
	}
	f.resend(q, p)
	return again("api", "apis", cmp.Or(f.Name, f.Identifier), f), nil
}
