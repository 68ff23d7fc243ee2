package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
)

// withoutCopy are the forms of the console that are no change of what is
// administered, or that nobody but a browser can send, and why.
var withoutCopy = map[string]string{
	"POST /theme":                             "what a browser remembers",
	"POST /t/{tenant}/clients/preview":        "it shows the command itself",
	"POST /t/{tenant}/clients/{id}/verify":    "it asks for a token, as the programs beside it do",
	"POST /t/{tenant}/keys/test":              "it reads",
	"POST /t/{tenant}/token":                  "it reads",
	"POST /t/{tenant}/audit/verify":           "it reads",
	"POST /t/{tenant}/config/plan":            "it reads",
	"POST /pair/{pairing}/approve":            "it is the half of mintage login that a browser does",
	"POST /pair/{pairing}/deny":               "it is the half of mintage login that a browser does",
	"POST /t/{tenant}/import":                 "it reads",
	"POST /t/{tenant}/import/apply":           "it takes secrets from a file of another server: mintage import does",
	"POST /sign-in":                           "it is how a session begins",
	"POST /sign-in/passkey":                   "it is how a session begins",
	"POST /sign-in/passkey/finish":            "it is how a session begins",
	"POST /sign-out":                          "it ends the browser's own session",
	"POST /account/password":                  "how somebody signs in is theirs alone to change",
	"POST /account/passkey":                   "how somebody signs in is theirs alone to change",
	"POST /account/passkey/finish":            "how somebody signs in is theirs alone to change",
	"POST /account/recovery-codes":            "how somebody signs in is theirs alone to change",
	"POST /account/remove":                    "how somebody signs in is theirs alone to change",
	"POST /account/sessions":                  "one's own sessions; those of others have it",
	"POST /account/place":                     "where the browser's own session works",
	"POST /setup/{token}":                     "the link is for a person and a browser",
	"POST /setup/{token}/passkey":             "the link is for a person and a browser",
	"POST /setup/{token}/passkey/finish":      "the link is for a person and a browser",
	"POST /invitation/{token}":                "the link is for a person and a browser",
	"POST /invitation/{token}/join":           "the link is for a person and a browser",
	"POST /invitation/{token}/passkey":        "the link is for a person and a browser",
	"POST /invitation/{token}/passkey/finish": "the link is for a person and a browser",
	"POST /recover/{token}":                   "the link is for a person and a browser",
	"POST /recover/{token}/passkey":           "the link is for a person and a browser",
	"POST /recover/{token}/passkey/finish":    "the link is for a person and a browser",
}

// shownForm is a form as somebody has it before them, and what it would do.
type shownForm struct {
	path string     // of the page that says what the form is elsewhere
	form url.Values // that is sent there; nil: it is a page to look at
	done func(t *testing.T)
}

// copied is a form of the console that changes something.
type copied struct {
	pattern string
	kinds   string // of what it is shown as: cli, curl, yaml
	show    func(t *testing.T, w *consoleWorld) shownForm
}

// TestConsoleForms holds that each form of the console that changes something
// says what it is as a command, a call or a file, and that each of these, run
// against a server, does what the form does.
func TestConsoleForms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs commands by the dozen")
	}
	forms := slices.Concat(clientForms(), secretForms(), tenantForms(), apiForms(), peopleForms())
	for _, f := range console.Forms() {
		_, without := withoutCopy[f.Pattern]
		with := slices.ContainsFunc(forms, func(c copied) bool { return c.pattern == f.Pattern })
		if with == without {
			t.Errorf("%s says what it is elsewhere: %t, and is in the list of those that need not: %t", f.Pattern, with, without)
		}
	}
	w := openConsole(t)
	for _, f := range forms {
		for kind := range strings.FieldsSeq(f.kinds) {
			t.Run(strings.NewReplacer("/", "_", " ", "", "{", "", "}", "").Replace(f.pattern)+"_"+kind, func(t *testing.T) {
				s := f.show(t, w)
				shown := snippets(w.page(t, s.path, s.form))
				for _, k := range []string{"cli", "curl", "yaml"} {
					if has, want := shown["as-"+k] != "", slices.Contains(strings.Fields(f.kinds), k); has != want {
						t.Errorf("it is shown as %s: %t, want %t", k, has, want)
					}
				}
				text := shown["as-"+kind]
				if file := filepath.Join(t.TempDir(), "tenants.yaml"); kind == "cli" && strings.Contains(text, "tenants.yaml") {
					if err := os.WriteFile(file, []byte(shown["as-yaml"]), 0o600); err != nil {
						t.Fatal(err)
					}
					text = strings.ReplaceAll(text, "tenants.yaml", file)
				}
				if text == "" {
					t.Fatalf("%s has no %s", s.path, kind)
				}
				map[string]func(*testing.T, string){"cli": w.runCLI, "curl": w.runCurl, "yaml": w.runYAML}[kind](t, text)
				if !t.Failed() {
					s.done(t)
				}
				if t.Failed() {
					t.Log(text)
				}
			})
		}
	}
}

