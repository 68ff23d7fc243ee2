package manage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/store"
)

// AD-09: one administrator, made once.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	const url = "http://127.0.0.1:9401"
	if _, err := w.Bootstrap(t.Context(), url, func(*manage.Credentials) error { return errors.New("disk full") }); err == nil {
		t.Fatal("credentials that cannot be kept are no error")
	}
	if n := len(w.events(t)); n != 0 {
		t.Fatalf("a bootstrap that failed left %d audit rows", n)
	}
	var kept string
	made, err := w.Bootstrap(t.Context(), url, func(c *manage.Credentials) error { kept = c.Secret; return nil })
	if err != nil || made == nil || made.Secret != kept {
		t.Fatalf("got %v and %v, want the credentials that were kept", made, err)
	}
	if made.Secret[:10] != "mint_live_" || !made.Label.Expires.IsZero() {
		t.Errorf("secret %s, which expires %v: want a live one without an end", made.Label.Hint, made.Label.Expires)
	}
	tenant, err := w.Tenant(t.Context(), mintage.BuiltInTenant)
	if err != nil || tenant.Issuer != url || !tenant.BuiltIn() {
		t.Errorf("built-in tenant %+v, error %v", tenant, err)
	}
	if again, err := w.Bootstrap(t.Context(), url, nil); again != nil || err != nil {
		t.Errorf("the second time: %v, %v; want nothing", again, err)
	}
	if _, err := w.Bootstrap(t.Context(), "https://other.example", nil); err == nil || !strings.Contains(err.Error(), url) {
		t.Errorf("another admin URL: got %v, want an error that names the old one", err)
	}
	if err := w.SetAdminURL(t.Context(), "https://other.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Bootstrap(t.Context(), "https://other.example", nil); err != nil {
		t.Errorf("after SetAdminURL: %v", err)
	}
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	w = open(t, dir) // a restart
	if again, err := w.Bootstrap(t.Context(), "https://other.example", nil); again != nil || err != nil {
		t.Errorf("after a restart: %v, %v; want nothing", again, err)
	}
	if err := w.verify(t, mintage.BuiltInTenant, made.Client.ID, kept); err != nil {
		t.Errorf("after a restart the secret is refused: %v", err)
	}
}

func TestCreateTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant, err := w.CreateTenant(t.Context(), admin(), &mintage.Tenant{
		ID: "hotel", Issuer: "https://hotel.example", TokenPaths: map[string]string{"/oauth2/token": "cognito"},
	})
	if err != nil || tenant.Version != 1 {
		t.Fatalf("got %+v, %v", tenant, err)
	}
	rs, err := w.ResourceServer(t.Context(), "hotel", mintage.AdminResource)
	if err != nil || len(rs.Scopes) != len(manage.AdminScopes()) {
		t.Errorf("built-in resource server %+v, error %v", rs, err)
	}
	if got := w.algs(t, "hotel"); !slices.Equal(got, []string{"ES256", "RS256"}) {
		t.Errorf("keys of %q, want the default's and the cognito dialect's", got)
	}
	for name, bad := range map[string]struct {
		tenant mintage.Tenant
		want   error
	}{
		"same identifier": {mintage.Tenant{ID: "hotel", Issuer: "https://other.example"}, mintage.ErrExists},
		"built-in":        {mintage.Tenant{ID: "mintage", Issuer: "https://other.example"}, mintage.ErrExists},
	} {
		if _, err := w.CreateTenant(t.Context(), admin(), &bad.tenant); !errors.Is(err, bad.want) {
			t.Errorf("%s: got %v, want %v", name, err, bad.want)
		}
	}
	if _, err := w.CreateTenant(t.Context(), admin(), &mintage.Tenant{ID: "x", Issuer: "http://x.example"}); len(mintage.FieldErrors(err)) == 0 {
		t.Errorf("an issuer without TLS: got %v, want a field error", err)
	}
}

