package admin_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

func TestResourceServerLifeCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "resource_servers:read", "resource_servers:write", "clients:write", "organizations:write")
	ctx := t.Context()
	const id = "https://pms.example/v1"
	made, err := c.CreateResourceServer(ctx, "hotel", adminclient.NewResourceServer{Identifier: id, ResourceServerSettings: adminclient.ResourceServerSettings{
		Name: "pms", Scopes: []adminclient.Scope{{Name: "b"}, {Name: "a", Description: "A"}}, Token: adminclient.TokenSettings{Lifetime: 60},
	}})
	if err != nil || made.Version != 1 || made.Scopes[0].Name != "a" || made.Token.Lifetime != 60 {
		t.Fatalf("made %+v, %v; want sorted scopes and version 1", made, err)
	}
	if _, err := c.CreateResourceServer(ctx, "hotel", adminclient.NewResourceServer{Identifier: id}); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("the identifier twice: %v, want ErrExists", err)
	}
	if _, err := c.CreateResourceServer(ctx, "hotel", adminclient.NewResourceServer{
		Identifier: "urn:x", ResourceServerSettings: adminclient.ResourceServerSettings{Name: "pms"},
	}); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("the name twice: %v, want ErrExists", err)
	}
	patched, err := c.UpdateResourceServer(ctx, "hotel", id, adminclient.Patch{"name": nil, "token": map[string]any{"alg": "RS256"}}, adminclient.Removal{Version: 1})
	if err != nil || patched.Name != "" || patched.Token != (adminclient.TokenSettings{Alg: "RS256", Lifetime: 60}) || len(patched.Scopes) != 2 {
		t.Errorf("patched to %+v, %v; want no name, another algorithm and the rest as it was", patched, err)
	}
	if _, err := c.UpdateResourceServer(ctx, "hotel", id, adminclient.Patch{"name": "x"}, adminclient.Removal{Version: 1}); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("a stale version: %v, want ErrConflict", err)
	}
	if err := c.DeleteResourceServer(ctx, "hotel", id, adminclient.Removal{Version: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ResourceServer(ctx, "hotel", id); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("after deletion: %v, want ErrNotFound", err)
	}
	events, err := w.manager.Events(ctx, manage.EventQuery{Tenant: "hotel", Target: id})
	if err != nil || len(events) != 3 || events[0].Action != "resource_server.delete" || events[1].Action != "resource_server.update" ||
		string(events[1].Before) != `{"name":"pms","token":{"lifetime":60}}` || string(events[1].After) != `{"token":{"alg":"RS256","lifetime":60}}` {
		t.Errorf("the audit log has %+v, %v", events, err)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "resource_servers:read", "resource_servers:write", "clients:write", "clients:read")
	ctx := t.Context()
	holder := w.client(t, "hotel", api, "orders/read")
	w.client(t, "hotel", api, "*")
	rs, err := c.AddScope(ctx, "hotel", api, adminclient.Scope{Name: "orders/burn", Description: "Burn"}, 1)
	if err != nil || rs.Version != 2 || len(rs.Scopes) != 3 {
		t.Fatalf("got %+v, %v; want three scopes", rs, err)
	}
	if _, err := c.AddScope(ctx, "hotel", api, adminclient.Scope{Name: "orders/burn"}, 0); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("a scope twice: %v, want ErrExists", err)
	}
	if _, err := c.AddScope(ctx, "hotel", api, adminclient.Scope{Name: "x"}, 1); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("a stale version: %v, want ErrConflict", err)
	}
	if rs, err = c.UpdateScope(ctx, "hotel", api, "orders/burn", adminclient.Patch{"description": "Burn it"}, 2); err != nil || rs.Scopes[0].Description != "Burn it" {
		t.Errorf("got %+v, %v; want the description", rs, err)
	}
	if _, err := c.UpdateScope(ctx, "hotel", api, "none", adminclient.Patch{"description": "x"}, 0); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such scope: %v, want ErrNotFound", err)
	}
	if err := w.manager.Store.AddUsage(ctx, []*mintage.UsageCount{
		{Tenant: "hotel", ClientID: holder.ID, Audience: api, Scope: "orders/read orders/write", Start: w.now.Add(-40 * 24 * time.Hour), Step: time.Hour, Count: 7},
		{Tenant: "hotel", ClientID: holder.ID, Audience: api + " urn:x", Scope: "orders/read", Start: w.now.Add(-time.Hour), Step: time.Minute, Count: 2},
		{Tenant: "hotel", ClientID: "mc_gone", Audience: api, Scope: "orders/read", Start: w.now.Add(-time.Hour), Step: time.Minute, Count: 1},
	}); err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int][]adminclient.ScopeUse{
		0: {
			{Scope: adminclient.Scope{Name: "orders/burn", Description: "Burn it"}, Wire: "orders/burn", Clients: 1},
			{Scope: adminclient.Scope{Name: "orders/read"}, Wire: "orders/read", Clients: 2, Tokens: 3, UsedBy: 2},
			{Scope: adminclient.Scope{Name: "orders/write"}, Wire: "orders/write", Clients: 1},
		},
		90: {
			{Scope: adminclient.Scope{Name: "orders/burn", Description: "Burn it"}, Wire: "orders/burn", Clients: 1},
			{Scope: adminclient.Scope{Name: "orders/read"}, Wire: "orders/read", Clients: 2, Tokens: 10, UsedBy: 2},
			{Scope: adminclient.Scope{Name: "orders/write"}, Wire: "orders/write", Clients: 1, Tokens: 7, UsedBy: 1},
		},
	} {
		p, err := c.Scopes(ctx, "hotel", api, days)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.Items); diff != "" {
			t.Errorf("scopes in %d days (-want +got):\n%s", days, diff)
		}
	}
	var p *adminclient.Problem
	err = c.RemoveScope(ctx, "hotel", api, "orders/read", adminclient.Removal{})
	if !errors.As(err, &p) || p.Status != http.StatusConflict || p.Code != "object.in_use" || len(p.Errors) != 1 ||
		p.Errors[0].Pointer != "/scopes/orders~1read" || !strings.Contains(p.Errors[0].Detail, holder.ID) {
		t.Errorf("a scope in use: %+v, want object.in_use with its place and holder", p)
	}
	if err := c.RemoveScope(ctx, "hotel", api, "orders/read", adminclient.Removal{Version: 3, Cascade: true}); err != nil {
		t.Fatal(err)
	}
	if now, err := c.Client(ctx, "hotel", holder.ID); err != nil || len(now.Grants) != 0 {
		t.Errorf("the holder has %+v, %v; want no grant", now.Grants, err)
	}
	if err := c.RemoveScope(ctx, "hotel", api, "orders/read", adminclient.Removal{}); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("removed twice: %v, want ErrNotFound", err)
	}
}

