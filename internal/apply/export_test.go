package apply_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/yamlfile"
	"github.com/mintage-auth/mintage/oauth"
)

// exported is a live state with something of everything.
func exported() apply.Live {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return apply.Live{
		Tenants: []*mintage.Tenant{
			{ID: mintage.BuiltInTenant, Issuer: "https://admin.example"},
			{ID: "prod", Issuer: "https://auth.example", Aliases: []string{"auth.internal"}, Protected: true, SecretLifetime: 90 * 24 * time.Hour},
			{ID: "twin", Issuer: "https://twin.example", TokenPaths: map[string]string{"/oauth2/token": "rfc"}},
		},
		Organizations: []*mintage.Organization{{
			Tenant: "prod", ID: "acme", Name: "Acme", MaxClients: 5, Grants: []mintage.Grant{{ResourceServer: "https://api.example", Scopes: []string{"a"}}},
		}},
		ResourceServers: []*mintage.ResourceServer{
			{Tenant: "prod", Identifier: mintage.AdminResource, Name: "mintage"},
			{Tenant: "twin", Identifier: mintage.AdminResource, Name: "mintage"},
			{Tenant: "prod", Identifier: "https://api.example", Name: "api", Scopes: []mintage.ScopeDefinition{{Name: "a"}, {Name: "b", Description: "yes"}}},
		},
		Clients: []*mintage.Client{
			{
				Tenant: "prod", ID: "one", Name: "One: #1", Organization: "acme", GrantTypes: []oauth.GrantType{oauth.ClientCredentials},
				DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeList, Scopes: oauth.NewScope("a")},
				Grants:       []mintage.Grant{{ResourceServer: "https://api.example", Scopes: []string{"a", "b"}}},
				Labels:       map[string]string{"y": "no", "n": "12"},
				Secrets: []mintage.Secret{
					{Name: "live one", Hash: "hash-that-stays", Created: now, Expires: now.Add(48 * time.Hour)},
					{Name: "over", Hash: "hash-that-stays", Created: now, Expires: now.Add(time.Hour)},
					{Name: "revoked", Hash: "hash-that-stays", Revoked: now},
				},
			},
			{
				Tenant: "prod", ID: "keyed", Name: "keyed", GrantTypes: []oauth.GrantType{oauth.ClientCredentials},
				AuthMethods: []string{oauth.AuthPrivateKeyJWT, oauth.AuthBasic}, JWKS: publicKeys("2026", "2027"),
			},
			{
				Tenant: "prod", ID: "far", Name: "far", GrantTypes: []oauth.GrantType{oauth.ClientCredentials},
				AuthMethods: []string{oauth.AuthPrivateKeyJWT}, JWKSURI: "https://far.example/jwks.json",
			},
			{Tenant: "prod", ID: "two", Name: "two", Disabled: true, DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeNone}},
		},
	}
}

// TestExportReads holds that an export is a file that apply takes, says the
// same, and has no secret, no hash and nothing that is built in.
func TestExportReads(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	state := apply.Export(exported(), now)
	doc, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yamlfile.FromJSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"hash-that-stays", "over", "revoked", mintage.AdminResource, "admin.example"} {
		if strings.Contains(string(text), no) {
			t.Errorf("the export has %q:\n%s", no, text)
		}
	}
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	parsed, err := apply.Parse(file)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	again, err := json.Marshal(parsed.State)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(doc) {
		t.Errorf("read back\n%s\nwant\n%s", again, doc)
	}
	if got := state.Clients[0].Secrets; len(got) != 1 || got[0].Value.Env != "TODO_PROD_ONE_LIVE_ONE" || got[0].Expires.String() != "2d" {
		t.Errorf("secrets %+v", got)
	}
}

func TestCompareTwins(t *testing.T) {
	t.Parallel()
	live := exported()
	live.Clients = append(live.Clients,
		&mintage.Client{Tenant: "twin", ID: "two", Name: "two"}, &mintage.Client{Tenant: "twin", ID: "three", Name: "three"})
	got := apply.RenderComparison(apply.Compare(live, "prod", "twin"), "prod", "twin")
	const want = `~ tenant prod              secret.expires  - 90d
- api https://api.example  only in prod
- organization acme        only in prod
- client far               only in prod
- client keyed             only in prod
- client one               only in prod
+ client three
~ client two               default_scope   - none
                           disabled        - true
5 only in prod, 1 only in twin, 2 different
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !apply.Compare(live, "prod", "prod").Empty() {
		t.Error("a tenant differs from itself")
	}
}
