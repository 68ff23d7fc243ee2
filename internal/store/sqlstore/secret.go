package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

// secretRow is a secret and whose it is.
type secretRow struct {
	client string
	mintage.Secret
}

func scanSecret(row scanner) (secretRow, error) {
	var s secretRow
	err := row.Scan(&s.client, &s.ID, &s.Name, &s.Hash, &s.Digest, &s.Hint, &s.CreatedBy, instant{&s.Created},
		instant{&s.Expires}, instant{&s.Revoked}, instant{&s.LastUsed}, instant{&s.Exposed})
	return s, err
}

func (t *tx) createSecret(ctx context.Context, c *mintage.Client, position int, s *mintage.Secret) error {
	_, err := t.exec(ctx, `
		INSERT INTO client_secrets (tenant, client, id, position, name, hash, digest, hint, created_by,
			created, expires, revoked, last_used, exposed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		c.Tenant, c.ID, s.ID, position, s.Name, s.Hash, s.Digest, s.Hint, s.CreatedBy,
		seconds(s.Created), seconds(s.Expires), seconds(s.Revoked), seconds(s.LastUsed), seconds(s.Exposed))
	if err != nil {
		return fmt.Errorf("secret %q: %w", s.ID, err)
	}
	return nil
}

// MarkExposed implements store.Upkeep.
func (s *Store) MarkExposed(ctx context.Context, tenant, client, secret string, at time.Time) error {
	err := s.write(ctx, func(ses session) error {
		n, err := ses.exec(ctx, `
			UPDATE client_secrets SET exposed = $4
			WHERE tenant = $1 AND client = $2 AND id = $3 AND (exposed IS NULL OR exposed < $4)`,
			tenant, client, secret, at.Unix())
		if err != nil || n > 0 {
			return err
		}
		n, err = one(ctx, ses, number, `
			SELECT COUNT(*) FROM client_secrets WHERE tenant = $1 AND client = $2 AND id = $3`, tenant, client, secret)
		return mustTouch(n, err)
	})
	if err != nil {
		return fmt.Errorf("secret %q of client %q: %w", secret, client, err)
	}
	return nil
}
