package console_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/usage"
)

// evil is text that would run, or break out, where it is not escaped.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'` + "`{{.}}${7*7}"

// staticPages are the pages of a tenant that need no object.
var staticPages = []string{
	"overview", "clients", "clients/new", "apis", "apis/new", "keys", "keys/rotate", "requests", "token", "organizations",
	"organizations/new", "audit", "config", "import", "settings", "settings/disable", "settings/delete",
}

// fill puts hostile text into everything that takes text.
func (w *world) fill(t *testing.T) (client, secret, trace string) {
	t.Helper()
	ctx, by := t.Context(), manage.Server()
	short := evil[:40]
	if _, err := w.manager.CreateResourceServer(ctx, by, &mintage.ResourceServer{
		Tenant: "hotel", Identifier: "https://x.example/<b>&'", Name: "evil", Scopes: []mintage.ScopeDefinition{{Name: "<i>'&", Description: evil}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.manager.CreateOrganization(ctx, by, &mintage.Organization{Tenant: "hotel", ID: "evil", Name: evil}); err != nil {
		t.Fatal(err)
	}
	made, err := w.manager.CreateClient(ctx, by, &mintage.Client{
		Tenant: "hotel", Name: evil, Organization: "evil", Labels: map[string]string{"label": short},
		Grants: []mintage.Grant{{ResourceServer: "https://x.example/<b>&'", Scopes: []string{"<i>'&"}}},
	}, manage.NewSecret{Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.manager.UpdateClient(ctx, by, "hotel", made.Client.ID, 0, func(c *mintage.Client) error {
		c.Disabled, c.DisabledReason = true, evil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	trace = "req_0000000000000001"
	if err := w.manager.Store.WriteRequests(ctx, []*mintage.RequestRecord{{
		TraceID: trace, Tenant: "hotel", Time: w.now, Last: w.now, Count: 3, ClientID: evil, ClientName: evil, Endpoint: "token", Dialect: evil,
		AuthMethod: evil, GrantType: evil, Address: evil, Error: evil, Reason: "secret.mismatch", Notes: []string{"param.ignored"}, Status: 401,
		Second: "client.other_tenant", OwnerTenant: "other", OwnerClient: evil, ScopeAsked: evil, ScopeGranted: evil, Ignored: []string{evil}, DidYouMean: evil,
	}}, nil); err != nil {
		t.Fatal(err)
	}
	return made.Client.ID, made.Label.ID, trace
}

var (
	inline  = regexp.MustCompile(`(?i)<script>|<script [^>]*>[^<]|\son[a-z]+=|\sstyle=|javascript:`)
	noValue = regexp.MustCompile(`<no value>|ZgotmplZ|%!|\{\{`)
)

// TestEveryPage renders each page with nothing, with something and with hostile
// text, whole and as a fragment.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var paths []string
	for _, tenant := range []string{"hotel", "live", "mintage"} {
		for _, p := range staticPages {
			paths = append(paths, "/console/t/"+tenant+"/"+p)
		}
	}
	paths = append(paths, "/console/tenants/new", "/console/nowhere")
	check := func(path string) {
		t.Helper()
		for _, who := range []string{owner, reader, ada} {
			r := w.get(t, who, path)
			if r.Code != 200 && r.Code != 403 && r.Code != 404 || who == owner && r.Code != 200 && !strings.HasSuffix(path, "nowhere") {
				t.Errorf("%s of %s: got %d: %s", path, who, r.Code, r.content())
			}
			// Text may show what is left out here: it is escaped, and so has no < before it.
			if m := inline.FindString(strings.ReplaceAll(r.Body, "x onerror=", "")); m != "" {
				t.Errorf("%s of %s has %q", path, who, m)
			}
			if m := noValue.FindString(strings.ReplaceAll(r.Body, "{{.}}", "")); m != "" {
				t.Errorf("%s of %s has %q: %s", path, who, m, r.content())
			}
		}
	}
	for _, p := range paths {
		check(p)
	}
	client, secret, trace := w.fill(t)
	for _, tab := range append(tabs, "/disable", "/delete", "/rotate", "/secrets/new", "/secrets/"+secret+"/revoke", "/tokens/revoke") {
		paths = append(paths, "/console/t/hotel/clients/"+client+tab)
	}
	ks, err := w.manager.SigningKeys(t.Context(), "hotel")
	if err != nil {
		t.Fatal(err)
	}
	bad := url.PathEscape("https://x.example/<b>&'")
	paths = append(paths, "/console/t/hotel/requests/"+trace, "/console/t/hotel/apis/"+bad, "/console/t/hotel/apis/"+bad+"/delete",
		"/console/t/hotel/organizations/evil", "/console/t/hotel/organizations/evil/delete", "/console/t/hotel/keys/"+ks[0].ID+"/kill",
		"/console/t/hotel/requests?trace="+url.QueryEscape(evil), "/console/t/hotel/clients?q="+url.QueryEscape(evil),
		"/console/t/hotel/audit?target="+url.QueryEscape(evil), "/console/t/hotel/config?with=other", "/console/t/hotel/requests?client="+url.QueryEscape(evil))
	for _, p := range paths {
		check(p)
		if r := w.get(t, owner, p, "X-Fragment", "1"); strings.Contains(r.Body, "<html") {
			t.Errorf("%s as a fragment is a whole page", p)
		}
	}
	w.get(t, owner, "/console/t/hotel/clients").want(t, 200, "&lt;script&gt;alert(1)&lt;/script&gt;")
}

// hostileFields are the fields that TestFormsAgain fills.
const hostileFields = `name organization labels grant dialect format alg lifetime allow_from tokens asks expires secret_name new_api
	new_scopes identifier prefix scopes introspectors id issuer aliases origins paths overlap custom wait reason token state hash trace mark back theme
	email password password2 code role max_clients client address actor target since until q confirm jti minutes source api`

// TestFormsAgain sends hostile text to each form, and looks at what comes back.
func TestFormsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := url.Values{}
	for name := range strings.FieldsSeq(hostileFields) {
		all.Set(name, evil)
	}
	made := w.client(t, "hotel", "", "Good")
	at := "/console/t/hotel/clients/" + made.Client.ID
	for _, path := range []string{
		"/console/t/hotel/clients", "/console/t/hotel/clients/preview", at + "/rotate", at + "/secrets", at + "/settings", at + "/access", at + "/verify",
		"/console/t/hotel/apis", "/console/t/hotel/organizations", "/console/t/hotel/settings", "/console/tenants", "/console/t/hotel/keys/rotate",
		"/console/t/hotel/token", "/console/t/hotel/config/plan", "/console/t/hotel/config/apply", "/console/t/hotel/import", "/console/t/hotel/import/apply", "/console/theme",
		at + "/rotate?preview=1", at + "/secrets?preview=1", at + "/settings?preview=1", at + "/disable?preview=1", "/console/t/hotel/apis?preview=1",
		"/console/t/hotel/organizations?preview=1", "/console/t/hotel/organizations/acme?preview=1", "/console/t/hotel/settings?preview=1",
		"/console/tenants?preview=1", "/console/t/hotel/keys/rotate?preview=1", "/console/t/hotel/token/revoke",
	} {
		r := w.post(t, owner, path, all)
		if r.Code >= 500 {
			t.Errorf("%s: got %d: %s", path, r.Code, r.content())
		}
		if m := inline.FindString(strings.ReplaceAll(r.Body, "x onerror=", "")); m != "" {
			t.Errorf("%s has %q", path, m)
		}
	}
}

func TestRequestsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "acme", "Mistaken")
	records := []*mintage.RequestRecord{
		{
			TraceID: "req_000000000000000a", Tenant: "hotel", Time: w.now, Last: w.now, Count: 1, ClientID: made.Client.ID, Endpoint: "token", Dialect: "rfc",
			Address: "10.2.0.7", Error: "invalid_client", Reason: "secret.mismatch", Status: 401, Second: "auth.whitespace", ScopeAsked: "orders/read",
		},
		{TraceID: "req_000000000000000b", Tenant: "hotel", Time: w.now, Last: w.now, Count: 1, ClientID: "ghost", Endpoint: "token", Error: "invalid_client", Reason: "client.unknown", Status: 401},
		{TraceID: "req_000000000000000c", Tenant: "other", Time: w.now, Last: w.now, Count: 1, ClientID: "ghost", Endpoint: "token", Error: "invalid_client", Reason: "client.unknown", Status: 401},
	}
	if err := w.manager.Store.WriteRequests(t.Context(), records, nil); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/requests").want(t, 200, "auth.whitespace", "client.unknown", "10.2.0.7")
	w.get(t, owner, "/console/t/hotel/requests?reason=client.unknown").lacks(t, "auth.whitespace</code>")
	one := w.get(t, owner, "/console/t/hotel/requests/req_000000000000000a")
	one.want(t, 200, "Mistaken", "Trim it where it is stored", "secret.mismatch", "curl -i --user", "mintage explain req_000000000000000a")
	r := w.get(t, owner, "/console/t/hotel/requests?trace=req_000000000000000a")
	if r.To != "/console/t/hotel/requests/req_000000000000000a" {
		t.Errorf("explaining leads to %q", r.To)
	}
	w.get(t, owner, "/console/t/hotel/requests?trace=req_none").want(t, 200, "No request here has it")
	w.get(t, owner, "/console/t/hotel/requests/req_000000000000000c").want(t, 404)
	// A member sees what is about their own clients alone.
	w.get(t, ada, "/console/t/hotel/requests/req_000000000000000a").want(t, 200, "Mistaken")
	w.get(t, ada, "/console/t/hotel/requests/req_000000000000000b").want(t, 404)
	w.get(t, zoe, "/console/t/hotel/requests/req_000000000000000a").want(t, 404)
	mine := w.get(t, ada, "/console/t/hotel/requests")
	mine.want(t, 200, "auth.whitespace", "req_000000000000000a")
	mine.lacks(t, "req_000000000000000b")
	w.get(t, zoe, "/console/t/hotel/requests").lacks(t, "req_000000000000000a")
	w.get(t, zoe, "/console/t/hotel/requests?client="+made.Client.ID).want(t, 404)
	w.get(t, zoe, "/console/t/hotel/requests?trace=req_000000000000000a").want(t, 200, "No request here has it")
	w.get(t, ada, "/console/t/hotel/requests?trace=req_000000000000000b").want(t, 200, "No request here has it")
	w.get(t, zoe, "/console/t/hotel/requests/tail?client="+made.Client.ID).want(t, 404)
	w.get(t, ada, "/console/t/hotel/clients/"+made.Client.ID+"/requests").want(t, 200, "auth.whitespace")
}

// inspector says one thing of every token.
type inspector adminclient.TokenInfo

func (i inspector) Inspect(context.Context, string, string) (*adminclient.TokenInfo, error) {
	info := adminclient.TokenInfo(i)
	return &info, nil
}

// owners knows one secret.
type owners struct{ secret, client string }

func (o owners) SecretOwner(_ context.Context, secret string) (*mintage.SecretOwner, error) {
	if secret != o.secret {
		return nil, mintage.ErrNotFound
	}
	return &mintage.SecretOwner{Tenant: "hotel", ClientID: o.client}, nil
}

func TestTokenTool(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Leaky")
	w.configure(t, func(cfg *console.Config) {
		cfg.Tokens, cfg.Owners = inspector{Reason: "token.expired"}, owners{made.Secret, made.Client.ID}
	})
	enc := base64.RawURLEncoding.EncodeToString
	token := enc([]byte(`{"alg":"ES256"}`)) + "." + enc([]byte(`{"iss":"https://hotel.example","exp":1700000000,"client_id":"`+made.Client.ID+`"}`)) + "." + enc([]byte("sig"))
	r := w.post(t, owner, "/console/t/hotel/token", url.Values{"token": {"Bearer " + token}})
	r.want(t, 200, "token.expired", "2023-11-14 22:13:20 UTC", "who issued it", "Leaky", "ES256")
	if strings.Contains(w.log.String(), token) {
		t.Error("the token is in the log")
	}
	w.post(t, owner, "/console/t/hotel/token", url.Values{"token": {made.Secret}}).want(t, 200, "not a token", made.Client.ID, "/rotate")
	w.post(t, owner, "/console/t/hotel/token", url.Values{"token": {"mint_test_nobody"}}).want(t, 200, "No client of this server has it")
	w.post(t, owner, "/console/t/hotel/token", url.Values{"token": {"two words"}}).want(t, 200, "Paste one token")
	w.post(t, owner, "/console/t/hotel/token/revoke", url.Values{"jti": {"0198"}}).want(t, 303)
	w.post(t, reader, "/console/t/hotel/token/revoke", url.Values{"jti": {"0198"}}).want(t, 403)
	if strings.Contains(w.log.String(), made.Secret) {
		t.Error("the secret is in the log")
	}
}

func TestAPIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client(t, "hotel", "", "Holder")
	at := "/console/t/hotel/apis/" + url.PathEscape(api)
	w.get(t, owner, "/console/t/hotel/apis").want(t, 200, api, "orders/read", "built in")
	w.get(t, owner, at).want(t, 200, "enforce.Verifier", "orders/write")
	w.get(t, owner, at).want(t, 200, "mintage api edit "+api+" --tenant hotel --name api", "audience: "+api, "mintage gateway --config")
	narrower := url.Values{"name": {"api"}, "scopes": {"orders/write"}}
	w.post(t, owner, at, narrower).want(t, 422, "orders/read", "Holder", "Acme", "Zenith", `name="break"`)
	w.post(t, owner, at, url.Values{"name": {"api"}, "scopes": {"a\"c"}}).lacks(t, `name="break"`)
	w.post(t, owner, at, url.Values{"name": {"api"}, "scopes": {"orders/read Read\norders/write\norders/new New"}, "version": {"1"}}).want(t, 303)
	w.get(t, owner, at).want(t, 200, "orders/new")
	w.get(t, owner, at+"/delete").want(t, 200, "1 client cannot get its scopes any more: Holder", "2 organizations cannot grant them any more: Acme, Zenith",
		"mintage api delete api --tenant hotel --cascade", "-X DELETE", "?cascade=true")
	w.post(t, owner, at+"/delete", nil).want(t, 422, "That is not api")
	w.post(t, owner, at+"/delete", url.Values{"confirm": {"api"}}).want(t, 422, "Holder")
	narrower.Set("break", "1")
	w.post(t, owner, at, narrower).want(t, 303)
	if cs, err := w.manager.Clients(t.Context(), "hotel", "", 0); err != nil || len(cs[0].Grants) != 0 {
		t.Errorf("the scope is gone and the client has %+v, %v", cs[0].Grants, err)
	}
	if _, err := w.manager.CreateClient(t.Context(), manage.Server(), &mintage.Client{
		Tenant: "hotel", Name: "All", Grants: []mintage.Grant{{ResourceServer: api, Scopes: []string{"*"}}},
	}, manage.NewSecret{}); err != nil {
		t.Fatal(err)
	}
	w.post(t, owner, at+"/delete", url.Values{"confirm": {"api"}, "break": {"1"}}).want(t, 303)
	w.get(t, owner, at).want(t, 404)
	live := "/console/t/live/apis/" + url.PathEscape(api)
	w.client(t, "live", "", "Holder")
	narrower.Del("confirm")
	w.post(t, owner, live, narrower).want(t, 422, "That is not api", "This is production")
	narrower.Set("confirm", "api")
	w.post(t, owner, live, narrower).want(t, 303)
	w.post(t, owner, "/console/t/hotel/apis", url.Values{"identifier": {"https://two.example"}, "name": {"two"}, "scopes": {"a\nb"}}).want(t, 303)
	w.post(t, owner, "/console/t/hotel/apis", url.Values{"identifier": {"https://two.example"}}).want(t, 422, "already")
	w.post(t, owner, "/console/t/hotel/apis/"+url.PathEscape("https://two.example")+"/delete", nil).want(t, 303)
	w.post(t, owner, "/console/t/hotel/apis/"+url.PathEscape(mintage.AdminResource), url.Values{}).want(t, 422)
}

// The page of an API says which scopes were used, and which by nobody.
func TestAPIUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Holder")
	w.configure(t, func(cfg *console.Config) {
		cfg.Usage = &usage.Reports{Store: w.manager.Store, Now: func() time.Time { return w.now }}
	})
	at := "/console/t/hotel/apis/" + url.PathEscape(api)
	w.get(t, owner, at).want(t, 200, "Clients with tokens in 30 days", `<span class="badge warn">unused</span>`)
	if err := w.manager.Store.AddUsage(t.Context(), []*mintage.UsageCount{
		{Tenant: "hotel", ClientID: made.Client.ID, Audience: api, Scope: "orders/read", Start: w.now.Add(-29 * 24 * time.Hour), Step: time.Minute, Count: 3},
	}); err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, at).lacks(t, "unused")
}

func TestDeleteTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client(t, "live", "", "Holder")
	at := "/console/t/live/settings"
	w.get(t, owner, at).want(t, 200, at+"/delete")
	w.get(t, reader, at).lacks(t, at+"/delete")
	w.post(t, reader, at+"/delete", url.Values{"confirm": {"live"}}).want(t, 403)
	w.get(t, owner, at+"/delete").want(t, 200, "It owns 1 client, 2 organizations, 1 API.", "gone in seven days",
		"mintage tenant delete live --cascade", "cascade=true&amp;allow_protected=true")
	w.post(t, owner, at+"/delete", url.Values{"confirm": {"hotel"}, "break": {"1"}}).want(t, 422, "That is not live")
	w.post(t, owner, at+"/delete", url.Values{"confirm": {"live"}}).want(t, 422, "by cascade")
	w.post(t, owner, at+"/delete", url.Values{"confirm": {"live"}, "break": {"1"}}).want(t, 303)
	w.get(t, owner, at).want(t, 200, "It was deleted", "Enable the tenant")
	w.get(t, owner, "/console/t/live/overview").want(t, 200, "The tenant is disabled")
	w.post(t, owner, at+"/enable", nil).want(t, 303)
	w.get(t, owner, at).lacks(t, "It was deleted")
	w.post(t, owner, "/console/tenants", url.Values{"id": {"bare"}, "issuer": {"https://bare.example"}}).want(t, 303)
	w.get(t, owner, "/console/t/bare/settings/delete").want(t, 200, "gone at once")
	w.post(t, owner, "/console/t/bare/settings/delete", url.Values{"confirm": {"bare"}}).want(t, 303)
	w.get(t, owner, "/console/t/bare/settings").want(t, 404)
	w.post(t, owner, "/console/t/mintage/settings/delete", url.Values{"confirm": {"mintage"}, "break": {"1"}}).want(t, 422)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ks, err := w.manager.SigningKeys(t.Context(), "hotel")
	if err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/keys").want(t, 200, ks[0].ID, "active", "https://hotel.example/.well-known/jwks.json")
	w.get(t, reader, "/console/t/hotel/keys").lacks(t, "Rotate now", "Kill")
	w.post(t, owner, "/console/t/hotel/keys/rotate", url.Values{"wait": {"soon"}}).want(t, 422, "such as 1h, or 0")
	w.post(t, owner, "/console/t/hotel/keys/rotate", url.Values{"wait": {"1h"}}).want(t, 303)
	w.get(t, owner, "/console/t/hotel/keys").want(t, 200, "next")
	w.post(t, owner, "/console/t/live/keys/rotate", url.Values{"wait": {"0"}}).want(t, 422, "Nothing was changed")
	w.post(t, owner, "/console/t/hotel/keys/"+ks[0].ID+"/kill", nil).want(t, 303)
	w.get(t, owner, "/console/t/hotel/keys?all=1").want(t, 200, "gone")
	w.post(t, owner, "/console/t/hotel/keys/none/kill", nil).want(t, 404)
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post(t, owner, "/console/t/hotel/organizations", url.Values{"id": {"Umbra"}, "name": {"Umbra"}, "grant": {api + " *"}, "max_clients": {"2"}}).want(t, 303)
	w.get(t, owner, "/console/t/hotel/organizations").want(t, 200, "Umbra", "of 2")
	at := "/console/t/hotel/organizations/umbra"
	w.post(t, owner, at, url.Values{"name": {"Umbra Ltd"}, "grant": {api + " orders/read"}, "max_clients": {"x"}}).want(t, 422)
	w.post(t, owner, at, url.Values{"name": {"Umbra Ltd"}, "grant": {api + " orders/read"}, "version": {"1"}}).want(t, 303)
	o, err := w.manager.Organization(t.Context(), "hotel", "umbra")
	if err != nil || o.Name != "Umbra Ltd" || o.MaxClients != 0 || o.Grants[0].Scopes[0] != "orders/read" {
		t.Errorf("got %+v, %v", o, err)
	}
	w.post(t, owner, at+"/delete", nil).want(t, 303)
	w.get(t, ada, "/console/t/hotel/organizations").want(t, 404)
}

func TestConfigPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get(t, owner, "/console/t/hotel/config").want(t, 200, "by hand", "Show the plan")
	w.get(t, owner, "/console/t/hotel/config/export").want(t, 200, "apiVersion: mintage/v1", "orders/read")
	const state = "apiVersion: mintage/v1\nclients:\n  - id: pasted\n    name: Pasted\n    tenants: [hotel]\n    grants: [{resource_server: " + api + ", scopes: [orders/read]}]\n"
	plan := w.post(t, owner, "/console/t/hotel/config/plan", url.Values{"state": {state}})
	plan.want(t, 200, "client pasted", "Apply this plan")
	hash := regexp.MustCompile(`name="hash" value="([^"]+)"`).FindStringSubmatch(plan.Body)[1]
	w.post(t, owner, "/console/t/hotel/config/apply", url.Values{"state": {state}, "hash": {"other"}}).want(t, 422, "look at the new plan")
	w.post(t, owner, "/console/t/hotel/config/apply", url.Values{"state": {state}, "hash": {hash}}).want(t, 303)
	w.get(t, owner, "/console/t/hotel/clients/pasted").want(t, 200, "Declared in <code>console</code>")
	for _, bad := range []string{
		"apiVersion: [", "apiVersion: mintage/v1\nscaope: x\n",
		"apiVersion: mintage/v1\nclients: [{id: a, tenants: [other]}]",
		"apiVersion: mintage/v1\nclients: [{id: a, tenants: [hotel], secrets: [{name: s, value: {file: /etc/passwd}}]}]",
	} {
		w.post(t, owner, "/console/t/hotel/config/plan", url.Values{"state": {bad}}).want(t, 422, `role="alert"`)
	}
	w.post(t, reader, "/console/t/hotel/config/plan", url.Values{"state": {state}}).want(t, 403)
}

func TestSettingsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get(t, owner, "/console/t/hotel/settings").want(t, 200, "https://hotel.example/oauth2/token", "Issuer")
	w.post(t, owner, "/console/t/hotel/settings", url.Values{"issuer": {"https://hotel.example"}, "expires": {"90d"}, "paths": {"/oauth2/token rfc\n/access-token myparcel"}, "version": {"1"}}).want(t, 303)
	w.get(t, owner, "/console/t/hotel/settings").want(t, 200, "https://hotel.example/access-token", `value="90d"`)
	w.post(t, owner, "/console/t/hotel/settings", url.Values{"issuer": {"nonsense"}}).want(t, 422, `aria-invalid="true"`)
	w.post(t, owner, "/console/t/live/settings", url.Values{"issuer": {"https://live.example"}}).want(t, 422, "Nothing was changed")
	w.post(t, owner, "/console/tenants", url.Values{"id": {"new"}, "issuer": {"https://new.example"}}).want(t, 303)
	w.post(t, owner, "/console/t/new/settings/disable", nil).want(t, 303)
	w.get(t, owner, "/console/t/new/overview").want(t, 200, "The tenant is disabled")
	w.post(t, owner, "/console/t/new/settings/enable", nil).want(t, 303)
	w.get(t, ada, "/console/tenants/new").want(t, 404)
}

func TestAuditPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Audited")
	w.get(t, owner, "/console/t/hotel/audit?noun=client").want(t, 200, "client.create", "Audited")
	w.get(t, owner, "/console/t/hotel/audit?target="+made.Client.ID).want(t, 200, "client.create")
	w.get(t, owner, "/console/t/hotel/audit?via=console").want(t, 200, "No change is in the log")
	r := w.get(t, owner, "/console/t/hotel/audit.ndjson")
	r.want(t, 200, `"action":"client.create"`)
	r.lacks(t, made.Secret)
}

func TestUsagePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Asker")
	w.get(t, owner, "/console/t/hotel/usage").want(t, 200, "Nothing is counted here")
	w.configure(t, func(cfg *console.Config) {
		cfg.Usage = &usage.Reports{Store: w.manager.Store, Now: func() time.Time { return w.now }}
	})
	w.get(t, owner, "/console/t/hotel/usage").want(t, 200, "0 issued, 0 refused", "None.")
	minute := w.now.Truncate(time.Minute)
	if err := w.manager.Store.AddUsage(t.Context(), []*mintage.UsageCount{
		{Start: minute, Step: time.Minute, Tenant: "hotel", ClientID: made.Client.ID, Audience: api, Scope: "orders/read", Lifetime: 86400, Count: 96},
		{Start: minute, Step: time.Minute, Tenant: "hotel", ClientID: made.Client.ID, Reason: "secret.mismatch", Count: 4},
		{Start: minute, Step: time.Minute, Tenant: "other", ClientID: "x", Reason: "client.unknown", Count: 1000},
	}); err != nil {
		t.Fatal(err)
	}
	for _, span := range []string{"day", "week", "month", "nonsense"} {
		r := w.get(t, owner, "/console/t/hotel/usage?span="+span)
		r.want(t, 200, "96 issued, 4 refused", "Asker", "secret.mismatch", "orders/read", "it does not cache", "<rect class=\"c1\"")
		r.lacks(t, "1,000")
	}
	w.get(t, owner, "/console/t/hotel/usage.csv?span=week").want(t, 200, made.Client.ID+",secret.mismatch,0,4")
	// A member sees what their own clients did, and nothing else.
	for _, path := range []string{"usage", "usage?span=month", "usage?client=" + made.Client.ID, "usage.csv"} {
		r := w.get(t, ada, "/console/t/hotel/"+path)
		r.lacks(t, "Asker", "it does not cache", made.Client.ID+",")
	}
	w.get(t, ada, "/console/t/hotel/usage?client="+made.Client.ID).want(t, 404)
	own := w.client(t, "hotel", "acme", "Own")
	if err := w.manager.Store.AddUsage(t.Context(), []*mintage.UsageCount{
		{Start: minute, Step: time.Minute, Tenant: "hotel", ClientID: own.Client.ID, Audience: api, Scope: "orders/read", Lifetime: 3600, Count: 7},
	}); err != nil {
		t.Fatal(err)
	}
	w.get(t, ada, "/console/t/hotel/usage").want(t, 200, "7 issued, 0 refused", "Own")
	w.get(t, ada, "/console/t/hotel/usage.csv").want(t, 200, own.Client.ID+",,7,0")
	w.get(t, zoe, "/console/t/hotel/usage").want(t, 200, "0 issued, 0 refused")
}
