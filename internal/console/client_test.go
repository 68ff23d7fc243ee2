package console_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

// tabs of a client, below its address.
var tabs = []string{"", "/credentials", "/access", "/requests", "/tokens", "/settings", "/audit"}

// writes are all the ways to change a client, below its address.
var writes = []string{
	"/disable", "/enable", "/delete", "/rotate", "/rotate/complete", "/rotate/cancel", "/secrets", "/secrets/sec_x/revoke",
	"/secrets/sec_x/pause", "/access", "/settings", "/tokens/revoke", "/verify",
}

// TestForeignClient holds that to a member another organization's client is not
// there, by any address.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "acme", "Secret project")
	for _, tenant := range []string{"hotel", "other"} {
		at := "/console/t/" + tenant + "/clients/" + made.Client.ID
		for _, tab := range append(tabs, "/rotate", "/disable", "/delete", "/secrets/new", "/tokens/revoke") {
			r := w.get(t, zoe, at+tab)
			if r.Code != 404 && r.Code != 403 {
				t.Errorf("%s: got %d", tab, r.Code)
			}
			r.lacks(t, "Secret project")
		}
		for _, write := range writes {
			r := w.post(t, zoe, at+write, url.Values{"sure": {"1"}, "name": {"Mine"}, "minutes": {"1"}, "secret": {made.Secret}})
			if r.Code != 404 && r.Code != 403 {
				t.Errorf("%s: got %d", write, r.Code)
			}
			r.lacks(t, "Secret project")
		}
	}
	cl, err := w.manager.Client(t.Context(), "hotel", made.Client.ID)
	if err != nil || cl.Version != made.Client.Version {
		t.Errorf("it was changed: %+v, %v", cl, err)
	}
	for _, tab := range tabs {
		w.get(t, ada, "/console/t/hotel/clients/"+made.Client.ID+tab).want(t, 200, "Secret project")
		w.get(t, owner, "/console/t/hotel/clients/"+made.Client.ID+tab).want(t, 200, "Secret project")
	}
}

// TestViewerWrites holds that who may only read cannot write by any address.
func TestViewerWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "acme", "Watched")
	for _, write := range writes {
		w.post(t, reader, "/console/t/hotel/clients/"+made.Client.ID+write, url.Values{"sure": {"1"}}).want(t, 403)
	}
}

func TestClientOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Overseen")
	r := w.get(t, owner, "/console/t/hotel/clients/"+made.Client.ID)
	r.want(t, 200, "https://hotel.example/oauth2/token", "YOUR_CLIENT_SECRET", "orders/read", "never")
	r.lacks(t, made.Secret)
}

func TestDisableEnableDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range []string{"hotel", "live"} {
		made := w.client(t, tenant, "", "Come and go")
		at := "/console/t/" + tenant + "/clients/" + made.Client.ID
		confirm := url.Values{"reason": {"left the programme"}}
		w.get(t, owner, at+"/disable").want(t, 200, "mintage client disable "+made.Client.ID)
		if tenant == "live" {
			w.get(t, owner, at+"/disable").want(t, 200, "This is production")
			w.post(t, owner, at+"/disable", confirm).want(t, 422, "Nothing was changed")
			w.post(t, owner, at+"/delete", confirm).want(t, 422, "Nothing was changed")
			confirm.Set("confirm", "Come and go")
		}
		w.post(t, owner, at+"/disable", confirm).want(t, 303)
		w.get(t, owner, at).want(t, 200, "disabled", "left the programme", ">Enable</a>")
		w.get(t, owner, at+"/enable").want(t, 200, "mintage client enable "+made.Client.ID)
		w.post(t, owner, at+"/enable", confirm).want(t, 303)
		confirm.Set("version", "1")
		w.post(t, owner, at+"/delete", confirm).want(t, 422, "Somebody else changed it")
		confirm.Set("version", "3")
		w.post(t, owner, at+"/delete", confirm).want(t, 303)
		w.get(t, owner, at).want(t, 404)
	}
}

