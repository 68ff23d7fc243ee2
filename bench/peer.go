package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// What the peers' clients are called.
const (
	peerClient = "bench"
	peerSecret = "bench-secret-0123456789"
)

// peer is a server that somebody else wrote.
type peer struct {
	*process
	name    string
	addr    string
	command []string
	// scenarios has at least one, the first of which is a token request.
	scenarios []peerScenario
}

type peerScenario struct {
	name    string
	request []byte
}

func (p *peer) stop() { p.process.stop() }

func (p *peer) launch(dir string) (err error) {
	p.process, err = start(dir, strings.ReplaceAll(p.name, " ", "-"), []string{"NODE_ENV=production"}, p.command...)
	return err
}

// addPeers starts what can be installed, and notes what cannot.
func (b *bench) addPeers(ctx context.Context) error {
	if !b.peers {
		b.skipped = append(b.skipped, "peers: -peers=false")
		return nil
	}
	for _, install := range []func(context.Context, string) ([]*peer, error){goOAuth2, oidcProvider} {
		list, err := install(ctx, b.dir)
		if err != nil {
			b.skipped = append(b.skipped, err.Error())
			continue
		}
		for _, p := range list {
			if err := b.addPeer(ctx, p); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

func (b *bench) addPeer(ctx context.Context, p *peer) error {
	if err := p.launch(b.dir); err != nil {
		return err
	}
	b.peerList = append(b.peerList, p)
	for _, s := range p.scenarios {
		answer, err := p.answered(ctx, p.addr, s.request, 30*time.Second)
		if err != nil {
			return err
		}
		request := s.request
		if strings.HasSuffix(s.name, "introspection") {
			if request, err = introspect(p.addr, answer); err != nil {
				return err
			}
			if answer, err = p.answered(ctx, p.addr, request, 5*time.Second); err != nil {
				return err
			}
			if !strings.Contains(string(answer), `"active":true`) {
				return fmt.Errorf("introspection answers %s", answer)
			}
		}
		b.add(s.name, p.process, target{addr: p.addr, requests: [][]byte{request}})
	}
	return nil
}

// introspect asks about the token in an answer.
func introspect(addr string, answer []byte) ([]byte, error) {
	var doc struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &doc); err != nil {
		return nil, err
	}
	return post(addr, "/token/introspection", peerClient, peerSecret, url.Values{"token": {doc.AccessToken}}), nil
}

// peerToken is a token request with some parameters more.
func peerToken(addr string, more url.Values) []byte {
	form := url.Values{"grant_type": {"client_credentials"}}
	maps.Copy(form, more)
	return post(addr, "/token", peerClient, peerSecret, form)
}

// goOAuth2 builds github.com/go-oauth2/oauth2 in the module of peers/.
func goOAuth2(ctx context.Context, dir string) ([]*peer, error) {
	bin := filepath.Join(dir, "go-oauth2")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./go-oauth2") //nolint:gosec // into our own directory
	build.Dir = filepath.Join("bench", "peers")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go-oauth2 cannot be built: %w %.300s", err, out)
	}
	var list []*peer
	for _, format := range []string{"opaque", "RS256"} {
		addr, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		name := "go-oauth2 " + format
		list = append(list, &peer{
			name: name, addr: addr, command: []string{bin, addr, format},
			scenarios: []peerScenario{{name, peerToken(addr, nil)}},
		})
	}
	return list, nil
}

// oidcProvider installs oidc-provider from npm into a cache. Its memory keeps a
// thousand tokens, so the one that is introspected has a process of its own.
func oidcProvider(ctx context.Context, _ string) ([]*peer, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "mintage-bench", "oidc-provider")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("bench", "peers", "oidc-provider"))); errors.Is(err, os.ErrExist) {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("bench", "peers", "oidc-provider"))); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("oidc-provider cannot be installed: %w %.300s", err, out)
	}
	var list []*peer
	for _, name := range []string{"oidc-provider", "oidc-provider (introspection)"} {
		addr, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		_, port, _ := strings.Cut(addr, ":")
		p := &peer{name: name, addr: addr, command: []string{"node", filepath.Join(dir, "server.mjs"), port}}
		for _, format := range []string{"ES256", "RS256", "opaque"} {
			more := url.Values{"resource": {"urn:" + format}, "scope": {scope}}
			p.scenarios = append(p.scenarios, peerScenario{"oidc-provider " + format, peerToken(addr, more)})
		}
		if name != "oidc-provider" {
			p.scenarios = []peerScenario{{"oidc-provider introspection", p.scenarios[2].request}}
		}
		list = append(list, p)
	}
	return list, nil
}
