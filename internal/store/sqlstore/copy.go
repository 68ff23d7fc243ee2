package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// table is one that Copy copies, and the columns of its key: the order in which
// it reads the rows.
type table struct{ name, key string }

// copiedTables are all tables but leases, which are nobody's after a move; those
// that others refer to come first. Kept answers are copied: a request of before
// the move may be sent again after it.
func copiedTables() []table {
	return []table{
		{"schema_compatibility", "minimum"},
		{"counters", "name"},
		{"tenants", "id"},
		{"tenant_aliases", "tenant, alias"},
		{"organizations", "tenant, id"},
		{"resource_servers", "tenant, identifier"},
		{"organization_grants", "tenant, organization, position"},
		{"clients", "tenant, id"},
		{"client_tombstones", "tenant, id"},
		{"client_grants", "tenant, client, position"},
		{"client_secrets", "tenant, client, id"},
		{"operators", "id"},
		{"operator_memberships", "operator, tenant, organization"},
		{"operator_credentials", "kind, id"},
		{"operator_sessions", "id"},
		{"invitations", "id"},
		{"pairings", "id"},
		{"spent_challenges", "id"},
		{"signing_keys", "tenant, id"},
		{"revocations", "tenant, id"},
		{"audit_events", "seq"},
		{"changes", "seq"},
		{"data_keys", "name"},
		{"kept_answers", "id"},
		{"replays", "id"},
		{"token_shapes", "id"},
		{"tokens", "token_key"},
		{"token_minutes", "expires, made"},
		{"requests", "trace_id"},
		{"request_traces", "trace_id"},
		{"ladder_uses", "tenant, client, rung"},
		{"usage_counts", "tenant, start, step, client, reason, audience, scope"},
	}
}

// maxParameters bounds what one INSERT carries; PostgreSQL counts them in 16
// bits.
const maxParameters = 8000

// CopiedTable says how many rows Copy moved.
type CopiedTable struct {
	Table string
	Rows  int
}

// Copy copies the SQLite database at path, which no server may be using, to a
// PostgreSQL database that holds nothing, in one transaction, and reads every
// row back before it commits.
func Copy(ctx context.Context, path string, to Postgres) (_ []CopiedTable, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	from, err := openAlone(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := migrate(ctx, sqliteEngine(), from); err != nil {
		return nil, err
	}
	to.StatementTimeout = time.Hour // a table is one statement to read
	dest, err := OpenPostgres(ctx, to)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dest.Close()) }()
	var copied []CopiedTable
	err = dest.writeOnce(ctx, func(ses session) error {
		copied, err = copyAll(ctx, from, ses.tx)
		return err
	})
	return copied, err
}

func copyAll(ctx context.Context, from *sql.DB, to *sql.Tx) ([]CopiedTable, error) {
	var tenants int
	if err := to.QueryRowContext(ctx, `SELECT COUNT(*) FROM tenants`).Scan(&tenants); err != nil {
		return nil, err
	}
	if tenants > 0 {
		return nil, errors.New("the PostgreSQL database holds tenants already: name an empty one")
	}
	for _, name := range []string{"schema_compatibility", "counters"} { // what the migrations put there
		if _, err := to.ExecContext(ctx, `DELETE FROM `+name); err != nil { //nolint:gosec // from the line above
			return nil, err
		}
	}
	var copied []CopiedTable
	for _, t := range copiedTables() {
		c := &copier{table: t, to: to}
		n, err := c.run(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.name, err)
		}
		copied = append(copied, CopiedTable{Table: t.name, Rows: n})
	}
	_, err := to.ExecContext(ctx, `
		SELECT setval(pg_get_serial_sequence('token_shapes', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM token_shapes), FALSE)`)
	return copied, err
}

// copier copies one table.
type copier struct {
	table   table
	to      *sql.Tx
	columns []string
	kinds   []string // of the columns, in PostgreSQL's words
}

func (c *copier) run(ctx context.Context, from *sql.DB) (int, error) {
	if err := c.describe(ctx); err != nil {
		return 0, err
	}
	rows, err := from.QueryContext(ctx, c.read())
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	n, batch := 0, []any(nil)
	for rows.Next() {
		row, err := c.scan(rows)
		if err != nil {
			return 0, err
		}
		n, batch = n+1, append(batch, row...)
		if len(batch)+len(c.columns) > maxParameters {
			if err := c.insert(ctx, batch); err != nil {
				return 0, err
			}
			batch = batch[:0]
		}
	}
	if err := errors.Join(rows.Err(), c.insert(ctx, batch)); err != nil {
		return 0, err
	}
	return n, c.compare(ctx, from, n)
}

// describe reads the columns of the table and their kinds.
func (c *copier) describe(ctx context.Context) error {
	rows, err := c.to.QueryContext(ctx, `SELECT * FROM `+c.table.name+` LIMIT 0`) //nolint:gosec,unqueryvet // a name from copiedTables; all there is
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		c.columns, c.kinds = append(c.columns, t.Name()), append(c.kinds, t.DatabaseTypeName())
	}
	return rows.Err()
}

func (c *copier) read() string {
	return `SELECT ` + strings.Join(c.columns, ", ") + ` FROM ` + c.table.name + ` ORDER BY ` + c.table.key
}

// scan reads a row in the types that PostgreSQL has.
func (c *copier) scan(rows *sql.Rows) ([]any, error) {
	row, into := make([]any, len(c.columns)), make([]any, len(c.columns))
	for i := range row {
		into[i] = &row[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	for i, v := range row {
		switch v := v.(type) {
		case int64:
			if c.kinds[i] == "BOOL" {
				row[i] = v != 0
			}
		case []byte:
			if c.kinds[i] == "TEXT" {
				row[i] = string(v)
			}
		case string:
			if c.kinds[i] == "BYTEA" {
				row[i] = []byte(v)
			}
		}
	}
	return row, nil
}

// insert writes the rows of a batch.
func (c *copier) insert(ctx context.Context, values []any) error {
	if len(values) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", c.table.name, strings.Join(c.columns, ", "))
	for i := range values {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(c.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(")")
	_, err := c.to.ExecContext(ctx, b.String(), values...)
	return err
}

// compare reads the table on both sides, row by row.
func (c *copier) compare(ctx context.Context, from *sql.DB, want int) error {
	theirs, err := from.QueryContext(ctx, c.read())
	if err != nil {
		return err
	}
	defer theirs.Close() //nolint:errcheck // Err says what went wrong
	ours, err := c.to.QueryContext(ctx, c.read())
	if err != nil {
		return err
	}
	defer ours.Close() //nolint:errcheck // Err says what went wrong
	n := 0
	for ; theirs.Next() && ours.Next(); n++ {
		a, err := c.scan(theirs)
		if err != nil {
			return err
		}
		b, err := c.scan(ours)
		if err != nil {
			return err
		}
		for i := range a {
			if fmt.Sprintf("%T %v", a[i], a[i]) != fmt.Sprintf("%T %v", b[i], b[i]) {
				return fmt.Errorf("row %d came back with another %s than was written", n+1, c.columns[i])
			}
		}
	}
	if err := errors.Join(theirs.Err(), ours.Err()); err != nil {
		return err
	}
	if n != want || theirs.Next() || ours.Next() {
		return fmt.Errorf("%d rows were written and %d came back", want, n)
	}
	return nil
}