// A place belongs to one tenant; tenants may share a host, an alias too.
func TestPlacesOfTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	if _, err := w.Bootstrap(ctx, "https://admin.example", nil); err != nil {
		t.Fatal(err)
	}
	create := func(id, issuer string, aliases ...string) error {
		_, err := w.CreateTenant(ctx, admin(), &mintage.Tenant{ID: id, Issuer: issuer, Aliases: aliases})
		return err
	}
	if err := errors.Join(create("one", "https://h.example", "alt.example"), create("two", "https://h.example/two", "alt.example")); err != nil {
		t.Fatalf("two tenants at one alias: %v", err)
	}
	refused := func(name string, err error, who string) {
		t.Helper()
		rule, ok := errors.AsType[*manage.Refusal](err)
		if !ok || rule.Reason != "object.exists" || !strings.Contains(rule.Message, who) {
			t.Errorf("%s: got %v, want a refusal that names %s", name, err, who)
		}
	}
	refused("the same issuer", create("three", "https://h.example"), "the tenant one")
	refused("an alias at an issuer", create("three", "https://three.example", "h.example"), "the tenant one")
	refused("an issuer at an alias", create("three", "https://alt.example/two"), "the tenant two")
	refused("the host of the admin URL as an alias", create("three", "https://three.example", "admin.example"), "the tenant mintage")
	refused("the admin URL", create("three", "https://admin.example"), "the tenant mintage")
	if err := create("three", "https://admin.example/three", "h.example:8443"); err != nil {
		t.Errorf("another path and another port: %v", err)
	}
	_, err := w.UpdateTenant(ctx, admin(), "two", 0, func(t *mintage.Tenant) error { t.Issuer = "https://alt.example"; return nil })
	refused("an update", err, "the tenant one")
	refused("the admin URL at a tenant's alias", w.SetAdminURL(ctx, "https://alt.example"), "the tenant one")
	own := admin()
	own.Actor.Tenant = "two"
	_, err = w.UpdateTenant(ctx, own, "two", 0, func(t *mintage.Tenant) error { t.Issuer = "https://alt.example"; return nil })
	refused("an administrator of one tenant", err, "another tenant answers")
}

// algs returns the algorithms in which a tenant signs now.
func (w *world) algs(t *testing.T, tenant string) []string {
	t.Helper()
	ks, err := w.SigningKeys(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	var algs []string
	for _, k := range ks {
		if k.State(w.now) == mintage.KeyActive {
			algs = append(algs, k.Alg)
		}
	}
	slices.Sort(algs)
	return algs
}

func TestBuiltInObjectsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.Bootstrap(t.Context(), "http://127.0.0.1:9401", nil); err != nil {
		t.Fatal(err)
	}
	w.hotel(t, "hotel")
	for name, err := range map[string]error{
		"tenant":          second(w.UpdateTenant(t.Context(), admin(), "mintage", 0, func(t *mintage.Tenant) error { t.Disabled = true; return nil })),
		"delete tenant":   second(w.DeleteTenant(t.Context(), admin(), "mintage", manage.TenantDeletion{Protected: true})),
		"resource server": second(w.UpdateResourceServer(t.Context(), admin(), "hotel", mintage.AdminResource, 0, manage.OnlyUnused, func(*mintage.ResourceServer) error { return nil })),
		"delete it":       w.DeleteResourceServer(t.Context(), admin(), "hotel", mintage.AdminResource, 0, manage.OnlyUnused),
		"add one":         second(w.CreateResourceServer(t.Context(), admin(), &mintage.ResourceServer{Tenant: "mintage", Identifier: "https://x.example"})),
	} {
		var rule *manage.Refusal
		if !errors.As(err, &rule) || rule.Reason != "object.built_in" {
			t.Errorf("%s: got %v, want object.built_in", name, err)
		}
	}
}

