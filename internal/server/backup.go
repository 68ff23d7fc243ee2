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
		return to, sqlstore.Verify(ctx, to)
	}
	return to, nil
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
	_, err = keys.OpenVault(ctx, keys.VaultConfig{Store: st, Path: cfg.masterKeyFile(), Now: cfg.now})
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