// TestRotate holds the life of a rotation as the console shows it.
func TestRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "acme", "Rotated")
	at := "/console/t/hotel/clients/" + made.Client.ID
	w.get(t, ada, at+"/rotate").want(t, 200, "Old secrets work for", "24 hours", "--overlap")
	w.post(t, ada, at+"/rotate", url.Values{"overlap": {"custom"}, "custom": {"soon"}}).want(t, 422, "such as 36h")
	r := w.post(t, ada, at+"/rotate", url.Values{"overlap": {"7d"}, "secret_name": {"next"}, "mark": {"A"}})
	r.want(t, 200, "the-secret", "The old secret goes on working until <strong>2026-11-28 09:30:00 UTC")
	w.post(t, ada, at+"/rotate", url.Values{"overlap": {"7d"}, "mark": {"A"}}).want(t, 409, "Made already")
	w.post(t, ada, at+"/rotate", url.Values{"overlap": {"1h"}, "mark": {"B"}}).want(t, 422, "under way")
	w.get(t, ada, at+"/credentials").want(t, 200, "retiring", "7 days left", "A rotation is under way", "next")

	// With a tenth of the overlap left and the old secret in use, a banner says so.
	w.now = w.now.Add(6*24*time.Hour + 12*time.Hour)
	if err := w.manager.Store.MarkUsed(t.Context(), usesOf("hotel", made.Client.ID, made.Label.ID, w.now.Add(-time.Minute), "10.2.0.7")); err != nil {
		t.Fatal(err)
	}
	w.get(t, ada, at+"/credentials").want(t, 200, "is still used", "10.2.0.7", "12 h")
	w.post(t, ada, at+"/rotate/cancel", nil).want(t, 303)
	page := w.get(t, ada, at+"/credentials")
	page.want(t, 200, "revoked", "active")
	page.lacks(t, "A rotation is under way")
	w.post(t, ada, at+"/rotate/complete", nil).want(t, 422)
	w.post(t, ada, at+"/rotate", url.Values{"overlap": {"0s"}}).want(t, 200, "the-secret")
	if cl, err := w.manager.Client(t.Context(), "hotel", made.Client.ID); err != nil || cl.Secrets[0].Live(w.now) {
		t.Errorf("the old secret lives on: %v", err)
	}
}

func TestRevokeAndPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Paused")
	at := "/console/t/hotel/clients/" + made.Client.ID
	w.post(t, owner, at+"/secrets/"+made.Label.ID+"/pause", url.Values{"minutes": {"5"}}).want(t, 422, "no other active secret")
	w.post(t, owner, at+"/secrets", url.Values{"secret_name": {"second"}, "expires": {"30"}}).want(t, 200, "the-secret")
	w.post(t, owner, at+"/secrets", url.Values{"secret_name": {"second"}}).want(t, 422, "already")
	w.post(t, owner, at+"/secrets/"+made.Label.ID+"/pause", url.Values{"minutes": {"5"}}).want(t, 303)
	w.get(t, owner, at+"/credentials").want(t, 200, "paused", "Let it work")
	w.post(t, owner, at+"/secrets/"+made.Label.ID+"/pause", url.Values{"minutes": {"0"}}).want(t, 303)
	w.post(t, owner, at+"/secrets/"+made.Label.ID+"/pause", url.Values{"minutes": {"x"}}).want(t, 422)
	w.get(t, owner, at+"/secrets/"+made.Label.ID+"/revoke").lacks(t, "locked out")
	w.post(t, owner, at+"/secrets/"+made.Label.ID+"/revoke", nil).want(t, 303)
	cl, err := w.manager.Client(t.Context(), "hotel", made.Client.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, at+"/secrets/"+cl.Secrets[1].ID+"/revoke").want(t, 200, "locked out", "--last", "allow_last=true")
	w.post(t, owner, at+"/secrets/"+cl.Secrets[1].ID+"/revoke", nil).want(t, 303)
	w.get(t, owner, at+"/credentials").want(t, 200, "no secret")
	w.get(t, owner, at+"/secrets/sec_none/revoke").want(t, 404)
}

