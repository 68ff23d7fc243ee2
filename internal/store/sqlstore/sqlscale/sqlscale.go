package sqlscale

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers
	_ "modernc.org/sqlite"
)

// Database is one that a server made. Close it before a server opens a SQLite
// file again.
type Database struct {
	db  *sql.DB
	tx  *sql.Conn // the one connection that writes
	own dialect
}

// dialect is what the two engines say differently. i is the number of a copy.
type dialect struct {
	series  string // has the column i, from 1 to $1
	columns string // names of the columns of the table $1
	padded  string // i with sixteen digits
	// key is that of a token that is made at %s, in milliseconds since 1970.
	key    string
	before []string // statements that make writing fast
	after  []string // statements that leave the database as upkeep would
	size   string
}

var sqlite = dialect{
	series:  `(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n)`,
	columns: `SELECT name FROM pragma_table_info($1)`,
	padded:  `printf('%016d', i)`,
	key:     `unhex(printf('%%012x', %s) || hex(randomblob(32)))`,
	before: []string{
		// No other process has the file open, and nobody minds if it is lost.
		`PRAGMA journal_mode = DELETE`, `PRAGMA journal_mode = OFF`, `PRAGMA synchronous = OFF`, `PRAGMA cache_size = -262144`,
		`PRAGMA temp_store = MEMORY`,
	},
	after: []string{`PRAGMA journal_mode = WAL`},
	size:  `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`,
}

