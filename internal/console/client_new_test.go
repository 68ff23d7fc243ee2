package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
)

var (
	secretShown = regexp.MustCompile(`<code id="the-secret">(mint_[a-z]+_[A-Za-z0-9]{49})</code>`)
	idShown     = regexp.MustCompile(`mc_[A-Za-z0-9]{16}`)
	markShown   = regexp.MustCompile(`name="mark" value="([A-Z0-9]+)"`)
)

// TestCreateClient walks seed 004 without a script: the tab, Add Client, a
// friendly name, Create Client.
func TestCreateClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get(t, ada, "/console/").want(t, 303)
	w.get(t, ada, "/console/t/hotel/clients").want(t, 200, ">API clients</a>", ">Add Client</a>")
	form := w.get(t, ada, "/console/t/hotel/clients/new")
	form.want(t, 200, "Friendly name", "Create Client", "orders/read")
	form.lacks(t, "Advanced", "urn:mintage:admin", "Organization</label>")
	r := w.post(t, ada, "/console/t/hotel/clients", url.Values{
		"name": {"Front desk sync"}, "grant": {api + " orders/read"}, "expires": {"90"}, "mark": {markShown.FindStringSubmatch(form.Body)[1]},
	}, "Accept-Encoding", "gzip")
	r.want(t, 200, "the only time that the secret is shown", "CLIENT_ID=", "I have stored the secret", "Python", "scope=orders/read", "in 90 days")
	if r.Header.Get("Content-Encoding") != "" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page with a secret is packed or kept: %v", r.Header)
	}
	secret, id := secretShown.FindStringSubmatch(r.Body)[1], idShown.FindString(r.Body)
	cl, err := w.manager.Client(t.Context(), "hotel", id)
	if err != nil || cl.Name != "Front desk sync" || cl.Organization != "acme" || len(cl.Grants) != 1 || len(cl.Secrets) != 1 {
		t.Fatalf("got %+v, %v", cl, err)
	}
	if w.manager.Secrets.HashGenerated(secret) != cl.Secrets[0].Hash {
		t.Error("the secret shown is not the client's")
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the secret is in the log")
	}
	events, err := w.manager.Events(t.Context(), manage.EventQuery{Tenant: "hotel", Limit: 1})
	if err != nil || events[0].Action != "client.create" || events[0].Via != "console" || events[0].Actor.Address != "192.0.2.7" {
		t.Errorf("the audit row is %+v, %v", events[0], err)
	}
	for _, path := range []string{"", "/credentials", "/settings"} {
		w.get(t, ada, "/console/t/hotel/clients/"+id+path).lacks(t, secret)
	}
}

// TestCreateTwice holds that a form that is sent again makes nothing.
func TestCreateTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := url.Values{"name": {"Twice"}, "mark": {markShown.FindStringSubmatch(w.get(t, owner, "/console/t/hotel/clients/new").Body)[1]}}
	bad := url.Values{"name": {""}, "mark": form["mark"]}
	w.post(t, owner, "/console/t/hotel/clients", bad).want(t, 422, "Give the client a name")
	w.post(t, owner, "/console/t/hotel/clients", form).want(t, 200, "the-secret")
	w.post(t, owner, "/console/t/hotel/clients", form).want(t, 409, "Made already")
	if cs, err := w.manager.FindClients(t.Context(), manage.ClientQuery{Tenant: "hotel", Name: "Twice"}); err != nil || len(cs) != 1 {
		t.Errorf("%d clients, %v", len(cs), err)
	}
}

func TestCreateClientSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := url.Values{
		"name": {"Label printer"}, "organization": {"zenith"}, "grant": {api + " *", api + " orders/read"}, "expires": {"never"},
		"dialect": {"rfc"}, "format": {"jwt"}, "alg": {"EdDSA"}, "lifetime": {"15m"}, "allow_from": {"203.0.113.0/24\n2001:db8::/32"},
		"tokens": {"60"}, "asks": {""}, "multi_audience": {"1"}, "labels": {"team=billing\nrank=1"},
	}
	preview := w.post(t, owner, "/console/t/hotel/clients/preview", form)
	preview.want(t, 200, "Declared state", "generate: true", "admin/v1/tenants/hotel/clients")
	preview.lacks(t, "mintage client create") // the command has no flag for the token
	r := w.post(t, owner, "/console/t/hotel/clients", form)
	r.want(t, 200, "never")
	cl, err := w.manager.Client(t.Context(), "hotel", idShown.FindString(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	if cl.Organization != "zenith" || cl.Token.Alg != "EdDSA" || cl.Token.Lifetime.Minutes() != 15 || len(cl.AllowFrom) != 2 ||
		cl.Limits.TokensPerMinute != 60 || !cl.MultiAudience || cl.Labels["team"] != "billing" || cl.Grants[0].Scopes[0] != "*" || len(cl.Grants[0].Scopes) != 1 {
		t.Errorf("got %+v", cl)
	}
	for field, bad := range map[string]string{
		"lifetime": "soon", "allow_from": "everywhere", "tokens": "-1", "labels": "team", "expires": "0", "dialect": "klingon", "grant": "nothing",
		"organization": "nobody",
	} {
		form := url.Values{"name": {"Wrong"}, field: {bad}}
		if r := w.post(t, owner, "/console/t/hotel/clients", form); r.Code != 422 || !strings.Contains(r.Body, `class="error"`) && !strings.Contains(r.Body, `role="alert"`) {
			t.Errorf("%s=%s: got %d", field, bad, r.Code)
		}
	}
	if cs, err := w.manager.FindClients(t.Context(), manage.ClientQuery{Tenant: "hotel", Name: "Wrong"}); err != nil || len(cs) != 0 {
		t.Errorf("%d clients of wrong forms, %v", len(cs), err)
	}
}

// TestCreateWithAPI holds that one form makes the first API too.
func TestCreateWithAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.post(t, owner, "/console/t/hotel/clients", url.Values{
		"name": {"Early bird"}, "new_api": {"https://birds.example"}, "new_scopes": {"birds/read Read birds\nbirds/feed"},
	})
	r.want(t, 200, "birds/feed birds/read")
	rs, err := w.manager.ResourceServer(t.Context(), "hotel", "https://birds.example")
	if err != nil || len(rs.Scopes) != 2 || rs.Scopes[1].Description != "Read birds" {
		t.Errorf("got %+v, %v", rs, err)
	}
	w.post(t, owner, "/console/t/hotel/clients", url.Values{"name": {"x"}, "new_api": {"https://bad example/#"}}).want(t, 422, "the new API")
}

// TestMemberCannotReach holds that a member gives no more than is theirs.
func TestMemberCannotReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, form := range []url.Values{
		{"name": {"Sly"}, "grant": {mintage.AdminResource + " clients:write"}},
		{"name": {"Sly"}, "grant": {"https://elsewhere.example read"}},
	} {
		w.post(t, ada, "/console/t/hotel/clients", form).want(t, 422, "not yours to give")
	}
	r := w.post(t, ada, "/console/t/hotel/clients", url.Values{
		"name": {"Sly"}, "organization": {"zenith"}, "tokens": {"5"}, "new_api": {"https://own.example"}, "grant": {api + " orders/read"},
	})
	r.want(t, 200)
	cl, err := w.manager.Client(t.Context(), "hotel", idShown.FindString(r.Body))
	if err != nil || cl.Organization != "acme" || cl.Limits.TokensPerMinute != 0 {
		t.Errorf("got %+v, %v", cl, err)
	}
	if _, err := w.manager.ResourceServer(t.Context(), "hotel", "https://own.example"); err == nil {
		t.Error("a member made an API")
	}
	w.post(t, reader, "/console/t/hotel/clients", url.Values{"name": {"No"}}).want(t, 403)
	w.get(t, reader, "/console/t/hotel/clients/new").want(t, 403)
}

// TestVerify holds that the console asks the token endpoint as the client does.
func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got *http.Request
	w.configure(t, func(cfg *console.Config) {
		cfg.Public = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			got = r
			_ = r.ParseForm()
			rw.Header().Set("X-Request-Id", "req_0123456789abcdef")
			if r.PostForm.Get("client_secret") != "right" {
				rw.WriteHeader(http.StatusUnauthorized)
				_, _ = rw.Write([]byte(`{"error":"invalid_client","error_description":"client authentication failed"}`))
				return
			}
			_ = json.NewEncoder(rw).Encode(map[string]any{"access_token": "hidden-token", "expires_in": 3600, "scope": "orders/read"})
		})
	})
	made := w.client(t, "hotel", "acme", "Tried")
	at := "/console/t/hotel/clients/" + made.Client.ID + "/verify"
	r := w.post(t, ada, at, url.Values{"secret": {"right"}})
	r.want(t, 200, "It works", "60 min", "orders/read", "req_0123456789abcdef")
	r.lacks(t, "hidden-token")
	if got.Host != "hotel.example" || got.URL.Path != "/oauth2/token" || got.TLS == nil || got.PostForm.Get("client_id") != made.Client.ID {
		t.Errorf("asked %s%s", got.Host, got.URL.Path)
	}
	w.post(t, ada, at, url.Values{"secret": {"wrong"}}).want(t, 200, "Refused: invalid_client", "req_0123456789abcdef")
	w.post(t, zoe, at, url.Values{"secret": {"right"}}).want(t, 404)
	w.post(t, reader, at, url.Values{"secret": {"right"}}).want(t, 403)
}
