package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/mintage-auth/mintage"
)

// insertSizes are the numbers of rows for which there is a statement, largest
// first. A batch is cut into such pieces.
func insertSizes() []int { return []int{64, 32, 16, 8, 4, 2, 1} }

// tokenWriter writes stored tokens, those of callers at the same time together.
type tokenWriter struct {
	*group[*tokenRow]

	// Used while the group writes alone.
	store   *Store
	known   summaries
	inserts map[int]*sql.Stmt
}

// errRowAlone says that a row of a batch cannot be stored, so that each has to
// be tried by itself.
var errRowAlone = errors.New("a row of the batch cannot be stored")

// newTokenWriter starts the writer. close stops it.
func newTokenWriter(s *Store) *tokenWriter {
	w := &tokenWriter{store: s, inserts: make(map[int]*sql.Stmt)}
	w.group = newGroup(w.write)
	return w
}

// write stores a batch and answers its callers.
func (w *tokenWriter) write(ctx context.Context, batch []*tokenRow) {
	err := w.insert(ctx, batch)
	if !errors.Is(err, errRowAlone) {
		for _, r := range batch {
			r.done <- err
		}
		return
	}
	for _, r := range batch {
		err := w.insert(ctx, []*tokenRow{r})
		if errors.Is(err, errRowAlone) {
			err = mintage.ErrExists
		}
		r.done <- err
	}
}

// insert stores rows in one transaction, all or none. It is errRowAlone when
// a row exists already, or when one of several cannot be stored.
func (w *tokenWriter) insert(ctx context.Context, rows []*tokenRow) error {
	if err := w.prepare(ctx, len(rows)); err != nil {
		return err
	}
	err := w.store.writeBeside(ctx, func(ses session) error {
		if err := w.known.begin(ctx, ses); err != nil {
			return err
		}
		rest := rows
		for _, size := range insertSizes() {
			for len(rest) >= size {
				if err := w.insertPiece(ctx, ses, rest[:size]); err != nil {
					return err
				}
				rest = rest[size:]
			}
		}
		return nil
	})
	switch {
	case err == nil:
		w.known.commit()
	case len(rows) > 1 && w.store.engine.fault(err) == faultRow:
		return errRowAlone
	}
	return err
}

// insertPiece stores as many rows as there is a statement for.
func (w *tokenWriter) insertPiece(ctx context.Context, ses session, rows []*tokenRow) error {
	args := make([]any, 0, 5*len(rows))
	for _, r := range rows {
		id, err := w.known.shape(ctx, ses, r)
		if err != nil {
			return err
		}
		if err := w.known.minute(ctx, ses, r); err != nil {
			return err
		}
		args = append(args, r.key, id, r.jti, r.issued, r.expires)
	}
	stmt := ses.tx.StmtContext(ctx, w.inserts[len(rows)]) //nolint:sqlclosecheck // the transaction closes it
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != int64(len(rows)) {
		return errRowAlone
	}
	return err
}

// prepare makes the statements that a batch of n rows needs, once. They are
// made outside of a transaction, since one on the only connection would wait
// for itself.
func (w *tokenWriter) prepare(ctx context.Context, n int) error {
	for _, size := range insertSizes() {
		if size > n || w.inserts[size] != nil {
			continue
		}
		stmt, err := w.store.writer.PrepareContext(ctx, insertTokens(size)) //nolint:sqlclosecheck // kept for the next batch
		if err != nil {
			return err
		}
		w.inserts[size] = stmt
	}
	return nil
}

// insertTokens is the statement that stores n rows and skips those that exist.
func insertTokens(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO tokens (token_key, shape, jti, issued, expires) VALUES `)
	for i := range 5 * n {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%5 == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(`) ON CONFLICT (token_key) DO NOTHING`)
	return b.String()
}

// closeStatements is for after close.
func (w *tokenWriter) closeStatements() error {
	var errs []error
	for _, stmt := range w.inserts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
