package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

// databaseFile is the name of the SQLite database in the data directory.
const databaseFile = "mintage.db"

// Database says which PostgreSQL database a server has. Without a URL it has a
// SQLite database in its data directory.
type Database struct {
	URL              string        // connection string; it may hold a password
	MaxConns         int           // zero: 20
	StatementTimeout time.Duration // zero: 10 s
}

// openDatabase opens the database, and makes it where it is missing.
func (cfg *Config) openDatabase(ctx context.Context) (*sqlstore.Store, error) {
	switch {
	case cfg.Volatile:
		return sqlstore.OpenSQLite(ctx, sqlstore.SQLite{})
	case cfg.Database.URL == "":
		return sqlstore.OpenSQLite(ctx, sqlstore.SQLite{Path: cfg.databasePath()})
	}
	return sqlstore.OpenPostgres(ctx, cfg.postgres())
}

func (cfg *Config) postgres() sqlstore.Postgres {
	return sqlstore.Postgres{
		URL: cfg.Database.URL, MaxConns: cfg.Database.MaxConns, StatementTimeout: cfg.Database.StatementTimeout,
	}
}

// existingDatabase opens the database of a server that was started before.
func (cfg *Config) existingDatabase(ctx context.Context) (*sqlstore.Store, error) {
	if cfg.Database.URL == "" {
		if _, err := os.Stat(cfg.databasePath()); err != nil { // opening would make it
			return nil, fmt.Errorf("the data directory has no database: %w", err)
		}
	}
	return cfg.openDatabase(ctx)
}

func (cfg *Config) databasePath() string { return filepath.Join(cfg.Data, databaseFile) }

// masterKeyFile returns where the master key is.
func (cfg *Config) masterKeyFile() string {
	if cfg.MasterKeyFile != "" {
		return cfg.MasterKeyFile
	}
	return filepath.Join(cfg.Data, "master.key")
}
