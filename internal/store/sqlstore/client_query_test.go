package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// BenchmarkFindClients is a page of 50 of 10,000 clients, in each order and
// through each filter.
func BenchmarkFindClients(b *testing.B) {
	s := sqltest.Open(b)
	now := time.Unix(1_800_000_000, 0)
	if err := s.Update(b.Context(), func(tx store.Tx) error {
		if err := tx.CreateTenant(b.Context(), &mintage.Tenant{ID: "acme", Issuer: "https://acme.example"}); err != nil {
			return err
		}
		if err := tx.CreateResourceServer(b.Context(), &mintage.ResourceServer{Tenant: "acme", Identifier: "orders"}); err != nil {
			return err
		}
		for i := range 10_000 {
			at := now.Add(-time.Duration(i*37%10_000) * time.Minute)
			if err := tx.CreateClient(b.Context(), &mintage.Client{
				Tenant: "acme", ID: fmt.Sprintf("mc_%05d", i), Name: fmt.Sprintf("Client %05d", i*7919%10_000), Meta: mintage.Meta{Created: at},
				Labels: map[string]string{"team": fmt.Sprint(i % 100)}, Grants: []mintage.Grant{{ResourceServer: "orders", Scopes: []string{"read"}}},
				Secrets: []mintage.Secret{
					{ID: "a", Name: "a", Hash: fmt.Sprint("a", i), Created: at, LastUsed: at, Expires: now.Add(time.Duration(i) * time.Hour)},
					{ID: "b", Name: "b", Hash: fmt.Sprint("b", i), Created: at},
				},
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		q    store.ClientQuery
	}{
		{"by=id", store.ClientQuery{}},
		{"by=name", store.ClientQuery{Order: store.ByName}},
		{"by=name/deep", store.ClientQuery{Order: store.ByName, After: store.ClientMark{Key: "client 09000", ID: "mc_"}}},
		{"by=created", store.ClientQuery{Order: store.ByCreated, Descending: true}},
		{"by=last_used", store.ClientQuery{Order: store.ByLastUsed, Descending: true}},
		{"by=expires", store.ClientQuery{Order: store.ByExpires}},
		{"text", store.ClientQuery{Text: "09", Order: store.ByName}},
		{"label", store.ClientQuery{Label: "team", Order: store.ByName}},
		{"api", store.ClientQuery{ResourceServer: "orders", Order: store.ByName}},
		{"unused", store.ClientQuery{UnusedSince: now.Add(-5000 * time.Minute), Order: store.ByLastUsed}},
		{"ending", store.ClientQuery{ExpiresUntil: now.Add(100 * time.Hour), Order: store.ByExpires}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			q := bench.q
			q.Tenant, q.Now, q.Limit = "acme", now, 50
			for b.Loop() {
				if list, err := s.FindClients(b.Context(), q); err != nil || len(list) == 0 {
					b.Fatalf("%d clients, %v", len(list), err)
				}
			}
		})
	}
}
