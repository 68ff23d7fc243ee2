package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// session runs statements in a transaction. Its methods are the reads of a
// store.Reader.
type session struct {
	tx     *sql.Tx
	engine *engine
}

// tx is the store.Tx that Update gives to its function.
type tx struct {
	session
	// broken is set when a failed write could not be undone alone. The
	// transaction is not committed then.
	broken error
}

var _ store.Tx = (*tx)(nil)

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

// exec runs a statement and says how many rows it wrote.
func (s session) exec(ctx context.Context, text string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	res, err := s.tx.ExecContext(s.engine.statement(ctx), text, args...)
	if err != nil {
		return 0, s.engine.translate(err)
	}
	return res.RowsAffected()
}

// one reads the row that a statement returns. Without one it is ErrNotFound.
func one[T any](ctx context.Context, s session, scan func(scanner) (T, error), text string, args ...any) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	v, err := scan(s.tx.QueryRowContext(s.engine.statement(ctx), text, sought(args)...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return none, mintage.ErrNotFound
	case err != nil:
		return none, s.engine.translate(err)
	}
	return v, nil
}

// all reads all rows that a statement returns.
func all[T any](ctx context.Context, s session, scan func(scanner) (T, error), text string, args ...any) (_ []T, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := s.tx.QueryContext(s.engine.statement(ctx), text, sought(args)...)
	if err != nil {
		return nil, s.engine.translate(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var list []T
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// sought returns args without NUL, which PostgreSQL takes in no text and which
// no row has: a character stands for it that no row has either.
func sought(args []any) []any {
	const nul, nowhere = "\x00", "\uffff"
	for i, arg := range args {
		if s, ok := arg.(string); ok && strings.Contains(s, nul) {
			args[i] = strings.ReplaceAll(s, nul, nowhere)
		}
	}
	return args
}

// number scans a row of one number.
func number(row scanner) (int64, error) {
	var n int64
	err := row.Scan(&n)
	return n, err
}

// atomically runs a write of several statements so that it leaves nothing when
// it fails, in a transaction that goes on. Its error says what was attempted.
func (t *tx) atomically(ctx context.Context, kind, id string, fn func() error) error {
	_, err := t.exec(ctx, `SAVEPOINT one_write`)
	if err == nil {
		if err = fn(); err != nil {
			err = errors.Join(err, t.undo(ctx))
		} else {
			_, err = t.exec(context.WithoutCancel(ctx), `RELEASE SAVEPOINT one_write`)
		}
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", kind, id, err)
	}
	return nil
}

// undo goes back to the savepoint, whatever became of ctx.
func (t *tx) undo(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	_, err := t.exec(ctx, `ROLLBACK TO SAVEPOINT one_write`)
	if err == nil {
		_, err = t.exec(ctx, `RELEASE SAVEPOINT one_write`)
	}
	if err != nil {
		t.broken = fmt.Errorf("undo a failed write: %w", err)
	}
	return t.broken
}

// mustTouch turns a statement that found no row into ErrNotFound.
func mustTouch(n int64, err error) error {
	if err == nil && n == 0 {
		return mintage.ErrNotFound
	}
	return err
}

// next returns the next number of a counter.
func (s session) next(ctx context.Context, counter string) (int64, error) {
	return one(ctx, s, number, `UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value`, counter)
}
