package admin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

func TestClientLifeCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "clients:read", "clients:write")
	ctx := t.Context()
	made, err := c.CreateClient(ctx, "hotel", adminclient.NewClient{
		ClientSettings: adminclient.ClientSettings{
			Name: "Nightly export", Labels: map[string]string{"team": "billing"}, AllowFrom: []string{"10.0.0.0/8"},
			Limits: adminclient.Limits{TokensPerMinute: 60},
			Grants: []adminclient.Grant{{ResourceServer: "api", Scopes: []string{"orders/read"}}},
		},
		Secret: &adminclient.NewSecret{Name: "first", ExpiresIn: 3600},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !secret.WellFormed(made.ClientSecret) || made.ClientSecret[:10] != "mint_test_" || made.Version != 1 {
		t.Errorf("made %+v: want a secret that says test, and version 1", made.RegisteredClient)
	}
	want := adminclient.ClientSettings{
		Name: "Nightly export", GrantTypes: []string{"client_credentials"}, DefaultScope: []string{"*"},
		Labels: map[string]string{"team": "billing"}, AllowFrom: []string{"10.0.0.0/8"},
		Limits: adminclient.Limits{TokensPerMinute: 60},
		Grants: []adminclient.Grant{{ResourceServer: api, Scopes: []string{"orders/read"}}},
	}
	if diff := cmp.Diff(want, made.ClientSettings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	got, err := c.Client(ctx, "hotel", made.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made.RegisteredClient, *got); diff != "" {
		t.Errorf("read back (-made +read):\n%s", diff)
	}
	if s := got.Secrets[0]; s.Name != "first" || s.State != "active" || s.ExpiresAt == nil || !s.ExpiresAt.Equal(w.now.Add(time.Hour)) {
		t.Errorf("secret %+v", s)
	}

	patched, err := c.UpdateClient(ctx, "hotel", made.ClientID, adminclient.Patch{
		"disabled": true, "disabled_reason": "left", "labels": map[string]any{"team": nil, "tier": "1"},
		"allow_from": nil, "default_scope": []string{}, "limits": map[string]any{"introspections_per_minute": 6000}, "token": map[string]any{"lifetime": 60},
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want.Labels, want.AllowFrom, want.DefaultScope = map[string]string{"tier": "1"}, nil, []string{}
	want.Token.Lifetime, want.Limits.IntrospectionsPerMinute = 60, 6000
	if diff := cmp.Diff(want, patched.ClientSettings); diff != "" || !patched.Disabled || patched.DisabledReason != "left" || patched.Version != 2 {
		t.Errorf("patched %+v (-want +got):\n%s", patched, diff)
	}
	if _, err := c.UpdateClient(ctx, "hotel", made.ClientID, adminclient.Patch{"disabled": false}, 1); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("a stale version: %v, want ErrConflict", err)
	}

	for named, err := range c.Clients(ctx, "hotel", adminclient.List{Name: "Nightly export"}) {
		if err != nil || named.ClientID != made.ClientID {
			t.Errorf("by name: %+v, %v", named, err)
		}
	}
	if err := c.DeleteClient(ctx, "hotel", made.ClientID, 0); err != nil {
		t.Fatal(err)
	}
	var p *adminclient.Problem
	if _, err := c.Client(ctx, "hotel", made.ClientID); !errors.Is(err, mintage.ErrNotFound) || !errors.As(err, &p) || p.TraceID == "" {
		t.Errorf("after deletion: %v, want ErrNotFound with a trace id", err)
	}
	checkAudit(t, w, made.ClientSecret)
}

// The audit log says who, from where, with what, and never a secret (AD-14).
func checkAudit(t *testing.T, w *world, plain string) {
	t.Helper()
	es, err := w.manager.Events(t.Context(), manage.EventQuery{Tenant: "hotel", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range es {
		if e.Via == "cli" {
			actions = append(actions, e.Action)
			if e.Actor.Tenant != "hotel" || e.Actor.ClientID == "" || e.Actor.Address != "127.0.0.1" || !strings.HasPrefix(e.TraceID, "req_") {
				t.Errorf("audit row %s by %+v, trace %q", e.Action, e.Actor, e.TraceID)
			}
		}
		if strings.Contains(string(e.Before)+string(e.After), plain[:40]) {
			t.Errorf("audit row %s holds the secret", e.Action)
		}
	}
	if want := []string{"client.delete", "token.revoke", "client.update", "client.create"}; !slices.Equal(actions, want) {
		t.Errorf("audit log of the command line: %q, want %q", actions, want)
	}
	if strings.Contains(w.log.String(), plain[:40]) {
		t.Error("the log holds the secret")
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, mintage.BuiltInTenant, "clients:read", "clients:write")
	ctx := t.Context()
	id := w.client(t, "hotel", api, "orders/read").ID
	made, err := c.AddSecret(ctx, "hotel", id, adminclient.NewSecret{Name: "second", NoExpiry: true})
	if err != nil || !secret.WellFormed(made.ClientSecret) || made.ClientID != id || made.Hint != secret.Hint(made.ClientSecret) {
		t.Fatalf("made %v, %v", made, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", slog.Any("secret", made))
	if strings.Contains(log.String(), made.ClientSecret) {
		t.Errorf("logging a CreatedSecret shows the secret: %s", &log)
	}
	if _, err := c.AddSecret(ctx, "hotel", id, adminclient.NewSecret{Name: "second"}); !errors.Is(err, mintage.ErrExists) {
		t.Errorf("a label twice: %v, want ErrExists", err)
	}
	if err := c.RevokeSecret(ctx, "hotel", id, "2026-11-21", false); err != nil {
		t.Fatal(err)
	}
	var p *adminclient.Problem
	if err := c.RevokeSecret(ctx, "hotel", id, "second", false); !errors.As(err, &p) || p.Code != "secret.last" || p.Status != http.StatusConflict {
		t.Errorf("the last secret: %v, want secret.last", err)
	}
	if err := c.RevokeSecret(ctx, "hotel", id, made.ID, true); err != nil {
		t.Errorf("the last secret on purpose: %v", err)
	}
	states := map[string]string{}
	for s, err := range c.Secrets(ctx, "hotel", id, adminclient.List{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		states[s.Name] = s.State
	}
	if want := map[string]string{"2026-11-21": "revoked", "second": "revoked"}; !cmp.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
	if _, err := c.AddSecret(ctx, "hotel", "none", adminclient.NewSecret{}); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such client: %v, want ErrNotFound", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "keys:read", "keys:write")
	ctx := t.Context()
	fresh, err := c.RotateKey(ctx, "hotel", adminclient.KeyRotation{})
	if err != nil || fresh.State != "next" || fresh.Alg != "ES256" || !bytes.Contains(fresh.JWK, []byte(fresh.KID)) {
		t.Fatalf("rotated to %+v, %v; want a next key of the tenant's algorithm", fresh, err)
	}
	zero := int64(0)
	if now, err := c.RotateKey(ctx, "hotel", adminclient.KeyRotation{Wait: &zero}); err != nil || now.State != "active" {
		t.Errorf("rotated at once: %+v, %v; want an active key", now, err)
	}
	var p *adminclient.Problem
	bad := int64(-1)
	if _, err := c.RotateKey(ctx, "hotel", adminclient.KeyRotation{Wait: &bad}); !errors.As(err, &p) || p.Status != http.StatusBadRequest {
		t.Errorf("a wait below zero: %v, want 400", err)
	}
	n := 0
	for k, err := range c.Keys(ctx, "hotel", adminclient.List{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if bytes.Contains(k.JWK, []byte(`"d"`)) { // KY-03
			t.Errorf("key %s shows its private half", k.KID)
		}
	}
	if n != 3 {
		t.Errorf("%d keys, want 3", n)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "tokens:read", "tokens:write")
	ctx := t.Context()
	owner := w.client(t, "hotel", api, "orders/read")
	check := func(name, token, reason string) {
		t.Helper()
		info, err := c.IntrospectToken(ctx, "hotel", token)
		if err != nil || info.Active != (reason == "") || info.Reason != reason {
			t.Errorf("%s: %+v, %v; want the reason %q", name, info, err, reason)
		}
	}
	for _, format := range []mintage.TokenFormat{mintage.FormatJWT, mintage.FormatStored} {
		one, two, three := w.mint(t, owner, format), w.mint(t, owner, format), w.mint(t, owner, format)
		info, err := c.IntrospectToken(ctx, "hotel", one.Value)
		want := adminclient.TokenInfo{Format: string(format), Introspection: oauth.Introspection{
			Active: true, Scope: oauth.NewScope("orders/read"), ClientID: owner.ID, Subject: owner.ID, TokenType: "Bearer",
			IssuedAt: w.now.Unix(), Expires: w.now.Add(time.Hour).Unix(), Audience: oauth.Audience{api},
			Issuer: "https://hotel.example", ID: one.JTI,
		}}
		if err != nil || !cmp.Equal(*info, want) {
			t.Errorf("%s: got %+v, %v; want %+v", format, info, err, want)
		}
		if err := c.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{Token: one.Value}); err != nil {
			t.Fatal(err)
		}
		check("revoked by itself", one.Value, "token.revoked")
		if err := c.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{ID: two.JTI}); err != nil {
			t.Fatal(err)
		}
		check("revoked by jti", two.Value, "token.revoked")
		check("not revoked", three.Value, "")
		for range 2 {
			if err := c.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{Token: one.Value}); err != nil {
				t.Errorf("revoked again: %v", err)
			}
		}
	}
	made, err := w.manager.CreateClient(ctx, manage.Server(), &mintage.Client{
		Tenant: "hotel", Name: "Cognito", Token: mintage.TokenSettings{Claims: mintage.ClaimsCognito},
		Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"*"}}},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	check("of a profile without aud and typ", w.mint(t, made.Client, "").Value, "")
	elsewhere := w.mint(t, w.client(t, "other", api, "orders/read"), "")
	check("of another tenant", elsewhere.Value, "token.issuer")
	check("no token", "x", "token.malformed")
	mine := w.mint(t, owner, "")
	if err := c.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{ClientID: owner.ID}); err != nil {
		t.Fatal(err)
	}
	check("revoked with its client", mine.Value, "token.revoked")
	if err := c.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{ClientID: "none"}); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("no such client: %v, want ErrNotFound", err)
	}
	fresh := w.mint(t, w.client(t, "hotel", api, "orders/read"), mintage.FormatStored)
	w.now = w.now.Add(59 * time.Minute)
	check("nearly expired", fresh.Value, "")
}

func TestState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, mintage.BuiltInTenant, "state:write", "clients:read")
	c.Via = "apply"
	ctx := t.Context()
	r := adminclient.StateRequest{Source: "apply tenants.yaml", State: json.RawMessage(`{"apiVersion":"mintage/v1",
		"tenants":[{"id":"new","issuer":"https://new.example"}],
		"resource_servers":[{"identifier":"https://api.example","tenants":["new","hotel"],"scopes":{"orders/read":"Read"}}],
		"clients":[{"id":"desk","name":"Desk","tenants":["new"],"grants":[{"resource_server":"https://api.example","scopes":["*"]}],
			"secrets":[{"name":"a","value":{"text":"correct horse battery staple"}}]}]}`)}
	plan, err := c.PlanState(ctx, r)
	if err != nil || plan.Hash == "" || plan.Secrets != 1 || len(plan.Changes) != 4 {
		t.Fatalf("plan %+v, %v; want 4 changes and a secret", plan, err)
	}
	if b, _ := json.Marshal(plan); bytes.Contains(b, []byte("horse")) {
		t.Errorf("the plan shows the secret: %s", b)
	}
	r.Hash = plan.Hash
	if _, err := c.ApplyState(ctx, r); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ApplyState(ctx, r); !errors.Is(err, mintage.ErrConflict) {
		t.Errorf("the plan of before: %v, want ErrConflict", err)
	}
	r.Hash = ""
	if again, err := c.ApplyState(ctx, r); err != nil || len(again.Changes) != 0 {
		t.Errorf("applied twice: %+v, %v; want no change", again, err)
	}
	own := adminclientFor(t, w, "hotel", "state:write")
	if _, err := own.PlanState(ctx, r); err == nil {
		t.Error("AD-01: a tenant's own administrator plans another tenant")
	}
	r.State = json.RawMessage(`{"apiVersion":"mintage/v1","clients":[{"id":"x","name":"X","tenants":["other"]}]}`)
	if _, err := own.PlanState(ctx, r); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("AD-01: another tenant: %v, want ErrNotFound", err)
	}
	r.State = json.RawMessage(`{"apiVersion":"mintage/v1","clients":[{"id":"x","name":"X","tenants":["hotel"],
		"grants":[{"resource_server":"urn:mintage:admin","scopes":["*"]}]}]}`)
	var p *adminclient.Problem
	if _, err := own.ApplyState(ctx, r); !errors.As(err, &p) || p.Status != http.StatusForbidden {
		t.Errorf("rights that the actor has not: %v, want 403", err)
	}
	if strings.Contains(w.log.String(), "horse") {
		t.Error("the log holds the secret")
	}
}

func TestResourceServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := adminclientFor(t, w, "hotel", "resource_servers:read", "tenants:read")
	rs, err := c.ResourceServer(t.Context(), "hotel", api)
	if err != nil || rs.Name != "api" || len(rs.Scopes) != 2 || rs.BuiltIn {
		t.Errorf("got %+v, %v", rs, err)
	}
	built, err := c.ResourceServer(t.Context(), "hotel", mintage.AdminResource)
	if err != nil || !built.BuiltIn {
		t.Errorf("got %+v, %v; want the built-in one", built, err)
	}
	n := 0
	for _, err := range c.ResourceServers(t.Context(), "hotel", adminclient.List{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	tn, err := c.Tenant(t.Context(), "hotel")
	if err != nil || n != 2 || tn.TokenPaths["/oauth2/token"] != "rfc" || tn.SecretOverlap != 86400 {
		t.Errorf("%d resource servers, tenant %+v, %v; want 2, and what holds where nothing is set", n, tn, err)
	}
}
