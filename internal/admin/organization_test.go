package admin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

func TestOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "organizations:read", "organizations:write", "clients:write")
	ctx := t.Context()
	made, err := c.CreateOrganization(ctx, "hotel", adminclient.NewOrganization{ID: "acme", OrganizationSettings: adminclient.OrganizationSettings{
		Name: "Acme Hotels", MaxClients: 3, Grants: []adminclient.Grant{{ResourceServer: "api", Scopes: []string{"orders/write", "orders/read"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := adminclient.OrganizationSettings{
		Name: "Acme Hotels", MaxClients: 3, Grants: []adminclient.Grant{{ResourceServer: api, Scopes: []string{"orders/read", "orders/write"}}},
	}
	if made.Tenant != "hotel" || made.Version != 1 || !cmp.Equal(made.OrganizationSettings, want) {
		t.Errorf("made %+v, want the identifier of the API and sorted scopes", made)
	}
	if _, err := c.CreateOrganization(ctx, "hotel", adminclient.NewOrganization{ID: "acme", OrganizationSettings: want}); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("made twice: %v, want ErrExists", err)
	}
	patched, err := c.UpdateOrganization(ctx, "hotel", "acme", adminclient.Patch{"max_clients": nil}, 1)
	if err != nil || patched.MaxClients != 0 || patched.Version != 2 || !cmp.Equal(patched.Grants, want.Grants) {
		t.Errorf("patched to %+v, %v; want no bound and the rest as it was", patched, err)
	}
	if _, err := c.UpdateOrganization(ctx, "hotel", "acme", adminclient.Patch{"name": "x"}, 1); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("an old version: %v, want ErrConflict", err)
	}
	client, err := c.CreateClient(ctx, "hotel", adminclient.NewClient{ClientSettings: adminclient.ClientSettings{Name: "x", Organization: "acme"}})
	if err != nil {
		t.Fatal(err)
	}
	var p *adminclient.Problem
	if err := c.DeleteOrganization(ctx, "hotel", "acme", 0); !errors.As(err, &p) || p.Code != "object.in_use" {
		t.Errorf("deleted with a client: %v, want object.in_use", err)
	}
	if err := c.DeleteClient(ctx, "hotel", client.ClientID, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteOrganization(ctx, "hotel", "acme", 2); err != nil {
		t.Error(err)
	}
	if _, err := c.Organization(ctx, "hotel", "acme"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("deleted and read: %v, want ErrNotFound", err)
	}
	events, err := w.manager.Events(ctx, manage.EventQuery{Tenant: "hotel", Limit: 5})
	if err != nil || events[0].Action != "organization.delete" || events[0].Actor.ClientID == "" {
		t.Errorf("the audit log begins with %+v, %v; want the deletion and who did it", events[0], err)
	}
}

// What an organization cannot be granted is refused with the place, and changes
// nothing.
func TestOrganizationRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "organizations:read", "organizations:write")
	for _, tt := range []struct{ name, grants, pointer string }{
		{"an API that is not there", `[{"resource_server":"none","scopes":["*"]}]`, "/grants/0/resource_server"},
		{"a scope that is not defined", `[{"resource_server":"api","scopes":["orders/read","orders/burn"]}]`, "/grants/0/scopes/0"},
		{"the administration", `[{"resource_server":"urn:mintage:admin","scopes":["clients:read"]}]`, "/grants/0/resource_server"},
		{"the administration by its name", `[{"resource_server":"mintage","scopes":["*"]}]`, "/grants/0/resource_server"},
		{"an API twice", `[{"resource_server":"api","scopes":[]},{"resource_server":"https://api.example","scopes":[]}]`, "/grants/1/resource_server"},
		{"a scope beside all", `[{"resource_server":"api","scopes":["*","orders/read"]}]`, "/grants/0/scopes/0"},
	} {
		resp := w.do(t, ask{
			method: http.MethodPost, path: "/tenants/hotel/organizations", token: token, body: `{"id":"acme","name":"Acme","grants":` + tt.grants + `}`,
		})
		p := problem(t, resp, http.StatusBadRequest, "object.invalid")
		if len(p.Errors) == 0 || p.Errors[0].Pointer != tt.pointer {
			t.Errorf("%s: errors %+v, want one at %s", tt.name, p.Errors, tt.pointer)
		}
	}
	problem(t, w.do(t, ask{
		method: http.MethodPost, path: "/tenants/hotel/organizations", token: token, body: `{"id":"acme","name":"Acme","max_clients":-1}`,
	}), http.StatusBadRequest, "object.invalid")
	problem(t, w.do(t, ask{
		method: http.MethodPost, path: "/tenants/mintage/organizations", token: w.token(t, mintage.BuiltInTenant, "organizations:write"),
		body: `{"id":"acme","name":"Acme"}`,
	}), http.StatusConflict, "object.built_in")
	list := decode[adminclient.Page[json.RawMessage]](t, w.do(t, ask{method: http.MethodGet, path: "/tenants/hotel/organizations", token: token}))
	if len(list.Items) != 0 {
		t.Errorf("refused, and there are %d organizations", len(list.Items))
	}
}
