package storetest

import (
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// nul: what has a NUL in its name is not there, which is no trouble of the
// database.
func nul(t *testing.T, s store.Store) {
	ctx := t.Context()
	prepare(t, s)
	_, err := s.Client(ctx, "acme", "a\x00b")
	wantErr(t, "a client", err, mintage.ErrNotFound)
	_, err = s.Tenant(ctx, "\x00")
	wantErr(t, "a tenant", err, mintage.ErrNotFound)
	for _, q := range []store.ClientQuery{{Text: "\x00"}, {Organization: "a\x00"}, {Label: "\x00"}, {ResourceServer: "\x00"}} {
		q.Tenant, q.Order = "acme", store.ByName
		list, err := s.FindClients(ctx, q)
		if err != nil || len(list) > 0 {
			t.Errorf("%+v: %d clients, %v", q, len(list), err)
		}
	}
	records, err := s.Requests(ctx, store.RequestQuery{Tenant: "acme", ClientID: "a\x00b"})
	if err != nil || len(records) > 0 {
		t.Errorf("requests: %d, %v", len(records), err)
	}
}
