package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite says where a SQLite database is and how it is used.
type SQLite struct {
	// Path is the database file. It is created with mode 0600 when missing; its
	// directory must exist. Empty means a temporary database, which lives
	// exactly as long as the Store and is not synced to the disk.
	Path string
	// BusyTimeout is how long a write waits for another process that writes to
	// the same file. Zero means 5 s.
	BusyTimeout time.Duration
}

const defaultBusyTimeout = 5 * time.Second

// OpenSQLite opens the database and brings its schema up to date. The caller
// closes the Store.
func OpenSQLite(ctx context.Context, cfg SQLite) (*Store, error) {
	path, sync, cleanup := cfg.Path, "FULL", func() error { return nil }
	if path == "" {
		// A file, not :memory:, which is lost with its last connection, and a
		// connection is lost with a cancelled query.
		dir, err := os.MkdirTemp("", "mintage-")
		if err != nil {
			return nil, fmt.Errorf("temporary database: %w", err)
		}
		path, sync = filepath.Join(dir, "mintage.db"), "OFF"
		cleanup = func() error { return os.RemoveAll(dir) }
	}
	s, err := openSQLiteFile(ctx, path, sync, cfg.BusyTimeout)
	if sqliteDamaged(err) {
		err = fmt.Errorf("it is damaged, or no database: put a backup back with mintage restore, which keeps this file: %w", err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), cleanup())
	}
	s.cleanup = cleanup
	return s, nil
}

// openSQLiteFile opens the file at path, which it creates when missing.
func openSQLiteFile(ctx context.Context, path, sync string, busy time.Duration) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite gives its -wal and -shm files the mode of the database.
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if busy == 0 {
		busy = defaultBusyTimeout
	}
	pragmas := []string{
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"foreign_keys(1)",
		"synchronous(" + sync + ")",
		"journal_mode(WAL)",
		"journal_size_limit(67108864)", // what a burst leaves of the WAL
	}
	writer, err := sqliteDB(abs, url.Values{"_pragma": pragmas, "_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	reader, err := sqliteDB(abs, url.Values{"_pragma": pragmas[:1], "mode": {"ro"}})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return open(ctx, sqliteEngine(), writer, reader)
}

// sqliteDB returns a pool of connections to the file at the absolute path.
func sqliteDB(path string, query url.Values) (*sql.DB, error) {
	query.Set("_dqs", "0")
	query.Set("_defensive", "1")
	query.Set("_error_rc", "1")
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	c, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// sqliteEngine returns what is SQLite's own.
func sqliteEngine() *engine {
	return &engine{
		name:    "sqlite",
		dialect: goose.DialectSQLite3,
		ddl: strings.NewReplacer(
			"{text}", "TEXT",
			"{blob}", "BLOB",
			"{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT",
			"{clustered}", "WITHOUT ROWID",
		),
		labels:  `json_each(clients.settings, '$.labels')`,
		minting: `json_extract(clients.settings, '$.token')`,
		writers: 1,
		view:    &sql.TxOptions{ReadOnly: true},
		fault:   sqliteFault,
		// An interrupted statement costs its connection, so a statement that
		// began runs to its end. Each takes microseconds; calls look at their
		// context between statements and while they wait for a connection.
		statement: context.WithoutCancel,
	}
}

// sqliteDamaged reports whether err says that a file is no sound database.
func sqliteDamaged(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}

// sqliteFault classifies err by SQLite's result code.
func sqliteFault(err error) fault {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return faultOther
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return faultExists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return faultReference
	}
	switch e.Code() & 0xff { // the primary code of an extended one
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return faultBusy
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
		sqlite3.SQLITE_READONLY: // the disk, or that it was remounted; a database that is not sound is no passing trouble
		return faultTrouble
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return faultRow
	}
	return faultOther
}
