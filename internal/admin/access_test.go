package admin_test

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/manage"
)

// fill gives each pattern of the table the objects of a tenant.
func fill(path, tenant, client string) string {
	if strings.HasSuffix(path, "/compare") {
		path += "?with=hotel"
	}
	return strings.NewReplacer(
		"{tenant}", tenant, "{client}", client, "{organization}", "org-"+strings.ToLower(client[3:]), "{identifier}", "https:%2F%2Fapi.example", "{scope}", "orders%2Fread", "{secret}", "2026-11-21",
		"{trace_id}", "req_refused", "{operator}", "op_"+client[3:], "{session}", sessionOf(client),
	).Replace(path)
}

// bodies are bodies that each operation would take.
func body(op admin.Operation, client string) string {
	switch op.ID {
	case "create-tenant":
		return `{"id":"new-` + strings.ToLower(rand.Text()) + `","issuer":"https://` + strings.ToLower(rand.Text()) + `.example"}`
	case "create-client":
		return `{"name":"x"}`
	case "create-invitation":
		return `{"email":"` + strings.ToLower(rand.Text()) + `@example.com","role":"viewer"}`
	case "create-organization":
		return `{"id":"new-` + strings.ToLower(rand.Text()) + `","name":"x"}`
	case "create-resource-server":
		return `{"identifier":"urn:` + rand.Text() + `"}`
	case "add-scope":
		return `{"name":"` + rand.Text() + `"}`
	case "introspect-token":
		return `{"token":"x"}`
	case "explain-token":
		return `{"client_id":"` + client + `"}`
	case "revoke-token":
		return `{"jti":"x"}`
	case "plan-state", "apply-state":
		return `{"source":"f","state":{"apiVersion":"mintage/v1"}}`
	case "update-tenant", "update-operator", "update-organization", "update-client", "update-resource-server", "update-scope", "add-secret", "rotate-secret", "rotate-key":
		return `{}`
	case "pause-secret":
		return `{"seconds":0}`
	}
	return ""
}

// AD-01: every operation × every token that is not enough.
func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expired := w.token(t, "hotel", "*")
	w.now = w.now.Add(2 * time.Hour)
	good := w.token(t, "hotel", "*")
	all := w.token(t, mintage.BuiltInTenant, "*")
	other := w.token(t, "other", "*")
	wrongAudience := w.mint(t, w.client(t, "hotel", api, "*"), "").Value
	stored := w.mint(t, w.client(t, "hotel", mintage.AdminResource, "*"), mintage.FormatStored).Value
	disabled := w.client(t, "hotel", mintage.AdminResource, "*")
	ofDisabled := w.mint(t, disabled, "").Value
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", disabled.ID, 0, func(c *mintage.Client) error {
		c.Disabled = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	revoked := w.mint(t, w.client(t, "hotel", mintage.AdminResource, "*"), "")
	if err := w.manager.RevokeToken(t.Context(), manage.Server(), "hotel", revoked.JTI, "", revoked.Expires); err != nil {
		t.Fatal(err)
	}
	kid := w.spareKey(t, "hotel")
	w.refused(t, &mintage.RequestRecord{TraceID: "req_refused", Tenant: "hotel"})
	for _, op := range admin.Operations() {
		op.Path = strings.Replace(op.Path, "{kid}", kid, 1)
		t.Run(op.ID, func(t *testing.T) {
			t.Parallel()
			target := w.client(t, "hotel", api, "orders/read")
			request := func(token string) ask {
				return ask{method: op.Method, path: fill(op.Path, "hotel", target.ID), token: token, body: body(op, target.ID)}
			}
			if op.Scope == "" && op.ID != "openapi" {
				return // TestSelf and TestPairing have them
			}
			if op.Scope == "" {
				if resp := w.do(t, request("")); resp.StatusCode != http.StatusOK {
					t.Errorf("an open operation answers %s", resp.Status())
				}
				return
			}
			need := manage.AdminPrefix + op.Scope
			for _, tt := range []struct {
				name, token, code, challenge string
				status                       int
			}{
				{"no token", "", "token.missing", `Bearer scope="` + need + `"`, 401},
				{"no JWT", "x", "token.malformed", `Bearer error="invalid_token"`, 401},
				{"changed", changedSignature(good), "token.signature", `Bearer error="invalid_token"`, 401},
				{"expired", expired, "token.expired", `Bearer error="invalid_token"`, 401},
				{"wrong audience", wrongAudience, "token.audience", `Bearer error="invalid_token"`, 401},
				{"stored", stored, "token.malformed", `Bearer error="invalid_token"`, 401},
				{"AD-11 of a disabled client", ofDisabled, "token.revoked", `Bearer error="invalid_token"`, 401},
				{"revoked", revoked.Value, "token.revoked", `Bearer error="invalid_token"`, 401},
				{"wrong scope", w.token(t, "hotel", allBut(op.Scope)...), "token.scope", `Bearer error="insufficient_scope"`, 403},
			} {
				resp := w.do(t, request(tt.token))
				if got := resp.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, tt.challenge) || !strings.Contains(got, need) {
					t.Errorf("%s: challenge %q, want %s… with the scope", tt.name, got, tt.challenge)
				}
				problem(t, resp, tt.status, tt.code)
			}
			if strings.Contains(op.Path, "{tenant}") {
				problem(t, w.do(t, request(other)), 404, "object.not_found")
				nowhere := request(all)
				nowhere.path = fill(op.Path, "nowhere", target.ID)
				problem(t, w.do(t, nowhere), 404, "object.not_found")
			}
			for _, token := range []string{good, all} {
				again := w.client(t, "hotel", api, "orders/read")
				a := request(token)
				a.path = fill(op.Path, "hotel", again.ID)
				if strings.Contains(op.Path, "{organization}") {
					w.organization(t, "hotel", fill("{organization}", "hotel", again.ID))
				}
				if strings.Contains(op.Path, "{operator}") {
					w.person(t, again.ID)
				}
				if path := w.spareAPI(t, op, again.ID); path != "" {
					a.path = path
				}
				if op.ID == "delete-tenant" && token == all {
					w.bare(t, "gone-"+strings.ToLower(again.ID[3:]))
					a.path = "/tenants/gone-" + strings.ToLower(again.ID[3:])
				}
				a.path = strings.Replace(a.path, "{invitation}", w.invitation(t), 1)
				if op.ID == "complete-rotation" || op.ID == "cancel-rotation" {
					if _, err := w.manager.RotateSecret(t.Context(), manage.Server(), "hotel", again.ID, manage.Rotation{}); err != nil {
						t.Fatal(err)
					}
				}
				if op.ID == "revoke-secret" {
					a.path += "?allow_last=true"
				}
				a.body = body(op, again.ID)
				if token == good && (op.ID == "create-tenant" || op.ID == "update-tenant" || op.ID == "delete-tenant" || op.ID == "verify-audit" || overPeople(op.Path)) {
					problem(t, w.do(t, a), 403, "token.other_tenant") // these are for who administers all
					continue
				}
				if resp := w.do(t, a); resp.StatusCode/100 != 2 {
					t.Errorf("a good token: %s %s", resp.Status(), resp.Body)
				}
			}
		})
	}
}

