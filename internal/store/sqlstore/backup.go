package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy of the SQLite database at path to a new file,
// mode 0600, while servers use the database. The copy is on the disk, and whole,
// when it is at its place; a failure leaves nothing there.
func Backup(ctx context.Context, path, to string) (err error) {
	if _, err := os.Stat(path); err != nil { // opening would make it
		return err
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already: name a new file", to)
	}
	// SQLite writes into an empty file that is there, and keeps its mode.
	part, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) //nolint:errcheck // it has moved when all went well
	if err := part.Close(); err != nil {
		return err
	}
	if err := vacuumInto(ctx, path, part.Name()); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	return moveDurably(part.Name(), to)
}

func vacuumInto(ctx context.Context, path, to string) (err error) {
	db, err := openExisting(path, url.Values{"_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, to)
	return err
}

// openExisting returns a pool of one connection to a SQLite database.
func openExisting(path string, query url.Values) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sqliteDB(abs, query)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// moveDurably puts a file at its place so that it is there after a power cut.
func moveDurably(from, to string) error {
	for _, step := range []func() error{
		func() error { return syncPath(from) },
		func() error { return os.Rename(from, to) },
		func() error { return syncPath(filepath.Dir(to)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func syncPath(name string) error {
	f, err := os.Open(name) //nolint:gosec // the operator names the place
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Verify reads a whole SQLite database, which nobody else may be writing to, and
// says whether it is one of ours, sound, and not too new for this release.
func Verify(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := openExisting(path, url.Values{"mode": {"ro"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	have, minimum, err := schemaVersion(ctx, db)
	switch {
	case sqliteDamaged(err):
		return fmt.Errorf("%s is damaged, or no database: %w", path, err)
	case err != nil:
		return fmt.Errorf("%s is no database of mintage", path)
	}
	_, newest, err := loadMigrations(sqliteEngine())
	if err != nil {
		return err
	}
	if minimum > newest {
		return fmt.Errorf("%s has schema version %d and needs a newer release of mintage", path, have)
	}
	for _, check := range []string{`PRAGMA integrity_check`, `PRAGMA foreign_key_check`} {
		var found string
		err := db.QueryRowContext(ctx, check).Scan(&found)
		if errors.Is(err, sql.ErrNoRows) || err == nil && found == "ok" {
			continue
		}
		return fmt.Errorf("%s is damaged: %w", path, errors.Join(err, errors.New(check+": "+found)))
	}
	return nil
}

// Restore puts a backup at path, where no server may be running. What is there
// is kept beside it, under the name that it returns; it is empty where nothing
// was.
func Restore(ctx context.Context, backup, path, keepAs string) (kept string, err error) {
	if err := Verify(ctx, backup); err != nil {
		return "", err
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(part.Name()) //nolint:errcheck // it has moved when all went well
	if err := part.Close(); err != nil {
		return "", err
	}
	if err := vacuumInto(ctx, backup, part.Name()); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		if kept, err = setAside(ctx, path, keepAs); err != nil {
			return "", err
		}
	}
	return kept, moveDurably(part.Name(), path)
}

// setAside renames a database that nobody has open, after all of it is in the
// one file. One that is damaged is renamed with its log, as it is: it may be why
// somebody restores.
func setAside(ctx context.Context, path, as string) (string, error) {
	err := foldLog(ctx, path)
	if err != nil && !sqliteDamaged(err) {
		return "", err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		gone := os.Remove
		if sqliteDamaged(err) {
			gone = func(name string) error { return os.Rename(name, as+suffix) }
		}
		if err := gone(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return as, os.Rename(path, as)
}

// foldLog moves what is in the log of a database that nobody has open to its file.
func foldLog(ctx context.Context, path string) error {
	db, err := openAlone(ctx, path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return errors.Join(err, db.Close())
}

// openAlone opens a SQLite database for this process alone. It fails while
// another has it open.
func openAlone(ctx context.Context, path string) (*sql.DB, error) {
	db, err := openExisting(path, url.Values{"_pragma": {"locking_mode(EXCLUSIVE)", "foreign_keys(1)"}, "_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	// The first transaction takes the lock, and the connection keeps it.
	t, err := db.BeginTx(ctx, nil)
	if err == nil {
		err = t.Rollback()
	}
	if err != nil {
		if sqliteFault(err) == faultBusy {
			err = fmt.Errorf("a server is using %s: stop it first", path)
		}
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
