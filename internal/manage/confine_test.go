package manage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
)

// organizations makes two of hotel's: acme may grant orders/read to three
// clients.
func (w *world) organizations(t *testing.T) {
	t.Helper()
	w.hotel(t, "hotel")
	for _, o := range []*mintage.Organization{
		{Tenant: "hotel", ID: "acme", Name: "Acme", MaxClients: 3, Grants: []mintage.Grant{
			{ResourceServer: "https://api.example", Scopes: []string{"orders/read"}},
		}},
		{Tenant: "hotel", ID: "rival", Name: "Rival"},
	} {
		if _, err := w.CreateOrganization(t.Context(), owner(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func reading(scopes ...string) []mintage.Grant {
	return []mintage.Grant{{ResourceServer: "https://api.example", Scopes: scopes}}
}

// AD-01: to a member of one organization, the clients of another are not there,
// by any use case, and neither is what belongs to none.
func TestAnotherOrganizationsClient(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.organizations(t)
	other, err := w.CreateTenant(ctx, owner(), &mintage.Tenant{ID: "other", Issuer: "https://other.example"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.CreateClient(ctx, memberBy("acme", mintage.RoleDeveloper), &mintage.Client{
		Tenant: "hotel", Name: "Ours", Grants: reading("orders/read"),
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	if made.Client.Organization != "acme" {
		t.Fatalf("the client belongs to %q", made.Client.Organization)
	}
	id, secret, ks := made.Client.ID, made.Label.ID, w.keysOf(t)
	by := memberBy("rival", mintage.RoleAdmin)
	rows := len(w.events(t))
	change := func(c *mintage.Client) error { c.Organization, c.Name = "rival", "Stolen"; return nil }
	for name, err := range map[string]error{
		"update":            errOf(w.UpdateClient(ctx, by, "hotel", id, 0, change)),
		"update at version": errOf(w.UpdateClient(ctx, by, "hotel", id, 99, change)),
		"delete":            w.DeleteClient(ctx, by, "hotel", id, 0),
		"delete at version": w.DeleteClient(ctx, by, "hotel", id, 99),
		"add secret":        errOf(w.AddSecret(ctx, by, "hotel", id, manage.NewSecret{})),
		"rotate":            errOf(w.RotateSecret(ctx, by, "hotel", id, manage.Rotation{})),
		"complete":          errOf(w.CompleteRotation(ctx, by, "hotel", id)),
		"cancel":            errOf(w.CancelRotation(ctx, by, "hotel", id)),
		"pause":             errOf(w.BrownOut(ctx, by, "hotel", id, secret, time.Minute)),
		"revoke secret":     w.RevokeSecret(ctx, by, "hotel", id, secret, true),
		"revoke tokens":     w.RevokeClientTokens(ctx, by, "hotel", id, w.now),
		"revoke token":      w.RevokeToken(ctx, by, "hotel", "jti", id, w.now.Add(time.Hour)),
		"create elsewhere":  errOf(w.CreateClient(ctx, by, &mintage.Client{Tenant: other.ID, Name: "X"}, manage.NewSecret{})),
		"create for them":   errOf(w.CreateClient(ctx, by, &mintage.Client{Tenant: "hotel", Organization: "acme", Name: "X"}, manage.NewSecret{})),
		"tenant":            errOf(w.UpdateTenant(ctx, by, "hotel", 0, func(t *mintage.Tenant) error { t.Protected = true; return nil })),
		"new tenant":        errOf(w.CreateTenant(ctx, by, &mintage.Tenant{ID: "mine", Issuer: "https://mine.example"})),
		"drop tenant":       errOf(w.DeleteTenant(ctx, by, "other", manage.TenantDeletion{Protected: true})),
		"resource server": errOf(w.CreateResourceServer(ctx, by, &mintage.ResourceServer{
			Tenant: "hotel", Identifier: "https://mine.example", Scopes: []mintage.ScopeDefinition{{Name: "x"}},
		})),
		"drop resource server": w.DeleteResourceServer(ctx, by, "hotel", "https://api.example", 0, manage.Cascade),
		"organization":         errOf(w.UpdateOrganization(ctx, by, "hotel", "rival", 0, func(o *mintage.Organization) error { o.MaxClients = 9; return nil })),
		"drop organization":    w.DeleteOrganization(ctx, by, "hotel", "acme", 0),
		"key":                  errOf(w.RotateKey(ctx, by, "hotel", mintage.DefaultTokenAlg, 0)),
		"kill key":             errOf(w.KillKey(ctx, by, "hotel", ks)),
		"plan":                 errOf(w.Plan(ctx, by, manage.Declared{State: &apply.State{APIVersion: apply.APIVersion}, Source: "f"})),
	} {
		if !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := len(w.events(t)); now != rows {
		t.Errorf("%d audit rows of refused changes", now-rows)
	}
	got, err := w.Client(ctx, "hotel", id)
	if err != nil || got.Version != made.Client.Version || got.Name != "Ours" {
		t.Errorf("the client is %+v (%v)", got, err)
	}
	// Their own are theirs, by the same use cases.
	own := memberBy("acme", mintage.RoleDeveloper)
	if _, err := w.RotateSecret(ctx, own, "hotel", id, manage.Rotation{}); err != nil {
		t.Error(err)
	}
	if err := w.RevokeClientTokens(ctx, own, "hotel", id, w.now); err != nil {
		t.Error(err)
	}
	if err := w.DeleteClient(ctx, own, "hotel", id, 0); err != nil {
		t.Error(err)
	}
}

// keysOf returns the identifier of a key of hotel.
func (w *world) keysOf(t *testing.T) string {
	t.Helper()
	ks, err := w.SigningKeys(t.Context(), "hotel")
	if err != nil || len(ks) == 0 {
		t.Fatalf("no key (%v)", err)
	}
	return ks[0].ID
}

// What a member gives their clients stays within what the organization was
// granted, and is an operator's to widen.
func TestOrganizationGrants(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.organizations(t)
	by := memberBy("acme", mintage.RoleAdmin)
	create := func(c mintage.Client) (*manage.Credentials, error) {
		c.Tenant, c.Name = "hotel", "Self-service"
		return w.CreateClient(ctx, by, &c, manage.NewSecret{})
	}
	admin := []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"clients:read"}}}
	for name, c := range map[string]mintage.Client{
		"another scope":        {Grants: reading("orders/read", "orders/write")},
		"all scopes":           {Grants: reading(mintage.AllScopes)},
		"by its name":          {Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"orders/write"}}}},
		"administration":       {Grants: admin},
		"a lifetime":           {Grants: reading("orders/read"), Token: mintage.TokenSettings{Lifetime: 24 * time.Hour}},
		"limits":               {Grants: reading("orders/read"), Limits: mintage.Limits{TokensPerMinute: 1e6}},
		"a ladder":             {Grants: reading("orders/read"), Ladder: map[mintage.Rung]mintage.LadderState{mintage.RungQueryCredentials: mintage.LadderAllow}},
		"several resource srv": {Grants: reading("orders/read"), MultiAudience: true},
	} {
		if _, err := create(c); reason(err) != "organization.not_granted" && reason(err) != "scope.not_granted" {
			t.Errorf("%s: %v", name, err)
		}
	}
	made, err := create(mintage.Client{Grants: reading("orders/read"), Labels: map[string]string{"team": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	id := made.Client.ID
	update := func(by manage.By, change func(*mintage.Client)) error {
		_, err := w.UpdateClient(ctx, by, "hotel", id, 0, func(c *mintage.Client) error { change(c); return nil })
		return err
	}
	for name, change := range map[string]func(*mintage.Client){
		"widen":           func(c *mintage.Client) { c.Grants = reading("orders/read", "orders/write") },
		"administer":      func(c *mintage.Client) { c.Grants = append(c.Grants, admin...) },
		"move":            func(c *mintage.Client) { c.Organization = "rival" },
		"let go":          func(c *mintage.Client) { c.Organization = "" },
		"live for longer": func(c *mintage.Client) { c.Token.Lifetime = 24 * time.Hour },
	} {
		if got := reason(update(by, change)); got != "organization.not_granted" && got != "scope.not_granted" {
			t.Errorf("%s: %q", name, got)
		}
	}
	// That a client gets bound tokens alone is theirs to want, and not to undo.
	bound := func(yes bool) func(*mintage.Client) { return func(c *mintage.Client) { c.DPoPBoundAccessTokens = yes } }
	if err := update(by, bound(true)); err != nil {
		t.Error(err)
	}
	if got := reason(update(by, bound(false))); got != "organization.not_granted" {
		t.Errorf("a member takes the binding away: %q", got)
	}
	// What an operator gave beyond it stays when a member renames the client.
	if err := update(owner(), func(c *mintage.Client) { c.Grants = reading("orders/read", "orders/write") }); err != nil {
		t.Fatal(err)
	}
	if err := update(by, func(c *mintage.Client) { c.Name = "Renamed" }); err != nil {
		t.Error(err)
	}
	for i := range 3 {
		_, err := create(mintage.Client{Grants: reading("orders/read")})
		if want := map[bool]string{true: "organization.limit"}[i == 2]; reason(err) != want {
			t.Errorf("client %d: %v", i+2, err)
		}
	}
	if _, err := w.CreateClient(ctx, owner(), &mintage.Client{Tenant: "hotel", Organization: "acme", Name: "By an operator"}, manage.NewSecret{}); err != nil {
		t.Errorf("an operator is bound by the organization's limit: %v", err)
	}
}