// TestUpgradeOfAdminScopes holds that a start with a build that has other admin
// scopes gives them to each tenant, and that one that was interrupted goes on.
func TestUpgradeOfAdminScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	if _, err := w.Bootstrap(ctx, "http://127.0.0.1:9401", nil); err != nil {
		t.Fatal(err)
	}
	tenants := []string{mintage.BuiltInTenant, "hotel", "other"}
	for _, id := range tenants[1:] {
		if _, err := w.CreateTenant(ctx, admin(), &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example"}); err != nil {
			t.Fatal(err)
		}
	}
	outdate := func(ids ...string) {
		err := w.Store.Update(ctx, func(tx store.Tx) error {
			for _, id := range ids {
				rs, err := tx.ResourceServer(ctx, id, mintage.AdminResource)
				if err != nil {
					return err
				}
				rs.Scopes = rs.Scopes[:3]
				if err := tx.UpdateResourceServer(ctx, rs); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, outdated := range map[string][]string{"all": tenants, "interrupted": {mintage.BuiltInTenant, "other"}} {
		outdate(outdated...)
		if _, err := w.Bootstrap(ctx, "http://127.0.0.1:9401", nil); err != nil {
			t.Fatal(err)
		}
		for _, id := range tenants {
			rs, err := w.ResourceServer(ctx, id, mintage.AdminResource)
			if err != nil {
				t.Fatal(err)
			}
			if len(rs.Scopes) != len(manage.AdminScopes()) {
				t.Errorf("%s: tenant %s has %d admin scopes, want %d", name, id, len(rs.Scopes), len(manage.AdminScopes()))
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestUpdateAndDeleteTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	w.now = w.now.Add(time.Hour)
	got, err := w.UpdateTenant(t.Context(), admin(), "hotel", 1, func(t *mintage.Tenant) error {
		t.Protected, t.Token.Alg = true, "RS256"
		return nil
	})
	if err != nil || got.Version != 2 || !slices.Equal(w.algs(t, "hotel"), []string{"ES256", "RS256"}) {
		t.Errorf("got %+v, %v with keys of %q; want version 2 and the key that it needs now", got, err, w.algs(t, "hotel"))
	}
	var rule *manage.Refusal
	if _, err := w.DeleteTenant(t.Context(), admin(), "hotel", manage.TenantDeletion{Version: 2}); !errors.As(err, &rule) || rule.Reason != "tenant.protected" {
		t.Errorf("a protected tenant: got %v, want tenant.protected", err)
	}
	if _, err := w.DeleteTenant(t.Context(), admin(), "hotel", manage.TenantDeletion{Version: 2, Protected: true}); !errors.As(err, &rule) || rule.Reason != "object.in_use" {
		t.Errorf("a tenant with a resource server: got %v, want object.in_use", err)
	}
	if err := w.DeleteResourceServer(t.Context(), admin(), "hotel", "https://api.example", 1, manage.OnlyUnused); err != nil {
		t.Fatal(err)
	}
	if left, err := w.DeleteTenant(t.Context(), admin(), "hotel", manage.TenantDeletion{Version: 2, Protected: true}); err != nil || left != nil {
		t.Errorf("an empty tenant: %v", err)
	}
	if _, err := w.Tenant(t.Context(), "hotel"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("after deletion: got %v, want ErrNotFound", err)
	}
}

func TestResourceServersAndOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	rs, err := w.UpdateResourceServer(t.Context(), admin(), "hotel", "https://api.example", 1, manage.OnlyUnused, func(rs *mintage.ResourceServer) error {
		rs.Scopes = append(rs.Scopes, mintage.ScopeDefinition{Name: "a"})
		return nil
	})
	if err != nil || rs.Version != 2 || rs.Scopes[0].Name != "a" || len(rs.Scopes) != 3 {
		t.Errorf("got %+v, %v; want three scopes, sorted", rs, err)
	}
	o, err := w.CreateOrganization(t.Context(), admin(), &mintage.Organization{Tenant: "hotel", ID: "acme", Name: "Acme"})
	if err != nil || o.Version != 1 {
		t.Fatalf("got %+v, %v", o, err)
	}
	o, err = w.UpdateOrganization(t.Context(), admin(), "hotel", "acme", 1, func(o *mintage.Organization) error { o.Name = "Acme Hotels"; return nil })
	if err != nil || o.Name != "Acme Hotels" || o.Version != 2 {
		t.Errorf("got %+v, %v", o, err)
	}
	made, err := w.CreateClient(t.Context(), admin(), &mintage.Client{
		Tenant: "hotel", Name: "x", Organization: "acme",
		Grants: []mintage.Grant{{ResourceServer: "api", Scopes: []string{"*"}}},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	var rule *manage.Refusal
	if err := w.DeleteOrganization(t.Context(), admin(), "hotel", "acme", 0); !errors.As(err, &rule) || rule.Reason != "object.in_use" {
		t.Errorf("an organization with a client: got %v, want object.in_use", err)
	}
	if err := w.DeleteResourceServer(t.Context(), admin(), "hotel", "https://api.example", 0, manage.OnlyUnused); !errors.As(err, &rule) || rule.Reason != "object.in_use" {
		t.Errorf("a resource server with a grant: got %v, want object.in_use", err)
	}
	if err := w.DeleteClient(t.Context(), admin(), "hotel", made.Client.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteOrganization(t.Context(), admin(), "hotel", "acme", 2); err != nil {
		t.Errorf("an organization without clients: %v", err)
	}
}

// A change and its audit row are one transaction: what fails leaves neither.
func TestFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hotel(t, "hotel")
	made := w.client(t)
	before, sound := len(w.events(t)), w.Store
	broken := errors.New("the disk is full")
	w.Store = failing{Store: sound, err: broken}
	synced := w.synced.Load()
	for name, err := range map[string]error{
		"tenant": second(w.CreateTenant(t.Context(), admin(), &mintage.Tenant{ID: "x", Issuer: "https://x.example"})),
		"client": second(w.CreateClient(t.Context(), admin(), &mintage.Client{Tenant: "hotel", Name: "x"}, manage.NewSecret{})),
		"secret": second(w.AddSecret(t.Context(), admin(), "hotel", made.Client.ID, manage.NewSecret{})),
		"delete": w.DeleteClient(t.Context(), admin(), "hotel", made.Client.ID, 0),
		"rotate": second(w.RotateKey(t.Context(), admin(), "hotel", "", 0)),
		"revoke": w.RevokeToken(t.Context(), admin(), "hotel", "jti", "", time.Time{}),
	} {
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want the store's error", name, err)
		}
	}
	w.Store = sound
	if n := len(w.events(t)); n != before {
		t.Errorf("%d audit rows of changes that did not happen", n-before)
	}
	if _, err := w.Tenant(t.Context(), "x"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("a tenant that was not made: got %v, want ErrNotFound", err)
	}
	if cs, err := w.Clients(t.Context(), "hotel", "", 0); err != nil || len(cs) != 1 || len(cs[0].Secrets) != 1 {
		t.Errorf("clients %v, error %v; want the one with its one secret", cs, err)
	}
	if w.synced.Load() != synced {
		t.Error("the caches were brought up to date with nothing")
	}
}

// A store may run a transaction twice; the outcome is that of one.
func TestTransactionsRunTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sound := w.Store
	w.Store = twice{sound}
	w.hotel(t, "hotel")
	made := w.client(t)
	if _, err := w.RotateKey(t.Context(), admin(), "hotel", "", time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddSecret(t.Context(), admin(), "hotel", made.Client.ID, manage.NewSecret{}); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range slices.Backward(w.events(t)) {
		actions = append(actions, e.Action)
	}
	want := "tenant.create resource_server.create key.create resource_server.create client.create key.retire key.create secret.add"
	if got := strings.Join(actions, " "); got != want {
		t.Errorf("audit log\n got %s\nwant %s", got, want)
	}
	if err := w.verify(t, "hotel", made.Client.ID, made.Secret); err != nil {
		t.Errorf("the first secret: %v", err)
	}
	if ks, err := sound.SigningKeys(t.Context(), "hotel"); err != nil || len(ks) != 2 {
		t.Errorf("%d keys, error %v; want 2", len(ks), err)
	}
}

var _ store.Store = failing{}
