package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// selectOperator is the beginning of every statement that scanOperator reads.
const selectOperator = `
	SELECT id, email, name, role, disabled, last_sign_in, version, created, updated FROM operators `

func scanOperator(row scanner) (*mintage.Operator, error) {
	o := new(mintage.Operator)
	err := row.Scan(&o.ID, &o.Email, &o.Name, &o.Role, &o.Disabled, instant{&o.LastSignIn}, &o.Version,
		instant{&o.Created}, instant{&o.Updated})
	return o, err
}

// Operator implements store.Operators.
func (s session) Operator(ctx context.Context, id string) (*mintage.Operator, error) {
	o, err := one(ctx, s, scanOperator, selectOperator+`WHERE id = $1`, id)
	if err == nil {
		err = s.readMemberships(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("operator %q: %w", id, err)
	}
	return o, nil
}

// OperatorByEmail implements store.Operators. An address in an error is one in a
// log, so it is left out.
func (s session) OperatorByEmail(ctx context.Context, email string) (*mintage.Operator, error) {
	o, err := one(ctx, s, scanOperator, selectOperator+`WHERE email = $1`, email)
	if err == nil {
		err = s.readMemberships(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("operator by address: %w", err)
	}
	return o, nil
}

// Operators implements store.Operators.
func (s session) Operators(ctx context.Context, q store.OperatorQuery) ([]*mintage.Operator, error) {
	by := "id"
	if q.ByEmail {
		by = "email"
	}
	where, args := `WHERE `+by+` > $1`, []any{q.After, limit(q.Page)}
	if q.Organization != "" {
		where += ` AND id IN (SELECT operator FROM operator_memberships WHERE tenant = $3 AND organization = $4)`
		args = append(args, q.Tenant, q.Organization)
	}
	if q.Role != "" {
		args = append(args, q.Role)
		where += ` AND role = $` + strconv.Itoa(len(args))
	}
	list, err := all(ctx, s, scanOperator, selectOperator+where+` ORDER BY `+by+` LIMIT $2`, args...)
	if err == nil {
		err = s.readMemberships(ctx, list...)
	}
	if err != nil {
		return nil, fmt.Errorf("operators: %w", err)
	}
	return list, nil
}

// membership is one of an operator's.
type membership struct {
	operator string
	mintage.Membership
}

func scanMembership(row scanner) (membership, error) {
	var m membership
	err := row.Scan(&m.operator, &m.Tenant, &m.Organization, &m.Role)
	return m, err
}

// membershipsBatch is how many operators' memberships one statement reads.
const membershipsBatch = 200

// readMemberships reads those of operators.
func (s session) readMemberships(ctx context.Context, list ...*mintage.Operator) error {
	for part := range slices.Chunk(list, membershipsBatch) {
		ids, of := make([]any, len(part)), make(map[string]*mintage.Operator, len(part))
		for i, o := range part {
			ids[i], of[o.ID] = o.ID, o
		}
		ms, err := all(ctx, s, scanMembership, `
			SELECT operator, tenant, organization, role FROM operator_memberships
			WHERE operator IN (`+placeholders(len(ids))+`) ORDER BY operator, tenant, organization`, ids...)
		if err != nil {
			return fmt.Errorf("memberships: %w", err)
		}
		for _, m := range ms {
			of[m.operator].Memberships = append(of[m.operator].Memberships, m.Membership)
		}
	}
	return nil
}

// CreateOperator implements store.OperatorWriter.
func (t *tx) CreateOperator(ctx context.Context, o *mintage.Operator) error {
	err := t.atomically(ctx, "operator", o.ID, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO operators (id, email, name, role, disabled, last_sign_in, version, created, updated)
			VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)`,
			o.ID, o.Email, o.Name, o.Role, o.Disabled, seconds(o.LastSignIn), seconds(o.Created), seconds(o.Updated))
		if err != nil {
			return err
		}
		return t.writeMemberships(ctx, o)
	})
	if err == nil {
		o.Version = 1
	}
	return err
}

// UpdateOperator implements store.OperatorWriter. LastSignIn is a mark, which
// CreateSession alone moves.
func (t *tx) UpdateOperator(ctx context.Context, o *mintage.Operator) error {
	var version int64
	err := t.atomically(ctx, "operator", o.ID, func() (err error) {
		version, err = one(ctx, t.session, number, `
			UPDATE operators SET email = $2, name = $3, role = $4, disabled = $5, version = version + 1, created = $6, updated = $7
			WHERE id = $1 RETURNING version`,
			o.ID, o.Email, o.Name, o.Role, o.Disabled, seconds(o.Created), seconds(o.Updated))
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM operator_memberships WHERE operator = $1`, o.ID); err != nil {
			return err
		}
		return t.writeMemberships(ctx, o)
	})
	if err == nil {
		o.Version = version
	}
	return err
}

// writeMemberships writes the memberships of o and the change.
func (t *tx) writeMemberships(ctx context.Context, o *mintage.Operator) error {
	for _, m := range o.Memberships {
		_, err := t.exec(ctx, `
			INSERT INTO operator_memberships (operator, tenant, organization, role) VALUES ($1, $2, $3, $4)`,
			o.ID, m.Tenant, m.Organization, m.Role)
		if err != nil {
			return missingParent(err, "organization")
		}
	}
	return t.change(ctx, mintage.ChangeOperator, "", o.ID)
}

// DeleteOperator implements store.OperatorWriter.
func (t *tx) DeleteOperator(ctx context.Context, id string) error {
	return t.atomically(ctx, "operator", id, func() error {
		if err := mustTouch(t.exec(ctx, `DELETE FROM operators WHERE id = $1`, id)); err != nil {
			return err
		}
		return t.change(ctx, mintage.ChangeOperator, "", id)
	})
}
