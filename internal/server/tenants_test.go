//go:build !race

package server_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

const (
	manyTenants = 10_000
	// manyOpen bounds the start of a server with many tenants. A twentieth of it is
	// usual; a machine that is busy gets room.
	manyOpen = 2 * time.Second
)

// TestManyTenants holds that ten thousand tenants on one server cost little at
// its start, and a token no more than with few.
func TestManyTenants(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand tenants take seconds to make")
	}
	t.Parallel()
	r := start(t, server.Config{})
	alone := r.perToken([]*follower{r.follower("demo", r.public, "revocations:read")})
	r.stop()
	makeTenants(t, r.data)

	began := time.Now()
	s, err := server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: r.data, Database: server.Database{URL: sqltest.URL(t, r.data)},
		Log: slog.New(slog.DiscardHandler),
	})
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took > manyOpen {
		t.Errorf("a server with %d tenants took %s to open", manyTenants, took)
	}

	many := start(t, server.Config{Data: r.data, Listen: strings.TrimPrefix(r.public, "http://")})
	var clients []*follower
	for i := range 100 {
		id := fmt.Sprintf("tenant-%05d", i*manyTenants/100)
		if err := many.srv.Manager().EnsureKeys(t.Context(), manage.Server(), id, mintage.DefaultTokenAlg); err != nil {
			t.Fatal(err)
		}
		made, err := many.srv.Manager().CreateClient(t.Context(), manage.Server(), &mintage.Client{
			Tenant: id, Name: "Client", Grants: []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"tenants:read"}}},
		}, manage.NewSecret{})
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, &follower{running: many, id: made.Client.ID, secret: made.Secret, at: many.public, host: id + ".example"})
	}
	among := many.perToken(clients)
	t.Logf("opened in %s; median per token: %s alone, %s among %d tenants", took, alone, among, manyTenants)
	if among > 3*alone {
		t.Errorf("a token took %s among %d tenants, and %s alone", among, manyTenants, alone)
	}
}

// perToken is the median time of a token, the first of each client aside.
func (r *running) perToken(clients []*follower) time.Duration {
	r.t.Helper()
	const rounds = 1000
	var took []time.Duration
	for i := range rounds + len(clients) {
		f := clients[i%len(clients)]
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.public+"/oauth2/token", strings.NewReader(grant.Encode()))
		if err != nil {
			r.t.Fatal(err)
		}
		req.Host = f.host
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(f.id, f.secret)
		began := time.Now()
		a := r.do(req)
		if a.status != http.StatusOK {
			r.t.Fatalf("%s: %d %s", f.host, a.status, a.body)
		}
		if i >= len(clients) {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// makeTenants writes tenants as the use cases do, but many at a time. They have
// no key yet.
func makeTenants(t *testing.T, data string) {
	t.Helper()
	st := sqltest.OpenIn(t, data)
	defer func() { _ = st.Close() }()
	now := time.Now().UTC().Truncate(time.Second)
	meta := mintage.Meta{Version: 1, Created: now, Updated: now}
	const batch = 1000
	for first := 0; first < manyTenants; first += batch {
		err := st.Update(t.Context(), func(tx store.Tx) error {
			for i := first; i < first+batch; i++ {
				id := fmt.Sprintf("tenant-%05d", i)
				if err := tx.CreateTenant(t.Context(), &mintage.Tenant{
					ID: id, Issuer: "https://" + id + ".example", Aliases: []string{id + ".alias.example"}, Meta: meta,
				}); err != nil {
					return err
				}
				if err := tx.CreateResourceServer(t.Context(), &mintage.ResourceServer{
					Tenant: id, Identifier: mintage.AdminResource, Name: "mintage", ScopePrefix: manage.AdminPrefix,
					Scopes: manage.AdminScopes(), Meta: meta,
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