// Who may change resource servers and no clients takes nothing from clients.
func TestCascadeNeedsTheRightToChangeHolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "resource_servers:write")
	w.client(t, "hotel", api, "orders/read")
	var p *adminclient.Problem
	for name, err := range map[string]error{
		"delete": c.DeleteResourceServer(t.Context(), "hotel", api, adminclient.Removal{Cascade: true}),
		"remove": c.RemoveScope(t.Context(), "hotel", api, "orders/read", adminclient.Removal{Cascade: true}),
	} {
		if !errors.As(err, &p) || p.Status != http.StatusForbidden || p.Code != "scope.not_granted" {
			t.Errorf("%s: %v, want 403 scope.not_granted", name, err)
		}
	}
}

func TestResourceServerRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "resource_servers:write")
	at := "/tenants/hotel/resource-servers"
	for _, tt := range []struct{ name, method, path, body, code, pointer string }{
		{"no identifier", "POST", at, `{"identifier":""}`, "object.invalid", "/identifier"},
		{"a fragment", "POST", at, `{"identifier":"https://x.example/#a"}`, "object.invalid", "/identifier"},
		{"ours", "POST", at, `{"identifier":"urn:mintage:admin2"}`, "object.invalid", "/identifier"},
		{"a bad scope", "POST", at, `{"identifier":"urn:x","scopes":[{"name":"a b"}]}`, "object.invalid", "/scopes/a b"},
		{"a scope twice", "POST", at, `{"identifier":"urn:x","scopes":[{"name":"a"},{"name":"a"}]}`, "object.invalid", "/scopes/a"},
		{"no such introspector", "POST", at, `{"identifier":"urn:x","introspectors":["mc_none"]}`, "object.invalid", "/introspectors/0"},
		{"a life of no time", "POST", at, `{"identifier":"urn:x","token":{"lifetime":-1}}`, "object.invalid", "/token/lifetime"},
		{"another member", "POST", at, `{"identifier":"urn:x","managed_by":"me"}`, "body.malformed", "/managed_by"},
		{"the identifier in a patch", "PATCH", at + "/" + url.PathEscape(api), `{"identifier":"urn:x"}`, "body.malformed", "/identifier"},
		{"the name in a scope's patch", "PATCH", at + "/" + url.PathEscape(api) + "/scopes/orders%2Fread", `{"name":"x"}`, "body.malformed", "/name"},
		{"a bad scope to add", "POST", at + "/" + url.PathEscape(api) + "/scopes", `{"name":"*"}`, "object.invalid", "/name"},
	} {
		p := problem(t, w.do(t, ask{method: tt.method, path: tt.path, token: token, body: tt.body}), http.StatusBadRequest, tt.code)
		if len(p.Errors) == 0 || p.Errors[0].Pointer != tt.pointer {
			t.Errorf("%s: errors %+v, want one at %s", tt.name, p.Errors, tt.pointer)
		}
	}
	for _, a := range []ask{
		{method: "DELETE", path: at + "/urn:mintage:admin?cascade=true"},
		{method: "PATCH", path: at + "/urn:mintage:admin", body: `{}`},
		{method: "POST", path: at + "/urn:mintage:admin/scopes", body: `{"name":"x"}`},
		{method: "DELETE", path: at + "/urn:mintage:admin/scopes/clients:read?cascade=true"},
	} {
		a.token = token
		problem(t, w.do(t, a), http.StatusConflict, "object.built_in")
	}
}

func TestDeleteTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, mintage.BuiltInTenant, "tenants:read", "tenants:write")
	ctx := t.Context()
	w.bare(t, "bare")
	if d, err := c.DeleteTenant(ctx, "bare", adminclient.TenantRemoval{}); err != nil || d.PurgeAt != nil {
		t.Errorf("one that owns nothing: %+v, %v; want it gone", d, err)
	}
	if _, err := c.Tenant(ctx, "bare"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("deleted and read: %v, want ErrNotFound", err)
	}
	var p *adminclient.Problem
	if _, err := c.DeleteTenant(ctx, "hotel", adminclient.TenantRemoval{}); !errors.As(err, &p) || p.Code != "object.in_use" || !strings.Contains(p.Detail, "resource servers") {
		t.Errorf("one that owns an API: %v, want object.in_use", err)
	}
	if _, err := c.DeleteTenant(ctx, mintage.BuiltInTenant, adminclient.TenantRemoval{Removal: adminclient.Removal{Cascade: true}, Protected: true}); !errors.As(err, &p) || p.Code != "object.built_in" {
		t.Errorf("the built-in one: %v, want object.built_in", err)
	}
	if _, err := w.manager.UpdateTenant(ctx, manage.Server(), "hotel", 0, func(t *mintage.Tenant) error { t.Protected = true; return nil }); err != nil {
		t.Fatal(err)
	}
	whole := adminclient.TenantRemoval{Removal: adminclient.Removal{Cascade: true}}
	if _, err := c.DeleteTenant(ctx, "hotel", whole); !errors.As(err, &p) || p.Code != "tenant.protected" {
		t.Errorf("a protected one: %v, want tenant.protected", err)
	}
	whole.Protected, whole.Version = true, 1
	if _, err := c.DeleteTenant(ctx, "hotel", whole); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("a stale version: %v, want ErrConflict", err)
	}
	whole.Version = 2
	d, err := c.DeleteTenant(ctx, "hotel", whole)
	if err != nil || d.PurgeAt == nil || !d.PurgeAt.Equal(w.now.Add(7*24*time.Hour)) {
		t.Fatalf("got %+v, %v; want it gone in seven days", d, err)
	}
	left, err := c.Tenant(ctx, "hotel")
	if err != nil || !left.Disabled || left.PurgeAt == nil {
		t.Errorf("got %+v, %v; want it disabled", left, err)
	}
	if back, err := c.UpdateTenant(ctx, "hotel", adminclient.Patch{"disabled": false}, 0); err != nil || back.PurgeAt != nil || back.Disabled {
		t.Errorf("enabled: %+v, %v; want the deletion undone", back, err)
	}
}
