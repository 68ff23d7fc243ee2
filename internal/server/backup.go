package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

// ErrPostgres says that PostgreSQL's own programs do what was asked.
var ErrPostgres = errors.New("the database is PostgreSQL: pg_dump and pg_basebackup back it up")

// backupName is how a backup is called in a directory, by its time.
const backupName = "mintage-20060102T150405Z.db"

// Backup writes a consistent copy of the SQLite database to a new file, or to
// one in a directory that is named by the time, and returns its name. Servers
// may be running. The master key is not in it. Verify reads the copy anew.
func Backup(ctx context.Context, cfg Config, to string, verify bool) (string, error) { //nolint:revive // the caller's choice
	if cfg.Database.URL != "" {
		return "", ErrPostgres
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, cfg.now().UTC().Format(backupName))
	}
	if err := sqlstore.Backup(ctx, cfg.databasePath(), to); err != nil {
		return "", err
	}
	if verify {
		if err := sqlstore.Verify(ctx, to); err != nil {
			return to, err
		}
	}
	return to, cfg.noteBackup(to)
}

// lastBackupFile, in the data directory, was modified when the last backup
// was made. It says so to people who back up by other means, and to the server.
const lastBackupFile = "last-backup"

// noteBackup leaves a note of a backup for the server's metrics. It is a file
// and no row, since a backup only reads: the database that it copied has to be
// the one that it leaves.
func (cfg *Config) noteBackup(to string) error {
	path := filepath.Join(cfg.Data, lastBackupFile)
	temp, err := os.CreateTemp(cfg.Data, "."+lastBackupFile+"-*") // 0600
	if err == nil {
		_, err = fmt.Fprintf(temp, "%s %s\n", cfg.now().UTC().Format(time.RFC3339), to)
		err = errors.Join(err, temp.Sync(), temp.Close())
		if err == nil {
			err = os.Chtimes(temp.Name(), time.Time{}, cfg.now())
		}
		if err == nil {
			err = os.Rename(temp.Name(), path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("the backup %s is whole, and the note of it in %s could not be written: %w", to, path, err)
	}
	return nil
}

// lastBackup says when the last backup was made; the zero time where none was.
func (cfg *Config) lastBackup() time.Time {
	info, err := os.Stat(filepath.Join(cfg.Data, lastBackupFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Restored says what Restore found.
type Restored struct {
	Kept string // where what was there is now; empty where nothing was
	// Opens is nil when the master key of the data directory opens the backup,
	// and says why not.
	Opens error
}

// Restore puts a backup into the data directory, where no server may be
// running. It changes nothing where the backup is not sound.
func Restore(ctx context.Context, cfg Config, backup string) (Restored, error) {
	if cfg.Database.URL != "" {
		return Restored{}, ErrPostgres
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return Restored{}, fmt.Errorf("data directory: %w", err)
	}
	path := cfg.databasePath()
	kept, err := sqlstore.Restore(ctx, backup, path, path+".before-"+cfg.now().UTC().Format("20060102T150405Z"))
	if err != nil {
		return Restored{}, err
	}
	return Restored{Kept: kept, Opens: opens(ctx, cfg)}, nil
}

// opens says whether the master key fits the database.
func opens(ctx context.Context, cfg Config) (err error) {
	st, err := cfg.existingDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	_, err = keys.OpenVault(ctx, cfg.vault(st, false))
	return err
}

// Schema says how far the schema of the database is.
func Schema(ctx context.Context, cfg Config) (sqlstore.Schema, error) {
	if cfg.Database.URL == "" {
		return sqlstore.SQLiteSchema(ctx, cfg.databasePath())
	}
	return sqlstore.PostgresSchema(ctx, cfg.postgres())
}

// Migrate brings the schema of the database up to date.
func Migrate(ctx context.Context, cfg Config) error {
	st, err := cfg.existingDatabase(ctx)
	if err != nil {
		return err
	}
	return st.Close()
}

// CopyToPostgres copies the SQLite database of a data directory, which no server
// may be using, to the PostgreSQL database of cfg, which must be empty.
func CopyToPostgres(ctx context.Context, cfg Config, data string) ([]sqlstore.CopiedTable, error) {
	return sqlstore.Copy(ctx, filepath.Join(data, databaseFile), cfg.postgres())
}

func (cfg *Config) now() time.Time {
	if cfg.Now == nil {
		return time.Now()
	}
	return cfg.Now()
}
