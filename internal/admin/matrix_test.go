package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/manage"
)

// want is what an operation answers somebody. Code is of a refusal; where it is
// empty the answer is a success that holds nothing of somebody else's.
type want struct {
	status int
	code   string
}

var (
	works      = want{}
	notThere   = want{404, "object.not_found"}
	notAllowed = want{403, "token.scope"}
	notTheirs  = want{403, "token.other_tenant"}
)

// overAll reports whether an operation is for who administers all tenants.
func overAll(op admin.Operation) bool {
	return op.ID == "create-tenant" || op.ID == "update-tenant" || op.ID == "delete-tenant" || op.ID == "verify-audit" || overPeople(op.Path)
}

// aboutOne reports whether the path or the body names an object.
func aboutOne(op admin.Operation) bool {
	rest := strings.Replace(op.Path, "{tenant}", "", 1)
	return strings.Contains(rest, "{") || op.ID == "revoke-token"
}

// expected is the row of an operation in the matrix: what it answers to whom, by
// nothing but its method, its path and its scope. An operation that is not
// marked for members is not there for them.
func expected(op admin.Operation) map[string]want {
	inTenant := strings.Contains(op.Path, "{tenant}")
	row := map[string]want{
		"no token": {401, "token.missing"}, "wrong scope": notAllowed, "the tenant's": works,
		"other tenant": works, "viewer": works, "other organization": works, "its organization": works,
	}
	switch {
	case inTenant, strings.Contains(op.Path, "{trace_id}"):
		row["other tenant"] = notThere
	case overAll(op):
		row["other tenant"] = notTheirs
	}
	if overAll(op) {
		row["the tenant's"], row["viewer"] = notTheirs, notTheirs
	}
	if !strings.HasSuffix(op.Scope, ":read") {
		row["viewer"] = notAllowed
	}
	switch {
	case !op.Member:
		row["other organization"], row["its organization"] = notThere, notThere
	case aboutOne(op):
		row["other organization"] = notThere
	case op.ID == "explain-token":
		row["other organization"] = want{400, "object.invalid"} // the body names a client that is not there
	}
	return row
}