// must returns what a read gave.
func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// now reads a client as it is.
func (w *consoleWorld) now(t *testing.T, id string) *mintage.Client {
	t.Helper()
	return must[*mintage.Client](t)(w.manager.Client(context.WithoutCancel(t.Context()), "hotel", id))
}

// clientForms are those about clients.
func clientForms() []copied {
	const at = "/t/{tenant}/clients/{id}"
	return []copied{
		{"POST /t/{tenant}/clients", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			name := "It's " + t.Name()
			return shownForm{"/t/hotel/clients/preview", url.Values{
				"name": {name}, "grant": {consoleAPI + " orders/read"}, "expires": {"30"}, "secret_name": {"main"}, "labels": {"team=front desk"},
				"allow_from": {"203.0.113.0/24"}, "tokens": {"60"}, "organization": {"acme"}, "dialect": {"rfc"},
			}, func(t *testing.T) {
				t.Helper()
				made := must[[]*mintage.Client](t)(w.named(t, name))
				if len(made) != 1 {
					t.Fatalf("%d clients are called %s", len(made), name)
				}
				c := made[0]
				if c.Organization != "acme" || c.Labels["team"] != "front desk" || c.Limits.TokensPerMinute != 60 || len(c.AllowFrom) != 1 || len(c.Dialects) != 1 ||
					len(c.Secrets) != 1 || c.Secrets[0].Name != "main" || c.Secrets[0].Expires.IsZero() || c.Grants[0].Scopes[0] != "orders/read" {
					t.Errorf("got %+v", c)
				}
				if err := w.manager.DeleteClient(t.Context(), manage.Server(), "hotel", c.ID, 0); err != nil { // the file has one identifier
					t.Error(err)
				}
			}}
		}},
		{"POST /t/{tenant}/clients/disable", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			a, b := w.client(t).Client.ID, w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/disable?preview=1", url.Values{"id": {a, b}, "sure": {"1"}, "reason": {"it's over"}}, func(t *testing.T) {
				t.Helper()
				for _, id := range []string{a, b} {
					if c := w.now(t, id); !c.Disabled || c.DisabledReason != "it's over" {
						t.Errorf("disabled %t, %q", c.Disabled, c.DisabledReason)
					}
				}
			}}
		}},
		{"POST " + at + "/disable", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/disable?preview=1", url.Values{"reason": {"it's over"}}, func(t *testing.T) {
				t.Helper()
				if c := w.now(t, id); !c.Disabled {
					t.Error("it is not disabled")
				}
			}}
		}},
		{"POST " + at + "/enable", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			w.change(t, id, func(c *mintage.Client) { c.Disabled = true })
			return shownForm{"/t/hotel/clients/" + id + "/enable", nil, func(t *testing.T) {
				t.Helper()
				if w.now(t, id).Disabled {
					t.Error("it is not enabled")
				}
			}}
		}},
		{"POST " + at + "/delete", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/delete", nil, func(t *testing.T) {
				t.Helper()
				if _, err := w.manager.Client(t.Context(), "hotel", id); err == nil {
					t.Error("it is still there")
				}
			}}
		}},
		{"POST " + at + "/access", "curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/access", url.Values{"grant": {consoleAPI + " orders/write"}}, func(t *testing.T) {
				t.Helper()
				if g := w.now(t, id).Grants; len(g) != 1 || len(g[0].Scopes) != 1 || g[0].Scopes[0] != "orders/write" {
					t.Errorf("got %+v", g)
				}
			}}
		}},
		{"POST " + at + "/settings", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			w.change(t, id, func(c *mintage.Client) { c.Labels, c.MultiAudience = map[string]string{"old": "1"}, true })
			return shownForm{"/t/hotel/clients/" + id + "/settings?preview=1", url.Values{
				"name": {"Another's name"}, "labels": {"new=2"}, "allow_from": {"203.0.113.0/24\n2001:db8::/32"}, "tokens": {"7"}, "downscope": {"1"}, "dpop_bound": {"1"},
			}, func(t *testing.T) {
				t.Helper()
				c := w.now(t, id)
				if c.Name != "Another's name" || len(c.Labels) != 1 || c.Labels["new"] != "2" || len(c.AllowFrom) != 2 || c.Limits.TokensPerMinute != 7 || !c.Downscope || c.MultiAudience || !c.DPoPBoundAccessTokens {
					t.Errorf("got %+v", c)
				}
			}}
		}},
		{"POST " + at + "/settings", "curl yaml", func(t *testing.T, w *consoleWorld) shownForm { // what the command has no flag for
			t.Helper()
			id := w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/settings?preview=1", url.Values{
				"name": {"x"}, "organization": {"acme"}, "dialect": {"cognito"}, "format": {"jwt"}, "lifetime": {"15m"},
			}, func(t *testing.T) {
				t.Helper()
				if c := w.now(t, id); c.Organization != "acme" || len(c.Dialects) != 1 || c.Token.Lifetime != 15*time.Minute || c.Token.Format != mintage.FormatJWT {
					t.Errorf("got %+v", c)
				}
			}}
		}},
		{"POST " + at + "/tokens/revoke", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/tokens/revoke", nil, func(t *testing.T) {
				t.Helper()
				w.wantRevoked(t, func(r *mintage.Revocation) bool { return r.ClientID == id })
			}}
		}},
	}
}

