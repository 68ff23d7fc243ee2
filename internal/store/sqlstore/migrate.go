package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// versionTable is where goose keeps the versions.
const versionTable = "schema_versions"

// migrateAttempts bounds how often a start yields to another process that
// migrates the same database.
const migrateAttempts = 5

// migrate brings the schema of db up to date. A database that is newer is fine
// as long as its minimum is not: migrations only add, and the previous release
// runs on the new schema.
func migrate(ctx context.Context, e *engine, db *sql.DB) error {
	migrations, newest, err := loadMigrations(e)
	if err != nil {
		return err
	}
	var failed error
	for attempt := range migrateAttempts {
		have, minimum, err := schemaVersion(ctx, db)
		switch {
		case sqliteDamaged(err):
			return fmt.Errorf("read the schema: %w", err)
		case err == nil && minimum > newest:
			return fmt.Errorf("schema version %d needs a newer release of mintage: this one knows version %d and the database asks for at least %d", have, newest, minimum)
		case err == nil && have >= newest:
			return nil
		}
		if attempt > 0 { // another process may be migrating
			if err := pause(ctx, attempt); err != nil {
				return err
			}
		}
		if failed = migrateUp(ctx, e, db, migrations); failed == nil {
			return nil
		}
	}
	return fmt.Errorf("migrate the schema: %w", failed)
}

// migrateUp runs the migrations that are missing, each in a transaction.
func migrateUp(ctx context.Context, e *engine, db *sql.DB, migrations []*goose.Migration) error {
	options := []goose.ProviderOption{
		goose.WithTableName(versionTable),
		goose.WithGoMigrations(migrations...),
		goose.WithDisableGlobalRegistry(true),
	}
	if e.locker != nil {
		l, err := e.locker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithLocker(l))
	}
	p, err := goose.NewProvider(e.dialect, db, nil, options...)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// schemaVersion reads the version of the schema and the lowest one that a
// binary must know. It asks one question, since it is all that a start on an
// up-to-date database does. A database without a schema has no answer.
func schemaVersion(ctx context.Context, db *sql.DB) (have, minimum int64, err error) {
	err = db.QueryRowContext(ctx, `
		SELECT MAX(v.version_id), MAX(c.minimum) FROM `+versionTable+` AS v CROSS JOIN schema_compatibility AS c`).
		Scan(&have, &minimum)
	return have, minimum, err
}

// Schema says how far the schema of a database is.
type Schema struct {
	Have    int64 // version of the schema; zero: there is none yet
	Newest  int64 // version that this release brings it to
	Minimum int64 // version that a release must know to run on it
}

// SQLiteSchema reads the schema of the database at path, and changes nothing.
func SQLiteSchema(ctx context.Context, path string) (_ Schema, err error) {
	if _, err := os.Stat(path); err != nil {
		return Schema{}, err
	}
	db, err := openExisting(path, url.Values{"_pragma": {"busy_timeout(5000)"}, "mode": {"ro"}})
	if err != nil {
		return Schema{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return schemaOf(ctx, sqliteEngine(), db)
}

// PostgresSchema is SQLiteSchema for PostgreSQL.
func PostgresSchema(ctx context.Context, cfg Postgres) (_ Schema, err error) {
	conf, err := cfg.connConfig()
	if err != nil {
		return Schema{}, err
	}
	db := new(pgConns).pool(conf, 1, cfg.statementTimeout()+readMargin)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return Schema{}, fmt.Errorf("database %s: %w", place(conf), err)
	}
	return schemaOf(ctx, postgresEngine(cfg.Patience), db)
}

func schemaOf(ctx context.Context, e *engine, db *sql.DB) (Schema, error) {
	_, newest, err := loadMigrations(e)
	if err != nil {
		return Schema{}, err
	}
	have, minimum, _ := schemaVersion(ctx, db)
	return Schema{Have: have, Newest: newest, Minimum: minimum}, nil
}

// loadMigrations returns the migrations in the engine's words and the number
// of the newest. A file is named by its number: 001_initial.sql.
func loadMigrations(e *engine) ([]*goose.Migration, int64, error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, 0, err
	}
	var migrations []*goose.Migration
	var newest int64
	for _, name := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, 0, fmt.Errorf("migration %s: %w", name, err)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, 0, err
		}
		script := e.ddl.Replace(string(text))
		migrations = append(migrations, goose.NewGoMigration(version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, script)
				if also := beside(version); err == nil && also != nil {
					err = also(ctx, e, tx)
				}
				return err
			},
		}, nil))
		newest = max(newest, version)
	}
	return migrations, newest, nil
}

// beside returns what a migration does that SQL cannot say, or nil.
func beside(version int64) func(context.Context, *engine, *sql.Tx) error {
	switch version {
	case 7:
		return linkOldEvents
	}
	return nil
}

// pause waits before the given attempt, longer each time.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(time.Duration(1<<attempt) * 5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
