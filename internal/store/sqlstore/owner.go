package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
)

func scanOwner(row scanner) (*mintage.SecretOwner, error) {
	o := new(mintage.SecretOwner)
	err := row.Scan(&o.Tenant, &o.ClientID, &o.SecretID)
	return o, err
}

// SecretOwner implements store.Owners. The hash is in no error.
func (s *Store) SecretOwner(ctx context.Context, hash string) (*mintage.SecretOwner, error) {
	o, err := view(ctx, s, func(ses session) (*mintage.SecretOwner, error) {
		return one(ctx, ses, scanOwner, `
			SELECT tenant, client, id FROM client_secrets WHERE hash = $1 ORDER BY tenant, client, id LIMIT 1`, hash)
	})
	if err != nil {
		return nil, fmt.Errorf("owner of a secret: %w", err)
	}
	return o, nil
}

func scanText(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

// ClientTenants implements store.Owners.
func (s *Store) ClientTenants(ctx context.Context, id string, limit int) ([]string, error) {
	list, err := view(ctx, s, func(ses session) ([]string, error) {
		return all(ctx, ses, scanText, `SELECT tenant FROM clients WHERE id = $1 ORDER BY tenant LIMIT $2`, id, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("tenants of client %q: %w", id, err)
	}
	return list, nil
}