// customers is a world in which two organizations of hotel have clients, and one
// of them a past that nobody else is told of.
func customers(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.organization(t, "other", "acme") // which is another one
	for _, id := range []string{"acme", "rival"} {
		o := &mintage.Organization{Tenant: "hotel", ID: id, Name: "Org " + id}
		if id == "acme" {
			o.Grants = []mintage.Grant{{ResourceServer: api, Scopes: []string{"orders/read"}}}
		}
		if _, err := w.manager.CreateOrganization(t.Context(), manage.Server(), o); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// owned makes a client of an organization; with scopes of the admin API it can
// administer.
func (w *world) owned(t *testing.T, organization string, scopes ...string) *mintage.Client {
	t.Helper()
	g := mintage.Grant{ResourceServer: api, Scopes: []string{"orders/read"}}
	if len(scopes) > 0 {
		g = mintage.Grant{ResourceServer: mintage.AdminResource, Scopes: scopes}
	}
	made, err := w.manager.CreateClient(t.Context(), manage.Server(), &mintage.Client{
		Tenant: "hotel", Name: "Client of " + organization, Organization: organization, Grants: []mintage.Grant{g},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Client
}

// past gives a client a refused request, usage that asks for advice and a use of
// its ladder.
func (w *world) past(t *testing.T, c *mintage.Client, trace string) {
	t.Helper()
	ctx, at := t.Context(), w.now.Add(-2*time.Minute)
	r := &mintage.RequestRecord{
		TraceID: trace, Tenant: c.Tenant, Time: at, Last: at, Count: 1, ClientID: c.ID, ClientName: c.Name, Error: "invalid_client", Reason: "secret.mismatch",
	}
	if err := w.manager.Store.WriteRequests(ctx, []*mintage.RequestRecord{r}, []*mintage.LadderUse{{
		Tenant: c.Tenant, ClientID: c.ID, Rung: mintage.RungQueryCredentials, Count: 1, First: at, Last: at,
	}}); err != nil {
		t.Fatal(err)
	}
	if err := w.manager.Store.AddUsage(ctx, []*mintage.UsageCount{{
		Tenant: c.Tenant, Start: at.Truncate(time.Minute), Step: time.Minute, ClientID: c.ID, Audience: api, Scope: "orders/read", Count: 500, Lifetime: 3600,
	}}); err != nil {
		t.Fatal(err)
	}
}

// AD-01: every operation × everybody who might ask.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := customers(t)
	tokens := map[string]string{
		"other tenant":       w.token(t, "other", "*"),
		"the tenant's":       w.token(t, "hotel", "*"),
		"viewer":             w.token(t, "hotel", scopesOf(mintage.RoleViewer)...),
		"other organization": w.mint(t, w.owned(t, "rival", "*"), "").Value,
		"its organization":   w.mint(t, w.owned(t, "acme", "*"), "").Value,
	}
	for _, op := range admin.Operations() {
		if op.Scope == "" {
			continue
		}
		t.Run(op.ID, func(t *testing.T) {
			t.Parallel()
			for who, want := range expected(op) {
				target := w.owned(t, "acme")
				trace := "req_" + target.ID
				w.past(t, target, trace)
				a := w.prepared(t, op, tokens[who])
				if who == "wrong scope" {
					a.token = w.token(t, "hotel", allBut(op.Scope)...)
				}
				a.path = replaced(op, target.ID, "acme", trace, a.path)
				a.body = body(op, target.ID)
				switch op.ID {
				case "revoke-token":
					a.body = `{"client_id":"` + target.ID + `"}`
				case "complete-rotation", "cancel-rotation":
					if _, err := w.manager.RotateSecret(t.Context(), manage.Server(), "hotel", target.ID, manage.Rotation{}); err != nil {
						t.Fatal(err)
					}
				case "delete-organization": // one that owns nothing
					w.organization(t, "hotel", "org-"+strings.ToLower(target.ID[3:]))
					a.path = replaced(op, target.ID, "org-"+strings.ToLower(target.ID[3:]), trace, a.path)
				}
				resp := w.do(t, a)
				if want.code != "" {
					problem(t, resp, want.status, want.code)
				} else if resp.StatusCode/100 != 2 {
					t.Errorf("%s: %s %s", who, resp.Status(), resp.Body)
				}
				if t.Failed() {
					t.Fatalf("to %s: %s %s", who, a.method, a.path)
				}
				if strings.HasPrefix(who, "other") {
					for _, secret := range []string{target.ID, "Client of acme", "Org acme", trace} {
						if strings.Contains(resp.Body, secret) && !strings.Contains(a.path+a.body, secret) {
							t.Errorf("%s is told of %s: %s", who, secret, resp.Body)
						}
					}
				}
				if who == "its organization" && op.Member && op.Method == http.MethodGet && !tells(op, resp.Body, target.ID) {
					t.Errorf("its organization is not told of its own: %s", resp.Body)
				}
			}
		})
	}
}

// tells reports whether an answer is about a client of the organization, or need
// not be.
func tells(op admin.Operation, body, client string) bool {
	switch op.ID {
	case "list-organizations", "show-organization":
		return strings.Contains(body, "Org acme")
	case "list-resource-servers", "show-resource-server":
		return strings.Contains(body, api) && !strings.Contains(body, "orders/write") && !strings.Contains(body, mintage.AdminResource)
	case "show-usage", "show-all-usage":
		return strings.Contains(body, `"issued":`)
	case "list-secrets":
		return strings.Contains(body, `"2026-11-21"`)
	case "list-clients", "list-requests", "list-all-requests", "list-audit", "list-all-audit", "show-cache-advice", "list-ladder":
		return strings.Contains(body, "Client of acme") || strings.Contains(body, client)
	}
	return strings.Contains(body, client)
}

// replaced gives the pattern of an operation the objects of an organization; the
// rest is as it was prepared.
func replaced(op admin.Operation, client, organization, trace, prepared string) string {
	if !strings.Contains(op.Path, "{client}") && !strings.Contains(op.Path, "{organization}") && !strings.Contains(op.Path, "{trace_id}") {
		return prepared
	}
	path := strings.NewReplacer("{client}", client, "{organization}", organization, "{trace_id}", trace).Replace(op.Path)
	_, query, found := strings.Cut(prepared, "?")
	if found {
		query = "?" + query
	}
	return fill(path, "hotel", client) + query
}

// scopesOf are the bare names of what a role may do.
func scopesOf(r mintage.Role) (names []string) {
	for _, s := range manage.RoleScope(r) {
		names = append(names, strings.TrimPrefix(s, manage.AdminPrefix))
	}
	return names
}

// A client of an organization administers within what the organization was
// granted, and makes clients of no other.
func TestMemberTokens(t *testing.T) {
	t.Parallel()
	w := customers(t)
	ctx := t.Context()
	if _, err := w.manager.UpdateOrganization(ctx, manage.Server(), "hotel", "acme", 0, func(o *mintage.Organization) error {
		o.MaxClients = 2
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	robot := w.owned(t, "acme", "clients:read", "clients:write", "usage:read", "requests:read")
	token := w.mint(t, robot, "").Value
	post := func(body string) *reply {
		return w.do(t, ask{method: "POST", path: "/tenants/hotel/clients", token: token, body: body})
	}
	problem(t, post(`{"name":"x","organization":"rival"}`), 404, "object.not_found")
	problem(t, post(`{"name":"x","grants":[{"resource_server":"api","scopes":["orders/write"]}]}`), 403, "organization.not_granted")
	problem(t, post(`{"name":"x","grants":[{"resource_server":"urn:mintage:admin","scopes":["clients:read"]}]}`), 403, "organization.not_granted")
	problem(t, post(`{"name":"x","token":{"lifetime":60}}`), 403, "organization.not_granted")
	made := decode[adminclient.CreatedClient](t, post(`{"name":"x","grants":[{"resource_server":"api","scopes":["orders/read"]}]}`))
	if made.Organization != "acme" || made.ClientSecret == "" {
		t.Errorf("made %+v", made.RegisteredClient)
	}
	problem(t, post(`{"name":"y"}`), 409, "organization.limit")
	move := ask{method: "PATCH", path: "/tenants/hotel/clients/" + made.ClientID, token: token, body: `{"organization":"rival"}`}
	problem(t, w.do(t, move), 403, "organization.not_granted")

	foreign := w.client(t, "hotel", api, "orders/read")
	w.past(t, foreign, "req_foreign")
	w.past(t, robot, "req_own")
	usage := decode[adminclient.Usage](t, w.do(t, ask{method: "GET", path: "/tenants/hotel/usage?group_by=client", token: token}))
	if len(usage.Items) != 1 || usage.Items[0].ClientID != robot.ID {
		t.Errorf("usage of %+v, want that of its own client", usage.Items)
	}
	usage = decode[adminclient.Usage](t, w.do(t, ask{method: "GET", path: "/usage?client=" + foreign.ID, token: token}))
	for _, s := range usage.Items {
		if s.Issued != 0 {
			t.Errorf("usage of another's client: %+v", s)
		}
	}
	requests := decode[adminclient.Page[adminclient.Request]](t, w.do(t, ask{method: "GET", path: "/requests?client=" + foreign.ID, token: token}))
	if len(requests.Items) != 0 {
		t.Errorf("requests of another's client: %+v", requests.Items)
	}
	// It follows its client, whatever the token was issued as.
	if _, err := w.manager.UpdateClient(ctx, manage.Server(), "hotel", robot.ID, 0, func(c *mintage.Client) error {
		c.Organization = "rival"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	problem(t, w.do(t, ask{method: "GET", path: "/tenants/hotel/clients/" + made.ClientID, token: token}), 404, "object.not_found")
}

// A token of another organization's client is none to a member, and one of their
// own ends.
func TestMembersRevokeTheirOwn(t *testing.T) {
	t.Parallel()
	w := customers(t)
	ours, theirs := w.owned(t, "acme"), w.owned(t, "rival")
	token := w.mint(t, w.owned(t, "acme", "tokens:write"), "").Value
	for c, ended := range map[*mintage.Client]bool{ours: true, theirs: false} {
		tok := w.mint(t, c, "")
		a := ask{method: "POST", path: "/tenants/hotel/tokens/revoke", token: token, body: `{"token":"` + tok.Value + `"}`}
		if resp := w.do(t, a); resp.StatusCode != 204 {
			t.Errorf("revoking a token of %s: %s %s", c.Organization, resp.Status(), resp.Body)
		}
		set, err := w.directory.Revocations(t.Context(), "hotel")
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Ended(tok.JTI, c.ID, "", w.now); got != ended {
			t.Errorf("the token of %s has ended: %v, want %v", c.Organization, got, ended)
		}
	}
	problem(t, w.do(t, ask{method: "POST", path: "/tenants/hotel/tokens/revoke", token: token, body: `{"jti":"x"}`}), 404, "object.not_found")
}