var postgres = dialect{
	series: `(SELECT i FROM generate_series(1, CAST($1 AS BIGINT)) AS i)`,
	columns: `SELECT CAST(column_name AS TEXT) FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
	padded: `lpad(CAST(i AS TEXT), 16, '0')`,
	key:    `decode(lpad(to_hex(%s), 12, '0'), 'hex') || sha256(convert_to(CAST(i AS TEXT) || clock_timestamp(), 'UTF8'))`,
	before: []string{
		`SET synchronous_commit = off`, `SET statement_timeout = 0`, `SET session_replication_role = replica`, // what is referred to is there
	},
	after: []string{`VACUUM ANALYZE clients`, `VACUUM ANALYZE client_grants`, `VACUUM ANALYZE client_secrets`, `VACUUM ANALYZE tokens`},
	size:  `SELECT CAST(sum(pg_total_relation_size(c.oid)) AS BIGINT) FROM pg_class AS c WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind = 'r'`,
}

// Open opens a database by the connection string of a PostgreSQL server or the
// path of a SQLite file.
func Open(ctx context.Context, at string) (*Database, error) {
	d := &Database{own: sqlite}
	driver, source := "sqlite", at
	if strings.HasPrefix(at, "postgres://") {
		d.own, driver = postgres, "pgx"
	} else {
		abs, err := filepath.Abs(at)
		if err != nil {
			return nil, err
		}
		source = (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: "mode=rw"}).String()
	}
	var err error
	if d.db, err = sql.Open(driver, source); err != nil {
		return nil, err
	}
	if d.tx, err = d.db.Conn(ctx); err != nil {
		return nil, errors.Join(err, d.db.Close())
	}
	return d, nil
}

// Close closes it.
func (d *Database) Close() error { return errors.Join(d.tx.Close(), d.db.Close()) }

// Template names what is copied: a client that the product made, which has got
// a stored token.
type Template struct{ Tenant, Client string }

// ClientID returns the identifier of a copy, from 1.
func ClientID(i int) string { return fmt.Sprintf("mc_%016d", i) }

// Clients makes n copies of a client with its grants and secrets, which all have
// its secret and which no file declares. The secrets of one in a hundred end within thirty days of now.
func (d *Database) Clients(ctx context.Context, of Template, n int, now time.Time) error {
	id := `'mc_' || ` + d.own.padded
	return d.fill(ctx, func() error {
		for _, table := range []struct {
			name, key string
			set       map[string]string
		}{
			{"clients", "id", map[string]string{"id": id, "name": `t.name || ' ' || ` + d.own.padded, "managed_by": `''`}},
			{"client_grants", "client", map[string]string{"client": id}},
			{"client_secrets", "client", map[string]string{
				"client": id, "id": `'s' || ` + d.own.padded,
				"expires": fmt.Sprintf(`CASE WHEN i %% 100 = 0 THEN %d + 86400 * (1 + i %% 29) ELSE t.expires END`, now.Unix()),
			}},
		} {
			if err := d.copy(ctx, table.name, table.name+".tenant = $1 AND "+table.name+"."+table.key+" = $2", []any{of.Tenant, of.Client}, n, table.set); err != nil {
				return fmt.Errorf("%s: %w", table.name, err)
			}
		}
		return nil
	})
}

// Life is when tokens are made, one after the other, and how long they live.
type Life struct {
	From, To time.Time
	Lifetime time.Duration
}

// Tokens makes n copies of the stored token that a client got.
func (d *Database) Tokens(ctx context.Context, of Template, n int, life Life) error {
	span := max(1, life.To.Sub(life.From).Milliseconds()/int64(n+1)*int64(n))
	made := fmt.Sprintf(`(%d + i * %d / %d)`, life.From.UnixMilli(), span, n)
	issued := made + ` / 1000`
	expires := fmt.Sprintf(`(%s + %d)`, issued, int64(life.Lifetime/time.Second))
	const which = `tokens.token_key = (SELECT k.token_key FROM tokens AS k JOIN token_shapes AS s ON s.id = k.shape
		WHERE s.tenant = $1 AND s.client_id = $2 ORDER BY k.token_key DESC LIMIT 1)`
	//nolint:gosec // made of constants and numbers
	minutes := `INSERT INTO token_minutes (expires, made) SELECT DISTINCT ` + expires + ` / 60, ` + made + ` / 60000
		FROM ` + d.own.series + ` AS n WHERE TRUE ON CONFLICT (expires, made) DO NOTHING`
	return d.fill(ctx, func() error {
		err := d.copy(ctx, "tokens", which, []any{of.Tenant, of.Client}, n, map[string]string{
			"token_key": fmt.Sprintf(d.own.key, made), "issued": issued, "expires": expires,
		})
		if err != nil {
			return fmt.Errorf("tokens: %w", err)
		}
		if _, err := d.tx.ExecContext(ctx, minutes, n); err != nil {
			return fmt.Errorf("token_minutes: %w", err)
		}
		return nil
	})
}

// fill runs fn with what makes writing fast, in one transaction.
func (d *Database) fill(ctx context.Context, fn func() error) error {
	if err := d.each(ctx, append(slices.Clone(d.own.before), `BEGIN`)); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err // the database is of no use then
	}
	return d.each(ctx, append([]string{`COMMIT`}, d.own.after...))
}

func (d *Database) each(ctx context.Context, statements []string) error {
	for _, text := range statements {
		if _, err := d.tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// copy inserts n copies of each row of a table for which the condition holds,
// with columns set to expressions of i and of the row, which is t.
func (d *Database) copy(ctx context.Context, table, which string, args []any, n int, set map[string]string) error {
	if _, err := d.tx.ExecContext(ctx, `CREATE TEMPORARY TABLE row_of_`+table+` AS SELECT * FROM `+table+` WHERE FALSE`); err != nil {
		return err
	}
	if _, err := d.tx.ExecContext(ctx, `INSERT INTO row_of_`+table+` SELECT * FROM `+table+` WHERE `+which, args...); err != nil { //nolint:gosec // made of constants
		return err
	}
	columns, err := d.columns(ctx, table)
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = "t." + c
		if expr, ok := set[c]; ok {
			values[i] = expr
		}
	}
	for _, c := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(columns, c) {
			return fmt.Errorf("there is no column %s any more", c)
		}
	}
	//nolint:gosec // made of constants and the database's own columns
	text := fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[4]s AS n CROSS JOIN row_of_%[1]s AS t`,
		table, strings.Join(columns, ", "), strings.Join(values, ", "), d.own.series)
	res, err := d.tx.ExecContext(ctx, text, n)
	if err != nil {
		return err
	}
	if made, err := res.RowsAffected(); err != nil || made < int64(n) {
		return errors.Join(err, fmt.Errorf("%d rows were made of %d: the product wrote none to copy", made, n))
	}
	_, err = d.tx.ExecContext(ctx, `DROP TABLE row_of_`+table)
	return err
}

func (d *Database) columns(ctx context.Context, table string) (names []string, err error) {
	rows, err := d.tx.QueryContext(ctx, d.own.columns, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// Expired returns how many stored tokens expired before now. It may be asked for
// while a server runs.
func (d *Database) Expired(ctx context.Context, now time.Time) (n int, err error) {
	err = d.tx.QueryRowContext(ctx, `SELECT count(*) FROM tokens WHERE expires < $1`, now.Unix()).Scan(&n)
	return n, err
}

// Size returns the bytes that tables and indexes take.
func (d *Database) Size(ctx context.Context) (bytes int64, err error) {
	err = d.tx.QueryRowContext(ctx, d.own.size).Scan(&bytes)
	return bytes, err
}