// spareAPI makes a resource server of hotel for what changes one or takes it
// away, and returns the path of the operation there; empty: it needs none.
func (w *world) spareAPI(t *testing.T, op admin.Operation, client string) string {
	t.Helper()
	if !strings.Contains(op.Path, "{identifier}") || !strings.HasSuffix(op.Scope, ":write") || op.ID == "add-scope" {
		return ""
	}
	if _, err := w.manager.CreateResourceServer(t.Context(), manage.Server(), &mintage.ResourceServer{
		Tenant: "hotel", Identifier: "urn:" + client, Scopes: []mintage.ScopeDefinition{{Name: "orders/read"}},
	}); err != nil {
		t.Fatal(err)
	}
	return fill(strings.Replace(op.Path, "{identifier}", "urn:"+client, 1), "hotel", client)
}

// bare makes a tenant that owns nothing.
func (w *world) bare(t *testing.T, id string) {
	t.Helper()
	if _, err := w.manager.CreateTenant(t.Context(), manage.Server(), &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example"}); err != nil {
		t.Fatal(err)
	}
}

// organization makes an organization of the tenant.
func (w *world) organization(t *testing.T, tenant, id string) {
	t.Helper()
	name := "Org " + id
	if tenant != "hotel" {
		name = "The " + id + " of " + tenant
	}
	if _, err := w.manager.CreateOrganization(t.Context(), manage.Server(), &mintage.Organization{
		Tenant: tenant, ID: id, Name: name, Grants: []mintage.Grant{{ResourceServer: api, Scopes: []string{"orders/read"}}},
	}); err != nil {
		t.Fatal(err)
	}
}

// spareKey makes a key of the tenant that signs no token of a test, and returns
// its kid.
func (w *world) spareKey(t *testing.T, tenant string) string {
	t.Helper()
	k, err := w.manager.RotateKey(t.Context(), manage.Server(), tenant, "EdDSA", 0)
	if err != nil {
		t.Fatal(err)
	}
	return k.ID
}

// allBut returns the admin scopes without one.
func allBut(scope string) []string {
	var names []string
	for _, s := range manage.AdminScopes() {
		if s.Name != scope {
			names = append(names, s.Name)
		}
	}
	return names
}

func TestEveryScopeExists(t *testing.T) {
	t.Parallel()
	for _, op := range admin.Operations() {
		known := slices.ContainsFunc(manage.AdminScopes(), func(s mintage.ScopeDefinition) bool { return s.Name == op.Scope })
		open := op.AnyCaller || slices.Contains([]string{"openapi", "start-pairing", "redeem-pairing"}, op.ID)
		if op.Scope == "" != open || op.Scope != "" && !known {
			t.Errorf("%s needs the scope %q: that is none, or none is needed", op.ID, op.Scope)
		}
		if op.Method != http.MethodGet && strings.HasSuffix(op.Scope, ":read") && op.ID != "introspect-token" && op.ID != "explain-token" {
			t.Errorf("AD-06: %s changes something with a scope for reading", op.ID)
		}
	}
}

// A token of an ordinary tenant lists its tenant alone.
func TestTenantsAreIsolated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for tenant, want := range map[string]string{"hotel": `["hotel"]`, "mintage": `["hotel","mintage","other"]`} {
		c := adminclientFor(t, w, tenant, "tenants:read")
		var ids []string
		for tn, err := range c.Tenants(t.Context(), listAll) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, `"`+tn.ID+`"`)
		}
		if got := "[" + strings.Join(ids, ",") + "]"; got != want {
			t.Errorf("a token of %s lists %s, want %s", tenant, got, want)
		}
	}
}

// changedSignature changes a character in the middle of the signature, which is
// all bits of it, unlike the last.
func changedSignature(token string) string {
	at, other := len(token)-20, "A"
	if token[at] == 'A' {
		other = "B"
	}
	return token[:at] + other + token[at+1:]
}
