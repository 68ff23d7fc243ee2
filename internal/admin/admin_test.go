package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/admin"
	"github.com/mintage-auth/mintage/internal/directory"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/mint"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
	"github.com/mintage-auth/mintage/oauth"
)

// api is the identifier of the resource server in each tenant of a world.
const api = "https://api.example"

// world is the admin API of a server with the tenants hotel and other.
type world struct {
	handler   http.Handler
	manager   *manage.Manager
	directory *directory.Directory
	now       time.Time
	log       *strings.Builder
	master    keys.VaultConfig
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), log: &strings.Builder{}}
	now := func() time.Time { return w.now }
	st := sqltest.Open(t)
	w.master = keys.VaultConfig{Store: st, Path: filepath.Join(t.TempDir(), "master.key"), Now: now, Create: true}
	vault, err := keys.OpenVault(t.Context(), w.master)
	if err != nil {
		t.Fatal(err)
	}
	pepper, err := vault.Value(t.Context(), "pepper", secret.PepperSize)
	if err != nil {
		t.Fatal(err)
	}
	w.directory = directory.New(directory.Config{Store: st, Vault: vault, Now: now})
	w.manager = &manage.Manager{
		Store: st, Vault: vault, Secrets: secret.New(pepper), Sync: w.directory.Sync, Now: now, Log: slog.New(slog.DiscardHandler),
	}
	if _, err := w.manager.Bootstrap(t.Context(), "http://127.0.0.1:9401", nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"hotel", "other"} {
		w.tenant(t, id)
	}
	w.handler = w.node(t, w.manager, w.log)
	return w
}

// node is the admin API of one more node, whose changes m makes.
func (w *world) node(t *testing.T, m *manage.Manager, log io.Writer) http.Handler {
	t.Helper()
	h, err := admin.New(admin.Config{
		Manager: m, Directory: w.directory, Stored: w.minter(), CursorKey: make([]byte, 32), DocsURL: func() string { return "https://auth.example/docs" },
		Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (w *world) minter() *mint.Minter {
	return &mint.Minter{Now: func() time.Time { return w.now }, Rings: w.directory, Tokens: w.manager.Store}
}

func (w *world) tenant(t *testing.T, id string) {
	t.Helper()
	ctx, by := t.Context(), manage.Server()
	if _, err := w.manager.CreateTenant(ctx, by, &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.manager.CreateResourceServer(ctx, by, &mintage.ResourceServer{
		Tenant: id, Identifier: api, Name: "api", Scopes: []mintage.ScopeDefinition{{Name: "orders/read"}, {Name: "orders/write"}},
	}); err != nil {
		t.Fatal(err)
	}
}

// client makes a client with one grant.
func (w *world) client(t *testing.T, tenant, server string, scopes ...string) *mintage.Client {
	t.Helper()
	made, err := w.manager.CreateClient(t.Context(), manage.Server(), &mintage.Client{
		Tenant: tenant, Name: "Client of " + server, Grants: []mintage.Grant{{ResourceServer: server, Scopes: scopes}},
	}, manage.NewSecret{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Client
}

// mint makes a token of a client, as its tenant's token endpoint does.
func (w *world) mint(t *testing.T, c *mintage.Client, format mintage.TokenFormat) *mintage.AccessToken {
	t.Helper()
	ctx := t.Context()
	tenant, err := w.directory.Tenant(ctx, c.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	servers, err := w.directory.ResourceServers(ctx, c.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := mintage.DialectByName(mintage.DialectRFC)
	az, err := mintage.Authorize(tenant, c, servers, d, mintage.Request{GrantType: oauth.ClientCredentials})
	if err != nil {
		t.Fatal(err)
	}
	if format != "" {
		az.Token.Format = format
	}
	tok, err := w.minter().Mint(ctx, az)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// token is an access token of a new client of the tenant for the admin API.
func (w *world) token(t *testing.T, tenant string, scopes ...string) string {
	t.Helper()
	return w.mint(t, w.client(t, tenant, mintage.AdminResource, scopes...), "").Value
}

// ask is one request; the body is JSON text or empty.
type ask struct {
	method, path, token, body string
	header                    map[string]string
}

func (w *world) do(t *testing.T, a ask) *reply {
	t.Helper()
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	r := httptest.NewRequestWithContext(t.Context(), a.method, "http://127.0.0.1:9401"+admin.Prefix+a.path, body)
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return &reply{StatusCode: rec.Code, Header: rec.Header(), Body: rec.Body.String()}
}

// reply is a whole answer.
type reply struct {
	StatusCode int
	Header     http.Header
	Body       string
}

// Status is the status line.
func (r *reply) Status() string {
	return strconv.Itoa(r.StatusCode) + " " + http.StatusText(r.StatusCode)
}

// decode reads an answer that must be a success.
func decode[T any](t *testing.T, resp *reply) T {
	t.Helper()
	body := resp.Body
	if resp.StatusCode/100 != 2 {
		t.Fatalf("status %s: %s", resp.Status(), body)
	}
	var v T
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// problem reads an answer that must be a problem, and checks what all have.
func problem(t *testing.T, resp *reply, status int, code string) adminclient.Problem {
	t.Helper()
	body := resp.Body
	var p adminclient.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("status %s, %v in %s", resp.Status(), err, body)
	}
	if resp.StatusCode != status || p.Status != status || p.Code != code {
		t.Errorf("got %d %s (%s), want %d %s", resp.StatusCode, p.Code, body, status, code)
	}
	if ct := resp.Header.Get("Content-Type"); ct != adminclient.ContentTypeProblem {
		t.Errorf("a problem is %s", ct)
	}
	if p.TraceID == "" || p.TraceID != resp.Header.Get(adminclient.HeaderTraceID) || p.Title == "" || p.Type == "" {
		t.Errorf("the problem %s has no title, no type or not the trace id %q", body, resp.Header.Get(adminclient.HeaderTraceID))
	}
	return p
}

// adminclientFor returns the Go client of the world, with a token of its own.
func adminclientFor(t *testing.T, w *world, tenant string, scopes ...string) *adminclient.Client {
	t.Helper()
	srv := httptest.NewServer(w.handler)
	t.Cleanup(srv.Close)
	token := w.token(t, tenant, scopes...)
	return &adminclient.Client{
		BaseURL: srv.URL, HTTP: srv.Client(), Via: "cli",
		Token: func(context.Context) (string, error) { return token, nil },
	}
}
