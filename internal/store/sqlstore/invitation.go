package sqlstore

import (
	"context"
	"fmt"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

const selectInvitation = `
	SELECT id, hash, kind, email, name, role, tenant, organization, operator, created_by, created, expires FROM invitations `

func scanInvitation(row scanner) (*mintage.Invitation, error) {
	i := new(mintage.Invitation)
	err := row.Scan(&i.ID, &i.Hash, &i.Kind, &i.Email, &i.Name, &i.Role, optional{&i.Tenant}, optional{&i.Organization},
		optional{&i.OperatorID}, &i.CreatedBy, instant{&i.Created}, instant{&i.Expires})
	return i, err
}

// Invitation implements store.Invitations.
func (s session) Invitation(ctx context.Context, id string) (*mintage.Invitation, error) {
	i, err := one(ctx, s, scanInvitation, selectInvitation+`WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("invitation %q: %w", id, err)
	}
	return i, nil
}

// InvitationByHash implements store.Invitations.
func (s session) InvitationByHash(ctx context.Context, hash string) (*mintage.Invitation, error) {
	i, err := one(ctx, s, scanInvitation, selectInvitation+`WHERE hash = $1`, hash)
	if err != nil {
		return nil, fmt.Errorf("invitation by its link: %w", err)
	}
	return i, nil
}

// Invitations implements store.Invitations.
func (s session) Invitations(ctx context.Context, page store.Page) ([]*mintage.Invitation, error) {
	list, err := all(ctx, s, scanInvitation, selectInvitation+`WHERE id > $1 ORDER BY id LIMIT $2`, page.After, limit(page))
	if err != nil {
		return nil, fmt.Errorf("invitations: %w", err)
	}
	return list, nil
}

// CreateInvitation implements store.InvitationWriter.
func (t *tx) CreateInvitation(ctx context.Context, i *mintage.Invitation) error {
	return t.atomically(ctx, "invitation", i.ID, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO invitations (id, hash, kind, email, name, role, tenant, organization, operator, created_by, created, expires)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			i.ID, i.Hash, i.Kind, i.Email, i.Name, i.Role, text(i.Tenant), text(i.Organization), text(i.OperatorID),
			i.CreatedBy, seconds(i.Created), seconds(i.Expires))
		return missingParent(err, "organization or operator")
	})
}

// DeleteInvitation implements store.InvitationWriter.
func (t *tx) DeleteInvitation(ctx context.Context, id string) error {
	return t.atomically(ctx, "invitation", id, func() error {
		return mustTouch(t.exec(ctx, `DELETE FROM invitations WHERE id = $1`, id))
	})
}
