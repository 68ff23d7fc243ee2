// Package e2e_test walks the console with a browser, as people do.
package e2e_test

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
)

// TestConsole runs console.mjs against a server: first run, sign-in, seed 004 as
// a customer's developer, keyboard, live tail, hostile text, and axe on every
// screen, light and dark, wide and narrow.
func TestConsole(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a browser and a minute")
	}
	chromium := needs(t, "chromium")
	node := needs(t, "node")
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		missing(t, "e2e/node_modules")
	}
	w := open(t)
	python, javascript := samples(t)
	cmd := exec.CommandContext(t.Context(), node, "console.mjs")
	cmd.Env = append(os.Environ(),
		"CHROMIUM="+chromium, "SETUP_URL="+w.setup, "CONSOLE="+w.console, "ISSUER="+w.issuer,
		"SAMPLE_PY="+python, "SAMPLE_JS="+javascript, "SHOTS="+os.Getenv("E2E_SHOTS"))
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("the walk failed: %v", err)
	}
}

// needs returns where a command is. Without it the test is skipped, but in CI,
// where scripts/setup has brought it, that is a failure.
func needs(t *testing.T, name string) string {
	t.Helper()
	if name == "node" {
		if at, err := filepath.Abs("../.tools/node/bin/node"); err == nil {
			if _, err := os.Stat(at); err == nil {
				return at
			}
		}
	}
	at, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return at
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: make setup installs it", what)
	}
	t.Skipf("%s is missing: make setup installs it", what)
}

// world is a server as the walk finds it.
type world struct{ setup, console, issuer string }

// open starts a server with a customer's organization and a tenant in
// production.
func open(t *testing.T) world {
	t.Helper()
	s, err := server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: filepath.Join(t.TempDir(), "data"), Volatile: true,
		NoteUses: 200 * time.Millisecond, Version: "0.6.0", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer := "http://" + s.PublicAddr().String()
	ctx, by, m := t.Context(), manage.Server(), s.Manager()
	const api = "https://api.saas.example.com"
	for _, tenant := range []*mintage.Tenant{
		{ID: "saas", Issuer: issuer, TokenPaths: map[string]string{mintage.DefaultTokenPath: mintage.DialectCognito}},
		{ID: "production", Issuer: issuer + "/production", Protected: true},
	} {
		if _, err := m.CreateTenant(ctx, by, tenant); err != nil {
			t.Fatal(err)
		}
		rs := &mintage.ResourceServer{Tenant: tenant.ID, Identifier: api, Name: "saas-api", Scopes: []mintage.ScopeDefinition{{Name: "api/write", Description: "Write everything"}}}
		if _, err := m.CreateResourceServer(ctx, by, rs); err != nil {
			t.Fatal(err)
		}
		o := &mintage.Organization{Tenant: tenant.ID, ID: "acme", Name: "Acme Hotels", Grants: []mintage.Grant{{ResourceServer: api, Scopes: []string{"api/write"}}}}
		if _, err := m.CreateOrganization(ctx, by, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.EnsureNeededKeys(ctx, by, "saas", "production"); err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	ready := make(chan struct{})
	done.Go(func() {
		if err := s.Run(ctx, func() { close(ready) }); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	t.Cleanup(done.Wait) // the test's context has ended by then
	<-ready
	setup, err := s.SetupURL(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A passkey belongs to a name, so that people on one machine use localhost.
	local := func(u string) string { return strings.Replace(u, "127.0.0.1", "localhost", 1) }
	return world{setup: local(setup), console: local(s.ConsoleURL()), issuer: issuer}
}

// samples returns the two programs of seed 004, as they are there, with their
// placeholders.
func samples(t *testing.T) (python, javascript string) {
	t.Helper()
	paths, err := filepath.Glob("../../shared/seeds/004_*.txt")
	if err != nil || len(paths) != 1 {
		missing(t, "../shared/seeds/004_*.txt")
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```jsx \n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("the seed has %d programs, want 2", len(blocks))
	}
	return blocks[0][1], blocks[1][1]
}
