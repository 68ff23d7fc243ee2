package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Names in the declared state.
const (
	resource = "https://api.bench.example"
	scope    = "orders/read"
	endpoint = "/oauth2/token"
)

// product is mintage serve with its data on disk.
type product struct {
	*process
	bin, dir      string
	public, admin string // host:port
	env           []string
}

// newProduct starts the server on a new data directory.
func newProduct(ctx context.Context, bin, dir string, env ...string) (*product, error) {
	p := &product{bin: bin, dir: dir, env: env}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var errs [2]error
	p.public, errs[0] = freeAddress(ctx)
	p.admin, errs[1] = freeAddress(ctx)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return p, p.restart(ctx)
}

// launch starts the process; the one before it has ended.
func (p *product) launch() (err error) {
	p.process, err = start(p.dir, "mintage", p.env, p.bin, "serve",
		"--data", filepath.Join(p.dir, "data"), "--listen", p.public, "--admin-listen", p.admin)
	return err
}

// restart starts the process and waits until it is ready.
func (p *product) restart(ctx context.Context) error {
	p.stop()
	if err := p.launch(); err != nil {
		return err
	}
	probe := fmt.Appendf(nil, "GET /readyz HTTP/1.1\r\nHost: %s\r\n\r\n", p.admin)
	_, err := p.answered(ctx, p.admin, probe, time.Minute)
	return err
}

// stop ends the process, if it runs.
func (p *product) stop() { p.process.stop() }

// apply applies a file with this text, and returns what the command said when
// it refused it.
func (p *product) apply(ctx context.Context, name, text string) error {
	dir := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Join(dir, "secrets"), 0o700); err != nil {
		return err
	}
	file := name + ".yaml" // the name says who manages what: files of one name prune one another
	if err := os.WriteFile(filepath.Join(dir, file), []byte("apiVersion: mintage/v1\n"+text), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.bin, "apply", "-f", file, "--yes") //nolint:gosec // the binary that is measured
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MINTAGE_CREDENTIALS_FILE="+filepath.Join(p.dir, "data", "admin.json"), "NO_PROXY=127.0.0.1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
}

// credentials reads what apply wrote for a client.
func (p *product) credentials(name, tenant string) (id, secret string, err error) {
	raw, err := os.ReadFile(filepath.Join(p.dir, name, "secrets", tenant+".env")) //nolint:gosec // apply wrote it there
	for line := range strings.Lines(string(raw)) {
		switch variable, value, _ := strings.Cut(strings.TrimSpace(line), "="); variable {
		case "MINTAGE_CLIENT_ID":
			id = value
		case "MINTAGE_CLIENT_SECRET":
			secret = value
		}
	}
	return id, secret, err
}

// prepare makes the tenant and its resource server.
func (p *product) prepare(ctx context.Context) error {
	return p.apply(ctx, "tenant", fmt.Sprintf(`tenants:
  - id: bench
    issuer: http://%s
    token_paths: { %s: rfc }
resource_servers:
  - identifier: %s
    tenants: [bench]
    scopes: { %s: "" }
`, p.public, endpoint, resource, scope))
}

// target makes the client of a scenario and returns what to send. An error
// says why this build cannot.
func (p *product) target(ctx context.Context, s scenario) (target, error) {
	name := strings.ToLower(strings.ReplaceAll(s.name, " ", "-"))
	err := p.apply(ctx, name, fmt.Sprintf(`clients:
  - id: %[1]s
    name: %[1]s
    tenants: [bench]
    token: %[2]s
    grants: [{ resource_server: %[3]s, scopes: [%[4]s] }]
    secrets: [{ name: main, generate: true, write_to: { file: "secrets/{tenant}.env" } }]
`, name, s.settings, resource, scope))
	if err != nil {
		return target{}, err
	}
	id, secret, err := p.credentials(name, "bench")
	if err != nil {
		return target{}, err
	}
	ask := post(p.public, endpoint, id, secret, tokenForm())
	if !s.introspects {
		return target{addr: p.public, requests: [][]byte{ask}}, nil
	}
	tok, err := p.token(ctx, ask)
	return target{addr: p.public, requests: [][]byte{post(p.public, "/oauth2/introspect", id, secret, url.Values{"token": {tok}})}}, err
}

// token gets one access token.
func (p *product) token(ctx context.Context, ask []byte) (string, error) {
	body, err := p.answered(ctx, p.public, ask, 30*time.Second)
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = json.Unmarshal(body, &answer)
	return answer.AccessToken, err
}

// tokenForm is what a token request says.
func tokenForm() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
}
