package server_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// nodes starts so many servers over one PostgreSQL database. Beside it they
// share the master key and nothing else.
func nodes(t *testing.T, n int) []*running {
	t.Helper()
	at := sqltest.Postgres(t)
	first := start(t, server.Config{Database: server.Database{URL: at, MaxConns: 8}})
	all := []*running{first}
	for range n - 1 {
		data := filepath.Join(t.TempDir(), "data")
		key, err := os.ReadFile(filepath.Join(first.data, "master.key"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "master.key"), key, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, launch(t, server.Config{Data: data, Database: server.Database{URL: at, MaxConns: 8}},
			func(*server.Server, context.Context) (*server.Demo, error) { return first.demo, nil }))
	}
	return all
}

// statusAt asks a node for a token of the tenant that another node's address is
// the issuer of.
func statusAt(t *testing.T, node, issuer *running, id, secret string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, node.public+"/oauth2/token", strings.NewReader(grant.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(issuer.public, "http://")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	return node.do(req).status
}

// until polls a condition, and returns how long it took to come true.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s: not after 10 s", what)
		}
		time.Sleep(2 * time.Millisecond) // a real database, in another process, changes at its own pace
	}
	return time.Since(began)
}

// TestNodes is R7 and RV-07 on the issuing side: what one node changes is in
// force on the others, within a second.
func TestNodes(t *testing.T) {
	t.Parallel()
	all := nodes(t, 3)
	a, b, c := all[0], all[1], all[2]
	manager := a.srv.Manager()
	var took []time.Duration
	for range 10 {
		made, err := manager.CreateClient(t.Context(), manage.Server(), &mintage.Client{
			Tenant: "demo", Name: "Several nodes",
			Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"tenants:read"}}},
		}, manage.NewSecret{})
		if err != nil {
			t.Fatal(err)
		}
		wait := func(what string, node *running, want int) {
			took = append(took, until(t, what, func() bool { return statusAt(t, node, a, made.Client.ID, made.Secret) == want }))
		}
		for _, node := range []*running{b, c} {
			wait("a new client gets a token", node, http.StatusOK)
		}
		_, err = manager.UpdateClient(t.Context(), manage.Server(), "demo", made.Client.ID, 0, func(c *mintage.Client) error {
			c.Disabled = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range []*running{b, c} {
			wait("a disabled client is refused", node, http.StatusUnauthorized)
		}
	}
	slices.Sort(took)
	t.Logf("40 changes on one of three nodes in force on another: median %v, maximum %v", took[len(took)/2], took[len(took)-1])
	if worst := took[len(took)-1]; worst > 5*time.Second {
		t.Errorf("a change took %v, want 5 s at worst", worst)
	}
}
