package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Dump returns all that the database of a directory holds, by the name of the
// file or of the table: what may be in none of it can be looked for there.
func Dump(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	dump := map[string][]byte{}
	var err error
	if at := URL(tb, dir); at != "" {
		err = dumpTables(tb.Context(), at, dump)
	} else {
		err = dumpFiles(dir, dump)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dump
}

func dumpFiles(dir string, dump map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "mintage.db") {
			continue
		}
		if dump[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil { //nolint:gosec // the test names the directory
			return err
		}
	}
	return nil
}

func dumpTables(ctx context.Context, at string, dump map[string][]byte) error {
	db, err := sql.Open("pgx", at)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it only read
	tables, err := lines(ctx, db, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		rows, err := lines(ctx, db, `SELECT CAST(r AS text) FROM `+table+` AS r`)
		if err != nil {
			return err
		}
		var all bytes.Buffer
		for _, row := range rows {
			all.WriteString(row + "\n")
		}
		dump[table] = all.Bytes()
	}
	return nil
}

func lines(ctx context.Context, db *sql.DB, query string) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
