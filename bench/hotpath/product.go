package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/linelog"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/server"
)

// Names in the declared state.
const (
	host     = "127.0.0.1:20000"
	tenant   = "bench"
	resource = "https://api.bench.example"
	scope    = "orders/read"
)

// product is the whole server, with its data on disk and its log written away,
// answering on pipes.
type product struct {
	*side
	server *server.Server
	secret string // of every client
	file   *os.File
	log    *linelog.Writer
}

// openProduct opens a server on a new data directory and declares a client for
// each of the scenarios. One that is unrecorded keeps no request log, no usage
// and no last use.
func openProduct(ctx context.Context, dir string, list []scenario, unrecorded bool) (*product, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(dir, "log")) //nolint:gosec // our own directory
	if err != nil {
		return nil, err
	}
	p := &product{secret: secret.Generate(false), file: file, log: linelog.NewWriter(file)}
	p.server, err = server.Open(ctx, server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: dir, Version: "bench", Commit: "bench", Unrecorded: unrecorded,
		Log: linelog.NewJSON(p.log, slog.LevelInfo),
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := p.declare(ctx, list); err != nil {
		return nil, errors.Join(err, p.server.Close(), file.Close()) //nolint:contextcheck // it is closed whatever became of ctx
	}
	p.side = serve(p.server.ServePublic)
	return p, nil
}

func (p *product) declare(ctx context.Context, list []scenario) error {
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: mintage/v1
tenants:
  - { id: %[1]s, issuer: "http://%[2]s", token_paths: { /oauth2/token: rfc } }
resource_servers:
  - { identifier: %[3]s, tenants: [%[1]s], scopes: { %[4]s: "" } }
clients:
`, tenant, host, resource, scope)
	for _, s := range list {
		fmt.Fprintf(&text, `  - id: %[1]s
    name: %[1]s
    tenants: [%[2]s]
    token: %[3]s
    grants: [{ resource_server: %[4]s, scopes: [%[5]s] }]
    secrets: [{ name: main, generate: true, write_to: { file: nowhere.env } }]
`, s.name, tenant, s.settings, resource, scope)
	}
	parsed, err := apply.ParseDocument("bench", ".", []byte(text.String()))
	if err != nil {
		return err
	}
	for i := range parsed.State.Clients {
		parsed.State.Clients[i].Secrets[0].Made = map[string]apply.Sensitive{tenant: apply.Sensitive(p.secret)}
	}
	_, err = p.server.Manager().Apply(ctx, manage.Server(), manage.Declared{State: parsed.State, Source: "bench"})
	return err
}

// request returns what a scenario sends.
func (p *product) request(s scenario) ([]byte, error) {
	ask := post(host, "/oauth2/token", s.name, p.secret, tokenForm())
	if !s.asks {
		return ask, nil
	}
	c := p.dial()
	defer func() { _ = c.Close() }()
	body, err := c.ask(ask)
	if err != nil {
		return nil, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	return post(host, "/oauth2/introspect", s.name, p.secret, url.Values{"token": {answer.AccessToken}}), nil
}

func (p *product) close() error {
	return errors.Join(p.side.close(), p.server.Close(), p.log.Close(), p.file.Close())
}

func tokenForm() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
}

// post writes a request with a form and Basic credentials. The identifier and
// the password have no character that needs escaping.
func post(host, path, id, password string, form url.Values) []byte {
	body := form.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, host, base64.StdEncoding.EncodeToString([]byte(id+":"+password)), len(body), body)
}
