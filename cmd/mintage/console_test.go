package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/server"
	counts "github.com/mintage-auth/mintage/internal/usage"
)

const consoleAPI = "https://api.hotel.example"

// consoleWorld is a server that runs, and its console as an owner sees it. What
// the console shows as a command, a call or a file is run against the server.
type consoleWorld struct {
	server  *server.Server
	manager *manage.Manager
	pages   http.Handler
	people  *people.Service
	data    string // directory with admin.json
	token   string // of the first administrator
	issuer  string // of the tenant hotel
}

// everybody is an owner, whatever the cookie says.
type everybody struct{}

func (everybody) Viewer(context.Context, string) (*console.Viewer, error) {
	return &console.Viewer{
		Name: "Olga", Email: "olga@example.com", Role: "owner", Scope: manage.AdminScope(),
		By: func(address, traceID string) manage.By {
			return manage.By{
				Actor: mintage.Actor{OperatorEmail: "olga@example.com", Address: address}, Via: "console", TraceID: traceID, Scope: manage.AdminScope(),
			}
		},
	}, nil
}

// openConsole starts a server with the tenant hotel, an API and an organization.
func openConsole(t *testing.T) *consoleWorld {
	t.Helper()
	w := &consoleWorld{data: filepath.Join(t.TempDir(), "data")}
	var err error
	w.server, err = server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: w.data, Volatile: true, Version: "0.6.0", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.manager, w.issuer = w.server.Manager(), "http://"+w.server.PublicAddr().String()
	w.tenant(t, "hotel", w.issuer, map[string]string{
		mintage.DefaultTokenPath: mintage.DialectRFC, "/cognito": mintage.DialectCognito, "/access-token": mintage.DialectMyParcel, "/oauth/token": mintage.DialectDoorkeeper,
	})
	w.people, err = people.New(people.Config{
		Store: w.manager.Store, Manager: w.manager, Vault: w.manager.Vault, Secrets: w.manager.Secrets,
		URL: "http://127.0.0.1/console", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.pages, err = console.New(console.Config{
		Manager: w.manager, People: everybody{}, Accounts: w.people, Version: "0.6.0", Usage: &counts.Reports{Store: w.manager.Store, Now: time.Now},
		Address: func(*http.Request) string { return "192.0.2.7" }, DocsURL: func() string { return "/docs" }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	ready := make(chan struct{})
	done.Go(func() {
		if err := w.server.Run(t.Context(), func() { close(ready) }); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	t.Cleanup(done.Wait)
	<-ready
	w.token = w.administrator(t)
	return w
}

func (w *consoleWorld) tenant(t *testing.T, id, issuer string, paths map[string]string) {
	t.Helper()
	ctx, by := t.Context(), manage.Server()
	if _, err := w.manager.CreateTenant(ctx, by, &mintage.Tenant{ID: id, Issuer: issuer, TokenPaths: paths}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.manager.CreateResourceServer(ctx, by, &mintage.ResourceServer{
		Tenant: id, Identifier: consoleAPI, Name: "orders", Scopes: []mintage.ScopeDefinition{{Name: "orders/read"}, {Name: "orders/write"}},
	}); err != nil {
		t.Fatal(err)
	}
	w.organization(t, id, "acme")
	if err := w.manager.EnsureNeededKeys(ctx, by, id); err != nil {
		t.Fatal(err)
	}
}

func (w *consoleWorld) organization(t *testing.T, tenant, id string) {
	t.Helper()
	if _, err := w.manager.CreateOrganization(t.Context(), manage.Server(), &mintage.Organization{
		Tenant: tenant, ID: id, Name: id, Grants: []mintage.Grant{{ResourceServer: consoleAPI, Scopes: []string{"orders/read"}}},
	}); err != nil {
		t.Fatal(err)
	}
}

// administrator gets a token by the credentials of admin.json.
func (w *consoleWorld) administrator(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.data, "admin.json"))
	var cred credentials
	if err == nil {
		err = json.Unmarshal(b, &cred)
	}
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cred.URL+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(cred.ClientID, cred.Secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	var doc struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Token == "" {
		t.Fatalf("no token of an administrator: %d, %v", res.StatusCode, err)
	}
	return doc.Token
}

// client makes a client of the tenant hotel with one secret.
func (w *consoleWorld) client(t *testing.T) *manage.Credentials {
	t.Helper()
	made, err := w.manager.CreateClient(t.Context(), manage.Server(), &mintage.Client{
		Tenant: "hotel", Name: "Front desk's sync", Grants: []mintage.Grant{{ResourceServer: consoleAPI, Scopes: []string{"orders/read"}}},
	}, manage.NewSecret{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// page asks for a page of the console, or sends a form.
func (w *consoleWorld) page(t *testing.T, path string, form url.Values) string {
	t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "/console"+path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Fragment", "1")
	r.AddCookie(&http.Cookie{Name: console.SessionCookie, Value: "x"})
	rec := httptest.NewRecorder()
	w.pages.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("%s: %d: %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

var codeBlock = regexp.MustCompile(`(?s)<pre id="([a-z0-9-]+)" tabindex="0">(.*?)</pre>`)

// snippets are the blocks of a page that can be copied, by their ids.
func snippets(page string) map[string]string {
	out := map[string]string{}
	for _, m := range codeBlock.FindAllStringSubmatch(page, -1) {
		out[m[1]] = html.UnescapeString(m[2])
	}
	return out
}

// shell runs text by a shell.
func shell(t *testing.T, text string, env ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", text)
	cmd.Env = append(os.Environ(), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s%s\n%s", err, out, &errs, text)
	}
	return out
}

// answers types what a command asks for, as somebody at a terminal does.
type answers struct {
	asked *bytes.Buffer
	rest  []byte
	seen  int
}

var question = regexp.MustCompile(`Type (.*) to go on: $`)

func (a *answers) Read(p []byte) (int, error) {
	if m := question.FindSubmatch(a.asked.Bytes()[a.seen:]); len(a.rest) == 0 && m != nil {
		a.rest, a.seen = append(bytes.Clone(m[1]), '\n'), a.asked.Len()
	}
	if len(a.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// runCLI runs lines of the command as a shell reads them, and answers what they
// ask.
func (w *consoleWorld) runCLI(t *testing.T, text string) {
	t.Helper()
	words := shell(t, `mintage() { for a in "$@"; do printf '%s\000' "$a"; done; printf '\001\000'; }`+"\n"+text)
	for line := range strings.SplitSeq(strings.TrimSuffix(string(words), "\001\x00"), "\001\x00") {
		w.run(t, strings.Split(strings.TrimSuffix(line, "\x00"), "\x00")...)
	}
}

// run runs one command in this process.
func (w *consoleWorld) run(t *testing.T, args ...string) {
	t.Helper()
	p := newProcess("", map[string]string{"MINTAGE_CREDENTIALS_FILE": filepath.Join(w.data, "admin.json")})
	p.stdin, p.canAsk = &answers{asked: &p.err}, true
	if code := p.execute(t.Context(), args); code != exitOK {
		t.Errorf("mintage %q: exit code %d: %s", args, code, p.err.String())
	}
}

// runCurl runs calls of the admin API.
func (w *consoleWorld) runCurl(t *testing.T, text string) {
	t.Helper()
	shell(t, `curl() { command curl -sS --fail-with-body "$@"; }`+"\n"+text, "MINTAGE_TOKEN="+w.token)
}

// runYAML applies a file, first to see what it would do.
func (w *consoleWorld) runYAML(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "tenants.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, "diff", "-f", path)
	w.run(t, "apply", "-f", path, "--dry-run")
	w.run(t, "apply", "-f", path, "--yes")
}
