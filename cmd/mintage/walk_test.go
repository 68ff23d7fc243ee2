package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// walk is a real server with a clock that can be moved, asked by callers who
// each have an address of their own behind the proxy that the test is.
type walk struct {
	*testing.T
	dir, public, admin string
	srv                *server.Server
	ahead              atomic.Int64 // nanoseconds
	callers            atomic.Int64
	secrets            map[string]string // of clients, by id
	store              store.Store       // another process at the same database
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{T: t, dir: filepath.Join(t.TempDir(), "data"), secrets: map[string]string{}}
	var err error
	w.srv, err = server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: w.dir, Log: slog.New(slog.DiscardHandler),
		BehindProxy: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Now:         func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }, Front: breaks,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.public, w.admin = "http://"+w.srv.PublicAddr().String(), "http://"+w.srv.AdminAddr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- w.srv.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.store = sqltest.OpenIn(t, w.dir)
	t.Cleanup(func() { _ = w.store.Close() })
	w.declare()
	return w
}

// breaks lets a request with the header X-Break have a body that panics when it
// is read, in the middle of the handler.
func breaks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Break") != "" {
			r.Body = brokenBody{}
		}
		next.ServeHTTP(w, r)
	})
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { panic("a fault of ours") }
func (brokenBody) Close() error             { return nil }

// walkState is what the server serves: what each client cannot do is its name.
const walkState = `{
  "apiVersion": "mintage/v1",
  "tenants": [
    {"id": "prod", "issuer": "URL", "token_paths": {"/oauth2/token": "rfc", "/access-token": "myparcel", "/oauth/token": "doorkeeper"}},
    {"id": "twin", "issuer": "URL/twin", "token_paths": {"/oauth2/token": "rfc"}},
    {"id": "moving", "issuer": "URL/moving", "token_paths": {"/oauth2/token": "rfc"}},
    {"id": "nonces", "issuer": "URL/nonces", "token_paths": {"/oauth2/token": "rfc"}, "dpop_nonces": true}
  ],
  "resource_servers": [
    {"identifier": "https://a.example", "tenants": ["prod", "twin", "moving", "nonces"], "scopes": {"read": "", "write": "", "both": ""}},
    {"identifier": "https://b.example", "tenants": ["prod"], "scopes": {"both": "", "b": ""}}
  ],
  "clients": [
    {"id": "app", "tenants": ["prod", "moving", "nonces"], "grants": [A], "secrets": [S]},
    {"id": "twin-app", "tenants": ["twin"], "grants": [A], "secrets": [S]},
    {"id": "two", "tenants": ["prod"], "grants": [A, {"resource_server": "https://b.example", "scopes": ["both"]}], "secrets": [S]},
    {"id": "all", "tenants": ["prod"], "default_scope": ["*"], "grants": [A, {"resource_server": "https://b.example", "scopes": ["b"]}], "secrets": [S]},
    {"id": "limited", "tenants": ["prod"], "limits": {"tokens_per_minute": 1}, "grants": [A], "secrets": [S]},
    {"id": "bound", "tenants": ["prod"], "dpop_bound_access_tokens": true, "grants": [A], "secrets": [S]},
    {"id": "off", "tenants": ["prod"], "disabled": true, "grants": [A], "secrets": [S]},
    {"id": "no-grant", "tenants": ["prod"], "grant_types": [], "grants": [A], "secrets": [S]},
    {"id": "elsewhere", "tenants": ["prod"], "allow_from": ["192.0.2.0/24"], "grants": [A], "secrets": [S]},
    {"id": "rfc-only", "tenants": ["prod"], "dialects": ["rfc"], "grants": [A], "secrets": [S]},
    {"id": "special", "tenants": ["prod"], "grants": [A], "secrets": [{"name": "main", "value": {"text": "p+q%r-and-20-more-bytes"}}]},
    {"id": "rotated", "tenants": ["prod"], "grants": [A], "secrets": [S]},
    {"id": "aging", "tenants": ["prod"], "grants": [A], "secrets": [S]},
    {"id": "imported", "tenants": ["prod"], "grants": [A],
     "secrets": [{"name": "old", "hash": {"text": "$2y$10$kmZ1hO9MfCp9wF/LcJXMS.77vUlJPCO4bW9vZ3dnkLxpg9qln7abK"}}]}
  ]
}`

// declare applies walkState and keeps a secret of each client.
func (w *walk) declare() {
	w.Helper()
	text := strings.NewReplacer(`"URL`, `"`+w.public, "[S]", "[]",
		"A]", `{"resource_server": "https://a.example", "scopes": ["read", "both"]}]`,
		"A,", `{"resource_server": "https://a.example", "scopes": ["read", "both"]},`).Replace(walkState)
	w.apply(text, manage.Declared{Source: "walk"})
	// Generated secrets, whose checks cost nothing and whose owners can be found.
	for tenant, ids := range map[string][]string{
		"prod": {"app", "two", "all", "limited", "off", "no-grant", "elsewhere", "rfc-only", "aging", "bound"},
		"twin": {"twin-app"}, "moving": {"app"}, "nonces": {"app"},
	} {
		for _, id := range ids {
			w.secrets[tenant+"/"+id] = w.addSecret(tenant, id, "generated", 300*24*time.Hour)
		}
	}
	w.secrets["prod/special"] = "p+q%r-and-20-more-bytes"
}

func (w *walk) apply(text string, d manage.Declared) {
	w.Helper()
	d.State = &apply.State{}
	if err := json.Unmarshal([]byte(text), d.State); err != nil {
		w.Fatal(err)
	}
	if _, err := w.srv.Manager().Apply(w.Context(), manage.Server(), d); err != nil {
		w.Fatal(err)
	}
}

