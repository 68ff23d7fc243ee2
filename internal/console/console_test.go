package console_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
	"github.com/mintage-auth/mintage/oauth"
)

// Who is signed in, by the value of their cookie.
const (
	owner    = "owner"
	reader   = "reader"
	ada      = "ada"   // a developer of the organization acme of the tenant hotel
	zoe      = "zoe"   // one of zenith
	nobody   = ""      // not signed in
	stranger = "stale" // with a cookie of a session that ended
)

const api = "https://api.hotel.example"

// people are sessions as internal/people would know them.
type people map[string]*console.Viewer

func (p people) Viewer(_ context.Context, cookie string) (*console.Viewer, error) {
	v, ok := p[cookie]
	if !ok {
		return nil, mintage.ErrNotFound
	}
	return v, nil
}

func viewer(name, role string, m *console.Membership, scope oauth.Scope) *console.Viewer {
	return &console.Viewer{
		Name: name, Email: strings.ToLower(name) + "@example.com", Role: role, Membership: m, Scope: scope,
		By: func(address, traceID string) manage.By {
			by := manage.By{Actor: mintage.Actor{Address: address}, Via: "console", TraceID: traceID, Scope: scope}
			if m != nil {
				by.Organization = manage.OrganizationKey{Tenant: m.Tenant, ID: m.Organization}
			}
			return by
		},
	}
}

// world is a console with the tenants hotel, other and, protected, live.
type world struct {
	handler http.Handler
	manager *manage.Manager
	people  people
	now     time.Time
	log     *strings.Builder
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldOn(tb, sqltest.Open(tb))
}

// newWorldOn is newWorld with its data in st.
func newWorldOn(tb testing.TB, st *sqlstore.Store) *world {
	tb.Helper()
	w := &world{now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), log: &strings.Builder{}}
	now := func() time.Time { return w.now }
	vault, err := keys.OpenVault(tb.Context(), keys.VaultConfig{
		Store: st, Path: filepath.Join(tb.TempDir(), "master.key"), Now: now, Create: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	pepper, err := vault.Value(tb.Context(), "pepper", secret.PepperSize)
	if err != nil {
		tb.Fatal(err)
	}
	dir := directory.New(directory.Config{Store: st, Vault: vault, Now: now})
	w.manager = &manage.Manager{
		Store: st, Vault: vault, Secrets: secret.New(pepper), Sync: dir.Sync, Now: now, Log: slog.New(slog.DiscardHandler),
	}
	if _, err := w.manager.Bootstrap(tb.Context(), "http://127.0.0.1:9401", nil); err != nil {
		tb.Fatal(err)
	}
	for _, id := range []string{"hotel", "other", "live"} {
		w.tenant(tb, id)
	}
	all := manage.AdminScope()
	reads := oauth.NewScope("mintage/clients:read", "mintage/resource_servers:read", "mintage/keys:read", "mintage/requests:read",
		"mintage/audit:read", "mintage/tenants:read", "mintage/tokens:read", "mintage/usage:read", "mintage/state:read")
	theirs := manage.MemberScope(mintage.RoleAdmin)
	w.people = people{
		owner:  viewer("Olga", "owner", nil, all),
		reader: viewer("Rita", "viewer", nil, reads),
		ada:    viewer("Ada", "developer", &console.Membership{Tenant: "hotel", Organization: "acme"}, theirs),
		zoe:    viewer("Zoe", "developer", &console.Membership{Tenant: "hotel", Organization: "zenith"}, theirs),
	}
	w.configure(tb, func(*console.Config) {})
	return w
}

// configure makes the console anew.
func (w *world) configure(tb testing.TB, change func(*console.Config)) {
	tb.Helper()
	cfg := console.Config{
		Manager: w.manager, People: w.people, Version: "0.6.0",
		Address: func(*http.Request) string { return "192.0.2.7" },
		DocsURL: func() string { return "https://auth.example/docs" },
		Now:     func() time.Time { return w.now },
		Log:     slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	change(&cfg)
	var err error
	if w.handler, err = console.New(cfg); err != nil {
		tb.Fatal(err)
	}
}

func (w *world) tenant(tb testing.TB, id string) {
	tb.Helper()
	ctx, by := tb.Context(), manage.Server()
	if _, err := w.manager.CreateTenant(ctx, by, &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example", Protected: id == "live"}); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.manager.CreateResourceServer(ctx, by, &mintage.ResourceServer{
		Tenant: id, Identifier: api, Name: "api", Scopes: []mintage.ScopeDefinition{{Name: "orders/read"}, {Name: "orders/write"}},
	}); err != nil {
		tb.Fatal(err)
	}
	for _, org := range []string{"acme", "zenith"} {
		o := &mintage.Organization{Tenant: id, ID: org, Name: strings.ToUpper(org[:1]) + org[1:], Grants: []mintage.Grant{
			{ResourceServer: api, Scopes: []string{"orders/read"}},
		}}
		if _, err := w.manager.CreateOrganization(ctx, by, o); err != nil {
			tb.Fatal(err)
		}
	}
}

// client makes a client of an organization, or of none.
func (w *world) client(tb testing.TB, tenant, organization, name string) *manage.Credentials {
	tb.Helper()
	made, err := w.manager.CreateClient(tb.Context(), manage.Server(), &mintage.Client{
		Tenant: tenant, Name: name, Organization: organization,
		Grants: []mintage.Grant{{ResourceServer: api, Scopes: []string{"orders/read"}}},
	}, manage.NewSecret{})
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// reply is an answer as a test reads it.
type reply struct {
	Code   int
	Header http.Header
	Body   string
	To     string // where it redirects
	cookie []*http.Cookie
}

// get asks for a page as somebody.
func (w *world) get(tb testing.TB, who, path string, header ...string) *reply {
	tb.Helper()
	return w.do(tb, who, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, path, http.NoBody), header...)
}

// post sends a form as somebody, from the console itself.
func (w *world) post(tb testing.TB, who, path string, form url.Values, header ...string) *reply {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(tb, who, r, append([]string{"Sec-Fetch-Site", "same-origin"}, header...)...)
}

func (w *world) do(tb testing.TB, who string, r *http.Request, header ...string) *reply {
	tb.Helper()
	if who != nobody {
		r.AddCookie(&http.Cookie{Name: console.SessionCookie, Value: who})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	res := rec.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return &reply{Code: res.StatusCode, Header: res.Header, Body: string(body), To: res.Header.Get("Location"), cookie: res.Cookies()}
}

// want fails unless the page has all these texts.
func (r *reply) want(tb testing.TB, code int, texts ...string) {
	tb.Helper()
	if r.Code != code {
		tb.Errorf("got status %d, want %d: %s", r.Code, code, r.content())
	}
	for _, text := range texts {
		if !strings.Contains(r.Body, text) {
			tb.Errorf("the page lacks %q: %s", text, r.content())
		}
	}
}

// lacks fails when the page has one of these texts.
func (r *reply) lacks(tb testing.TB, texts ...string) {
	tb.Helper()
	for _, text := range texts {
		if strings.Contains(r.Body, text) {
			tb.Errorf("the page has %q: %s", text, r.content())
		}
	}
}

// content is the beginning of what a page has of its own.
func (r *reply) content() string {
	_, content, ok := strings.Cut(r.Body, `<div id="content">`)
	if !ok {
		content = r.Body
	}
	return content[:min(len(content), 1500)]
}

// usesOf is one use of a secret.
func usesOf(tenant, client, id string, at time.Time, from string) []store.SecretUse {
	return []store.SecretUse{{Tenant: tenant, Client: client, Secret: id, At: at, From: from}}
}
