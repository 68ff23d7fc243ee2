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

// databaseFile is the name of the database in the data directory.
const databaseFile = "mintage.db"

// RotateMasterKey makes a new master key for the database in cfg.Data. No
// secret, key or token ends by it, and a server may be running. Data and
// MasterKeyFile of cfg are read, and Now if it is set.
func RotateMasterKey(ctx context.Context, cfg Config) (err error) {
	path := filepath.Join(cfg.Data, databaseFile)
	if _, err := os.Stat(path); err != nil { // opening would make it
		return fmt.Errorf("the data directory has no database: %w", err)
	}
	st, err := sqlstore.OpenSQLite(ctx, sqlstore.SQLite{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return keys.RotateMaster(ctx, keys.VaultConfig{Store: st, Path: cfg.masterKeyFile(), Now: cfg.Now})
}

// masterKeyFile returns where the master key is.
func (cfg *Config) masterKeyFile() string {
	if cfg.MasterKeyFile != "" {
		return cfg.MasterKeyFile
	}
	return filepath.Join(cfg.Data, "master.key")
}