func (w *walk) addSecret(tenant, client, name string, life time.Duration) string {
	w.Helper()
	made, err := w.srv.Manager().AddSecret(w.Context(), manage.Server(), tenant, client, manage.NewSecret{Name: name, Lifetime: life})
	if err != nil {
		w.Fatal(err)
	}
	return made.Secret
}

// ask is one request. What it leaves out is as a good client has it.
type ask struct {
	method, path, from, contentType string
	header                          map[string]string
	query, body                     string
	insecure                        bool // the caller's connection to the proxy was plain HTTP
}

// send sends a request and returns the trace id of its answer, and the answer.
func (w *walk) send(a ask) (trace string, status int, body string) {
	w.Helper()
	if a.method == "" {
		a.method = http.MethodPost
	}
	if a.path == "" {
		a.path = "/oauth2/token"
	}
	target := w.public + a.path
	if a.query != "" {
		target += "?" + a.query
	}
	req, err := http.NewRequestWithContext(w.Context(), a.method, target, strings.NewReader(a.body))
	if err != nil {
		w.Fatal(err)
	}
	if a.from == "" {
		n := w.callers.Add(1)
		a.from = netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}).String()
	}
	req.Header.Set("X-Forwarded-For", a.from)
	if !a.insecure {
		req.Header.Set("X-Forwarded-Proto", "https")
	}
	if a.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if a.contentType != "" {
		req.Header.Set("Content-Type", a.contentType)
	}
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.Header.Get("X-Request-Id"), res.StatusCode, string(b)
}

// form is a token request of a client by client_secret_post, with more
// parameters: names and values in turn.
func (w *walk) form(tenant, client string, more ...string) string {
	return w.with(client, w.secrets[tenant+"/"+client], more...)
}

func (w *walk) with(client, secret string, more ...string) string {
	v := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			v.Del(more[i])
		} else {
			v.Add(more[i], more[i+1])
		}
	}
	return v.Encode()
}

// token gets an access token.
func (w *walk) token(path, form string) string {
	w.Helper()
	_, status, body := w.send(ask{path: path, body: form})
	var doc struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || status != http.StatusOK || doc.Token == "" {
		w.Fatalf("no token: %d %s", status, body)
	}
	return doc.Token
}

// introspect asks as app what a token is.
func (w *walk) introspect(token string) string {
	w.Helper()
	trace, _, _ := w.send(ask{path: "/oauth2/introspect", body: w.form("prod", "app", "grant_type", "", "token", token)})
	return trace
}

// explains runs the command for a trace id and returns what it prints.
func (w *walk) explains(trace string) string {
	w.Helper()
	p := newProcess("", map[string]string{
		"MINTAGE_URL": w.admin, "MINTAGE_CREDENTIALS_FILE": server.CredentialsPath(w.dir),
	})
	root := p.root()
	root.SetArgs([]string{"explain", trace})
	if err := root.ExecuteContext(w.Context()); err != nil {
		return err.Error()
	}
	return p.out.String()
}

// TestExplainWalk raises each reason that a request can have at a real server,
// and asks mintage explain for the trace id of the answer: it tells cause and
// cure as the table has them. Complete both ways.
func TestExplainWalk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	w := newWalk(t)
	raise := w.raises()
	var codes []string
	for _, r := range explain.Reasons() {
		if r.OfRequest() {
			codes = append(codes, r.Code)
		}
	}
	for code := range raise {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is raised, and the table says that no request has it", code)
		}
	}
	// The database is away last, so that nothing else waits for it.
	codes = append(slices.DeleteFunc(codes, func(code string) bool { return code == "store.unavailable" }), "store.unavailable")
	traces := map[string]string{}
	for _, code := range codes {
		if raise[code] == nil {
			t.Errorf("nothing raises %s", code)
			continue
		}
		if traces[code] = raise[code](); traces[code] == "" {
			t.Errorf("%s: the answer has no trace id", code)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for code, trace := range traces {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			w.check(code, trace, raise[code])
		})
	}
	wg.Wait()
	t.Logf("%d of %d reasons raised and explained", len(traces), len(codes))
}

// check holds what the command says of a trace id against the table. A second
// look is made of some failures only, so that these may be raised again.
func (w *walk) check(code, trace string, again func() string) {
	reason, _ := explain.Lookup(code)
	var got string
	for range 5 {
		got = w.explains(trace)
		if strings.Contains(got, "why  "+reason.Cause+"   reason "+code+"\n") && strings.Contains(got, "fix  "+reason.Cure+"\n") {
			return
		}
		if !strings.HasPrefix(code, "auth.") && !strings.HasPrefix(code, "secret.") && code != "client.other_tenant" {
			break
		}
		trace = again()
	}
	w.Errorf("%s: %s is explained as\n%s", code, trace, got)
}

// attempts returns the trace id of the first answer with the status, of n
// requests that are sent at the same time.
func (w *walk) attempts(n, status int, send func(i int) ask) string {
	var wg sync.WaitGroup
	var found atomic.Pointer[string]
	for i := range n {
		wg.Go(func() {
			if trace, got, _ := w.send(send(i)); got == status {
				found.CompareAndSwap(nil, &trace)
			}
		})
	}
	wg.Wait()
	if found.Load() == nil {
		w.Errorf("none of %d requests was answered with %d", n, status)
		return ""
	}
	return *found.Load()
}

// guess is a wrong secret.
func guess(i int) string { return "wrong secret number " + strconv.Itoa(i) }