// named reads the clients of a name.
func (w *consoleWorld) named(t *testing.T, name string) ([]*mintage.Client, error) {
	t.Helper()
	all, err := w.manager.Clients(t.Context(), "hotel", "", 0)
	return slices.DeleteFunc(all, func(c *mintage.Client) bool { return c.Name != name }), err
}

func (w *consoleWorld) change(t *testing.T, id string, change func(*mintage.Client)) {
	t.Helper()
	must[*mintage.Client](t)(w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", id, 0, func(c *mintage.Client) error {
		change(c)
		return nil
	}))
}

func (w *consoleWorld) wantRevoked(t *testing.T, is func(*mintage.Revocation) bool) {
	t.Helper()
	rs, _, err := w.manager.Revocations(t.Context(), "hotel")
	if err != nil || !slices.ContainsFunc(rs, is) {
		t.Errorf("it is not revoked: %v", err)
	}
}

// secretForms are those about secrets, keys and tokens.
func secretForms() []copied {
	const at = "/t/{tenant}/clients/{id}"
	rotating := func(t *testing.T, w *consoleWorld) *manage.Credentials {
		t.Helper()
		made := w.client(t)
		must[*manage.Credentials](t)(w.manager.RotateSecret(t.Context(), manage.Server(), "hotel", made.Client.ID, manage.Rotation{NewSecret: manage.NewSecret{Name: "second"}}))
		return made
	}
	return []copied{
		{"POST " + at + "/secrets", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/secrets?preview=1", url.Values{"secret_name": {"more"}, "expires": {"30"}}, func(t *testing.T) {
				t.Helper()
				if s := w.now(t, id).Secrets; len(s) != 2 || s[1].Name != "more" || s[1].Expires.IsZero() {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST " + at + "/rotate", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := w.client(t).Client.ID
			form := url.Values{"overlap": {"custom"}, "custom": {"36h"}, "expires": {"never"}, "secret_name": {"next"}}
			return shownForm{"/t/hotel/clients/" + id + "/rotate?preview=1", form, func(t *testing.T) {
				t.Helper()
				s := w.now(t, id).Secrets
				if len(s) != 2 || s[1].Name != "next" || !s[1].Expires.IsZero() || time.Until(s[0].Expires).Round(time.Hour) != 36*time.Hour {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST " + at + "/rotate/complete", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := rotating(t, w).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/rotate/complete", nil, func(t *testing.T) {
				t.Helper()
				if s := w.now(t, id).Secrets; s[0].Live(time.Now()) || !s[1].Live(time.Now()) {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST " + at + "/rotate/cancel", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := rotating(t, w).Client.ID
			return shownForm{"/t/hotel/clients/" + id + "/rotate/cancel", nil, func(t *testing.T) {
				t.Helper()
				if s := w.now(t, id).Secrets; !s[0].Live(time.Now()) || s[1].Live(time.Now()) {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST " + at + "/secrets/{secret}/revoke", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			made := w.client(t)
			return shownForm{"/t/hotel/clients/" + made.Client.ID + "/secrets/" + made.Label.ID + "/revoke", nil, func(t *testing.T) {
				t.Helper()
				if s := w.now(t, made.Client.ID).Secrets; s[0].Revoked.IsZero() {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST " + at + "/secrets/{secret}/pause", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			made := rotating(t, w)
			return shownForm{"/t/hotel/clients/" + made.Client.ID + "/secrets/" + made.Label.ID + "/pause?preview=1", url.Values{"minutes": {"15"}}, func(t *testing.T) {
				t.Helper()
				if s := w.now(t, made.Client.ID).Secrets; time.Until(s[0].PausedUntil).Round(time.Minute) != 15*time.Minute {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST " + at + "/secrets/{secret}/pause", "cli curl", func(t *testing.T, w *consoleWorld) shownForm { // and back
			t.Helper()
			made := rotating(t, w)
			must[*mintage.Client](t)(w.manager.BrownOut(t.Context(), manage.Server(), "hotel", made.Client.ID, made.Label.ID, time.Hour))
			return shownForm{"/t/hotel/clients/" + made.Client.ID + "/secrets/" + made.Label.ID + "/pause", nil, func(t *testing.T) {
				t.Helper()
				if s := w.now(t, made.Client.ID).Secrets; s[0].Paused(time.Now()) {
					t.Errorf("got %+v", s)
				}
			}}
		}},
		{"POST /t/{tenant}/token/revoke", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			jti := "jti-of-" + strings.ReplaceAll(t.Name(), "/", "-")
			return shownForm{"/t/hotel/token/revoke?jti=" + jti, nil, func(t *testing.T) {
				t.Helper()
				w.wantRevoked(t, func(r *mintage.Revocation) bool { return r.JTI == jti })
			}}
		}},
		{"POST /t/{tenant}/keys/rotate", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			must[*mintage.SigningKey](t)(w.manager.RotateKey(t.Context(), manage.Server(), "hotel", "EdDSA", 0)) // one that signs until then
			before := must[[]*mintage.SigningKey](t)(w.manager.SigningKeys(t.Context(), "hotel"))
			return shownForm{"/t/hotel/keys/rotate?preview=1", url.Values{"alg": {"EdDSA"}, "wait": {"2h"}}, func(t *testing.T) {
				t.Helper()
				for _, k := range must[[]*mintage.SigningKey](t)(w.manager.SigningKeys(t.Context(), "hotel")) {
					fresh := !slices.ContainsFunc(before, func(b *mintage.SigningKey) bool { return b.ID == k.ID })
					if fresh && k.Alg == "EdDSA" && time.Until(k.SignsFrom).Round(time.Hour) == 2*time.Hour {
						return
					}
				}
				t.Error("there is no such key")
			}}
		}},
		{"POST /t/{tenant}/keys/{kid}/kill", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			k := must[*mintage.SigningKey](t)(w.manager.RotateKey(t.Context(), manage.Server(), "hotel", "EdDSA", 0))
			return shownForm{"/t/hotel/keys/" + k.ID + "/kill", nil, func(t *testing.T) {
				t.Helper()
				w.wantRevoked(t, func(r *mintage.Revocation) bool { return r.KeyID == k.ID })
			}}
		}},
	}
}

// tenantForms are those about tenants, organizations and declared state.
func tenantForms() []copied {
	organization := func(t *testing.T, w *consoleWorld) string {
		t.Helper()
		id := "org-" + strings.ToLower(rand.Text()[:8])
		w.organization(t, "hotel", id)
		t.Cleanup(func() {
			_ = w.manager.DeleteOrganization(context.WithoutCancel(t.Context()), manage.Server(), "hotel", id, 0) // a form may have
		})
		return id
	}
	issuer := func(id string) string { return "https://" + id + ".example" }
	tenant := func(t *testing.T, w *consoleWorld, kind string) string {
		t.Helper()
		id := kind + "-" + strings.ToLower(rand.Text()[:8])
		must[*mintage.Tenant](t)(w.manager.CreateTenant(t.Context(), manage.Server(), &mintage.Tenant{
			ID: id, Issuer: issuer(id), Protected: true, SecretLifetime: time.Hour, Aliases: []string{"other." + id + ".example"},
		}))
		return id
	}
	return []copied{
		{"POST /t/{tenant}/organizations", "cli curl yaml", func(_ *testing.T, w *consoleWorld) shownForm {
			id := "new-" + strings.ToLower(rand.Text()[:8])
			return shownForm{"/t/hotel/organizations?preview=1", url.Values{
				"id": {id}, "name": {"Acme's"}, "grant": {consoleAPI + " orders/read", consoleAPI + " orders/write"}, "max_clients": {"3"},
			}, func(t *testing.T) {
				t.Helper()
				o := must[*mintage.Organization](t)(w.manager.Organization(t.Context(), "hotel", id))
				if o.Name != "Acme's" || o.MaxClients != 3 || len(o.Grants) != 1 || len(o.Grants[0].Scopes) != 2 {
					t.Errorf("got %+v", o)
				}
			}}
		}},
		{"POST /t/{tenant}/organizations/{id}", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := organization(t, w)
			return shownForm{"/t/hotel/organizations/" + id + "?preview=1", url.Values{"name": {"Renamed"}, "max_clients": {"5"}}, func(t *testing.T) {
				t.Helper()
				o := must[*mintage.Organization](t)(w.manager.Organization(t.Context(), "hotel", id))
				if o.Name != "Renamed" || o.MaxClients != 5 || len(o.Grants) != 0 {
					t.Errorf("got %+v", o)
				}
			}}
		}},
		{"POST /t/{tenant}/organizations/{id}/delete", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := organization(t, w)
			return shownForm{"/t/hotel/organizations/" + id + "/delete", nil, func(t *testing.T) {
				t.Helper()
				if _, err := w.manager.Organization(t.Context(), "hotel", id); err == nil {
					t.Error("it is still there")
				}
			}}
		}},
		{"POST /tenants", "cli curl yaml", func(_ *testing.T, w *consoleWorld) shownForm {
			id := "made-" + strings.ToLower(rand.Text()[:8])
			return shownForm{"/tenants?preview=1", url.Values{"id": {id}, "issuer": {issuer(id)}, "protected": {"1"}}, func(t *testing.T) {
				t.Helper()
				if made := must[*mintage.Tenant](t)(w.manager.Tenant(t.Context(), id)); !made.Protected || made.Issuer != issuer(id) {
					t.Errorf("got %+v", made)
				}
			}}
		}},
		{"POST /t/{tenant}/settings", "yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := tenant(t, w, "set")
			return shownForm{"/t/" + id + "/settings?preview=1", url.Values{
				"issuer": {issuer(id)}, "paths": {"/oauth2/token cognito"}, "lifetime": {"15m"}, "overlap": {"2h"}, "origins": {"https://app.example"},
			}, func(t *testing.T) {
				t.Helper()
				is := must[*mintage.Tenant](t)(w.manager.Tenant(t.Context(), id))
				if is.Protected || is.SecretLifetime != 0 || len(is.Aliases) != 0 || is.SecretOverlap != 2*time.Hour || is.Token.Lifetime != 15*time.Minute ||
					is.TokenPaths["/oauth2/token"] != "cognito" || len(is.CORSOrigins) != 1 {
					t.Errorf("got %+v", is)
				}
			}}
		}},
		{"POST /t/{tenant}/settings/delete", "cli curl", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := tenant(t, w, "gone")
			return shownForm{"/t/" + id + "/settings/delete", nil, func(t *testing.T) {
				t.Helper()
				if _, err := w.manager.Tenant(t.Context(), id); err == nil {
					t.Error("it is still there")
				}
			}}
		}},
		{"POST /t/{tenant}/settings/disable", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := tenant(t, w, "off")
			return shownForm{"/t/" + id + "/settings/disable", nil, func(t *testing.T) {
				t.Helper()
				if !must[*mintage.Tenant](t)(w.manager.Tenant(t.Context(), id)).Disabled {
					t.Error("it is not disabled")
				}
			}}
		}},
		{"POST /t/{tenant}/settings/enable", "cli curl yaml", func(t *testing.T, w *consoleWorld) shownForm {
			t.Helper()
			id := tenant(t, w, "on")
			must[*mintage.Tenant](t)(w.manager.UpdateTenant(t.Context(), manage.Server(), id, 0, func(t *mintage.Tenant) error { t.Disabled = true; return nil }))
			return shownForm{"/t/" + id + "/settings/enable", nil, func(t *testing.T) {
				t.Helper()
				if must[*mintage.Tenant](t)(w.manager.Tenant(t.Context(), id)).Disabled {
					t.Error("it is not enabled")
				}
			}}
		}},
	}
}