func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Grown")
	at := "/console/t/hotel/clients/" + made.Client.ID + "/access"
	w.get(t, owner, at).want(t, 200, `value="`+api+` orders/read" checked`)
	form := url.Values{"grant": {api + " orders/write"}, "version": {"1"}}
	w.post(t, owner, at, form).want(t, 200, "<del>"+api+" orders/read</del>", "<ins>"+api+" orders/write</ins>", "Save")
	if cl, _ := w.manager.Client(t.Context(), "hotel", made.Client.ID); cl.Grants[0].Scopes[0] != "orders/read" {
		t.Error("it was changed before anybody agreed")
	}
	form.Set("sure", "1")
	w.post(t, owner, at, form).want(t, 303)
	if cl, _ := w.manager.Client(t.Context(), "hotel", made.Client.ID); cl.Grants[0].Scopes[0] != "orders/write" {
		t.Errorf("got %+v", cl.Grants)
	}
	w.post(t, owner, at, url.Values{"grant": {api + " *"}, "version": {"1"}, "sure": {"1"}}).want(t, 422, "Somebody else changed it")
	w.post(t, owner, at, url.Values{"grant": {api + " none"}, "sure": {"1"}}).want(t, 422)
	w.post(t, owner, at, url.Values{"grant": {api + " orders/write"}}).want(t, 303)
	w.post(t, owner, at, url.Values{"sure": {"1"}}).want(t, 303)
	w.get(t, owner, strings.TrimSuffix(at, "/access")).want(t, 200, "it gets no token")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "acme", "Set")
	at := "/console/t/hotel/clients/" + made.Client.ID + "/settings"
	w.post(t, owner, at, url.Values{
		"name": {"Reset"}, "organization": {"acme"}, "lifetime": {"2h"}, "labels": {"a=b"}, "allow_from": {"203.0.113.0/24"}, "version": {"1"},
	}).want(t, 303)
	w.get(t, owner, at).want(t, 200, `value="Reset"`, `value="2h"`, "203.0.113.0/24", "a=b")
	w.get(t, ada, at).lacks(t, "203.0.113.0/24\n</textarea>", "Networks it may ask from")
	// What a member does not see stays as it is.
	w.post(t, ada, at, url.Values{"name": {"Ours"}, "labels": {"a=b"}}).want(t, 303)
	cl, err := w.manager.Client(t.Context(), "hotel", made.Client.ID)
	if err != nil || cl.Name != "Ours" || cl.Token.Lifetime != 2*time.Hour || len(cl.AllowFrom) != 1 || cl.Organization != "acme" || len(cl.Grants) != 1 {
		t.Errorf("got %+v, %v", cl, err)
	}
	r := w.post(t, owner, at, url.Values{"name": {""}, "lifetime": {"soon"}, "organization": {"acme"}})
	r.want(t, 422, `aria-invalid="true"`, `value="soon"`, "<h1>Ours</h1>")
}

func TestTokensTab(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(t, "hotel", "", "Holder")
	at := "/console/t/hotel/clients/" + made.Client.ID + "/tokens"
	w.get(t, owner, at).want(t, 200, "JWT, ES256, for 60 min", "None of its tokens")
	w.get(t, owner, at+"/revoke").want(t, 200, "mintage token revoke --client")
	w.post(t, owner, at+"/revoke", nil).want(t, 303)
	w.get(t, owner, at).want(t, 200, "2026-11-21 09:30:00 UTC")
	w.post(t, ada, at+"/revoke", nil).want(t, 404)
}

// TestDeclaredBanner holds that what a file declares says so.
func TestDeclaredBanner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.manager.CreateClient(t.Context(), manage.Server(), &mintage.Client{
		Tenant: "hotel", Name: "Declared", Meta: mintage.Meta{ManagedBy: "tenants.yaml"},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	w.get(t, owner, "/console/t/hotel/clients/"+made.Client.ID).want(t, 200, "Declared in <code>tenants.yaml</code>")
}

// TestClientKeys says that the page of a client that signs shows its keys, and
// offers no secret that would be of no use.
func TestClientKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys, err := mintage.NormalJWKS(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"<b>2026"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	made := w.client(t, "hotel", "", "Signs")
	at := "/console/t/hotel/clients/" + made.Client.ID + "/credentials"
	change := func(f func(*mintage.Client)) {
		t.Helper()
		if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", made.Client.ID, 0, func(c *mintage.Client) error { f(c); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	w.get(t, owner, at).lacks(t, "Public keys")
	change(func(c *mintage.Client) {
		c.AuthMethods, c.JWKS = []string{oauth.AuthPrivateKeyJWT, oauth.AuthBasic}, keys
	})
	w.get(t, owner, at).want(t, 200, "Public keys", "&lt;b&gt;2026", "EdDSA", "OKP Ed25519", "or shows a secret", "Add secret")
	change(func(c *mintage.Client) {
		c.AuthMethods, c.JWKS, c.JWKSURI = []string{oauth.AuthPrivateKeyJWT}, "", "https://signs.example/jwks.json"
	})
	r := w.get(t, owner, at)
	r.want(t, 200, "https://signs.example/jwks.json", "No secret is of use to it")
	r.lacks(t, "Add secret")
}
