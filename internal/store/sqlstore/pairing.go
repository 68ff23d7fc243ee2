package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
)

const selectPairing = `
	SELECT id, hash, code, host, address, user_agent, operator, tenant, organization, denied, created, expires FROM pairings `

func scanPairing(row scanner) (*mintage.Pairing, error) {
	p := new(mintage.Pairing)
	err := row.Scan(&p.ID, &p.Hash, &p.Code, &p.Host, &p.Address, &p.UserAgent, optional{&p.OperatorID}, &p.Tenant, &p.Organization,
		&p.Denied, instant{&p.Created}, instant{&p.Expires})
	return p, err
}

// Pairing implements store.Pairings.
func (s session) Pairing(ctx context.Context, id string) (*mintage.Pairing, error) {
	p, err := one(ctx, s, scanPairing, selectPairing+`WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("pairing: %w", err)
	}
	return p, nil
}

// PairingByHash implements store.Pairings.
func (s session) PairingByHash(ctx context.Context, hash string) (*mintage.Pairing, error) {
	p, err := one(ctx, s, scanPairing, selectPairing+`WHERE hash = $1`, hash)
	if err != nil {
		return nil, fmt.Errorf("pairing: %w", err)
	}
	return p, nil
}

// CreatePairing implements store.PairingWriter.
func (t *tx) CreatePairing(ctx context.Context, p *mintage.Pairing) error {
	return t.atomically(ctx, "pairing", p.ID, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO pairings (id, hash, code, host, address, user_agent, operator, tenant, organization, denied, created, expires)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			p.ID, p.Hash, p.Code, p.Host, p.Address, p.UserAgent, text(p.OperatorID), p.Tenant, p.Organization, p.Denied,
			seconds(p.Created), seconds(p.Expires))
		return missingParent(err, "operator")
	})
}

// DecidePairing implements store.PairingWriter, in one statement: of those who
// decide at once, one does.
func (t *tx) DecidePairing(ctx context.Context, p *mintage.Pairing) error {
	return t.atomically(ctx, "pairing", p.ID, func() error {
		err := mustTouch(t.exec(ctx, `
			UPDATE pairings SET operator = $2, tenant = $3, organization = $4, denied = $5, expires = $6
			WHERE id = $1 AND operator IS NULL AND denied = $7`,
			p.ID, text(p.OperatorID), p.Tenant, p.Organization, p.Denied, seconds(p.Expires), false))
		return missingParent(err, "operator")
	})
}

// DeletePairing implements store.PairingWriter.
func (t *tx) DeletePairing(ctx context.Context, id string) error {
	return t.atomically(ctx, "pairing", id, func() error {
		return mustTouch(t.exec(ctx, `DELETE FROM pairings WHERE id = $1`, id))
	})
}

// DeletePairings implements store.PairingWriter.
func (t *tx) DeletePairings(ctx context.Context, operator string) error {
	return t.atomically(ctx, "pairings of operator", operator, func() error {
		_, err := t.exec(ctx, `DELETE FROM pairings WHERE operator = $1`, operator)
		return err
	})
}
