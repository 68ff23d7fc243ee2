package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
)

// selectOperatorCredential is the beginning of every statement that
// scanOperatorCredential reads.
const selectOperatorCredential = /* #nosec G101 -- the names of columns */ `
	SELECT kind, id, operator, name, data, step, failures, created, last_used FROM operator_credentials `

func scanOperatorCredential(row scanner) (*mintage.OperatorCredential, error) {
	c := new(mintage.OperatorCredential)
	err := row.Scan(&c.Kind, &c.ID, &c.Operator, &c.Name, &c.Data, &c.Step, &c.Failures, instant{&c.Created}, instant{&c.LastUsed})
	return c, err
}

// OperatorCredential implements store.OperatorCredentials.
func (s session) OperatorCredential(ctx context.Context, kind mintage.CredentialKind, id string) (*mintage.OperatorCredential, error) {
	c, err := one(ctx, s, scanOperatorCredential, selectOperatorCredential+`WHERE kind = $1 AND id = $2`, kind, id)
	if err != nil {
		return nil, fmt.Errorf("%s of an operator: %w", kind, err)
	}
	return c, nil
}

// OperatorCredentials implements store.OperatorCredentials.
func (s session) OperatorCredentials(ctx context.Context, operator string) ([]*mintage.OperatorCredential, error) {
	list, err := all(ctx, s, scanOperatorCredential, selectOperatorCredential+`WHERE operator = $1 ORDER BY kind, id`, operator)
	if err != nil {
		return nil, fmt.Errorf("credentials of operator %q: %w", operator, err)
	}
	return list, nil
}

// CreateOperatorCredential implements store.OperatorCredentialWriter.
func (t *tx) CreateOperatorCredential(ctx context.Context, c *mintage.OperatorCredential) error {
	return t.atomically(ctx, "credential of operator", c.Operator, func() error {
		_, err := t.exec(ctx, `
			INSERT INTO operator_credentials (kind, id, operator, name, data, step, failures, created, last_used)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			c.Kind, c.ID, c.Operator, c.Name, c.Data, c.Step, c.Failures, seconds(c.Created), seconds(c.LastUsed))
		return missingParent(err, "operator")
	})
}

// DeleteOperatorCredential implements store.OperatorCredentialWriter.
func (t *tx) DeleteOperatorCredential(ctx context.Context, operator string, kind mintage.CredentialKind, id string) error {
	return t.atomically(ctx, "credential of operator", operator, func() error {
		return mustTouch(t.exec(ctx, `
			DELETE FROM operator_credentials WHERE kind = $1 AND id = $2 AND operator = $3`, kind, id, operator))
	})
}

// UseOperatorCredential implements store.OperatorCredentialWriter, in one
// statement: of those who use a step at once, one does.
func (t *tx) UseOperatorCredential(
	ctx context.Context, c *mintage.OperatorCredential, step int64, data []byte, at time.Time,
) (used bool, err error) {
	err = t.atomically(ctx, "credential of operator", c.Operator, func() error {
		var fresh any // a nil slice of bytes is an empty value to some drivers
		if data != nil {
			fresh = data
		}
		n, err := t.exec(ctx, `
			UPDATE operator_credentials SET last_used = $4, failures = 0, data = COALESCE($5, data),
				step = CASE WHEN step < $3 THEN $3 ELSE step END
			WHERE kind = $1 AND id = $2 AND (step < $3 OR $3 = 0)`, c.Kind, c.ID, step, seconds(at), fresh)
		used = n > 0
		return err
	})
	return used && err == nil, err
}

// FailOperatorCredential implements store.OperatorCredentialWriter.
func (t *tx) FailOperatorCredential(ctx context.Context, kind mintage.CredentialKind, id string) (n int64, err error) {
	err = t.atomically(ctx, "credential", string(kind), func() error {
		n, err = one(ctx, t.session, number, `
			UPDATE operator_credentials SET failures = failures + 1 WHERE kind = $1 AND id = $2 RETURNING failures`, kind, id)
		return err
	})
	return n, err
}
