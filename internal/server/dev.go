package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
)

// Names of what mintage dev makes.
const (
	demoTenant  = "demo"
	demoCognito = "demo-cognito" // the dialect of Cognito has the same path as that of RFC 6749
	demoClient  = "demo"
	demoAPI     = "https://api.demo.example"
	demoSource  = "mintage dev"
	demoFile    = "demo.json"

	// demoKeyWait is how long dev waits for RSA keys before it says that it is
	// ready; a key that takes longer answers 503 until it is there.
	demoKeyWait = 600 * time.Millisecond
)

// Demo is what a developer needs to get a first token.
type Demo struct {
	Issuer        string
	CognitoIssuer string
	ClientID      string
	Secret        string
	Credentials   string // path of admin.json
}

// demoSecret is the file that keeps the demo client's secret for the next run
// on the same data.
type demoSecret struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
}

// DemoOptions say what the demo is like. The zero value is the usual one.
type DemoOptions struct {
	// Life is how long the demo client's tokens live, in whole seconds; zero: as
	// long as each dialect says.
	Life time.Duration
}

// DemoTenants returns the tenants that Demo makes.
func DemoTenants() []string { return []string{demoTenant, demoCognito} }

// Demo makes two tenants that speak all dialects, an API and a client, or
// brings those of an earlier run on the same data up to date.
func (s *Server) Demo(ctx context.Context, o DemoOptions) (*Demo, error) {
	plain, err := s.demoSecret()
	if err != nil {
		return nil, err
	}
	d := &Demo{
		Issuer:   "http://" + s.public.String(),
		ClientID: demoClient, Secret: plain,
		Credentials: filepath.Join(s.cfg.Data, credentialsFile),
	}
	if s.cfg.TLS != nil {
		d.Issuer = "https://" + s.public.String()
	}
	d.CognitoIssuer = d.Issuer + "/cognito"
	if err := s.applyDemo(ctx, demoState(d, o)); err != nil {
		return nil, fmt.Errorf("make the demo tenants: %w", err)
	}
	return d, nil
}

// applyDemo applies the state, and returns when its keys exist or, if an RSA
// key takes long, without them: until it is there a request for it answers 503.
func (s *Server) applyDemo(ctx context.Context, state *apply.State) error {
	declared := manage.Declared{State: state, Source: demoSource, KeysLater: true}
	if _, err := s.manager.Apply(ctx, manage.Server(), declared); err != nil {
		return err
	}
	done := make(chan error, 1)
	s.making.Go(func() {
		done <- s.manager.EnsureNeededKeys(context.WithoutCancel(ctx), manage.Server(), state.TenantIDs()...)
	})
	select {
	case err := <-done:
		return err
	case <-time.After(demoKeyWait):
	}
	s.making.Go(func() {
		if err := <-done; err != nil {
			s.log.LogAttrs(ctx, slog.LevelError, "a key of the demo tenants is missing", slog.Any("err", err))
		}
	})
	return nil
}

// demoSecret returns the secret of an earlier run, or a new one that is on disk.
func (s *Server) demoSecret() (string, error) {
	path := filepath.Join(s.cfg.Data, demoFile)
	var kept demoSecret
	switch data, err := os.ReadFile(path); { // #nosec G304 -- in our own data directory
	case err == nil:
		if err := json.Unmarshal(data, &kept); err != nil || !secret.WellFormed(kept.Secret) {
			return "", fmt.Errorf("%s is not as mintage dev wrote it: delete it, and the demo client gets a new secret", path)
		}
		return kept.Secret, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("demo secret: %w", err)
	}
	kept = demoSecret{ClientID: demoClient, Secret: secret.Generate(false)}
	return kept.Secret, writePrivateJSON(path, kept)
}

// demoState declares what dev serves.
func demoState(d *Demo, o DemoOptions) *apply.State {
	tenants := DemoTenants()
	life := apply.Duration(o.Life) // zero is the dialect's, also after a run that said another
	ask := string(mintage.LadderAllow)
	return &apply.State{
		APIVersion: apply.APIVersion,
		Tenants: []apply.Tenant{
			{ID: demoTenant, Issuer: &d.Issuer, TokenPaths: map[string]string{
				mintage.DefaultTokenPath: mintage.DialectRFC,
				"/access-token":          mintage.DialectMyParcel,
				"/oauth/token":           mintage.DialectDoorkeeper,
			}},
			{ID: demoCognito, Issuer: &d.CognitoIssuer, TokenPaths: map[string]string{
				mintage.DefaultTokenPath: mintage.DialectCognito,
			}},
		},
		ResourceServers: []apply.ResourceServer{{
			Identifier: demoAPI, Name: new("demo-api"), Tenants: tenants,
			Scopes:        map[string]string{"orders/read": "Read orders", "orders/write": "Change orders"},
			Introspectors: []string{demoClient},
		}},
		Clients: []apply.Client{{
			ID: demoClient, Name: new("Demo"), Tenants: tenants,
			Token:   &apply.Token{Lifetime: &life},
			Ladder:  map[string]string{string(mintage.RungQueryCredentials): ask},
			Grants:  []apply.Grant{{ResourceServer: demoAPI, Scopes: []string{mintage.AllScopes}}},
			Secrets: []apply.Secret{{Name: "demo", Generate: true, Made: madeFor(tenants, d.Secret)}},
		}},
	}
}

func madeFor(tenants []string, plain string) map[string]apply.Sensitive {
	made := make(map[string]apply.Sensitive, len(tenants))
	for _, t := range tenants {
		made[t] = apply.Sensitive(plain)
	}
	return made
}
