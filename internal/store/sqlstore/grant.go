package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
)

// grantRow is a grant and whose it is.
type grantRow struct {
	owner string // the client or organization
	mintage.Grant
}

func scanGrant(row scanner) (grantRow, error) {
	var g grantRow
	err := row.Scan(&g.owner, &g.ResourceServer, document{&g.Scopes})
	return g, err
}

func (t *tx) createGrant(ctx context.Context, c *mintage.Client, position int, g mintage.Grant) error {
	scopes, err := encode(g.Scopes)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		INSERT INTO client_grants (tenant, client, position, resource_server, scopes) VALUES ($1, $2, $3, $4, $5)`,
		c.Tenant, c.ID, position, g.ResourceServer, scopes)
	if err != nil {
		return fmt.Errorf("grant %q: %w", g.ResourceServer, missingParent(err, "resource server"))
	}
	return nil
}
