package server

import (
	"context"
	"errors"
	"time"

	"github.com/mintage-auth/mintage/internal/keys"
)

// RotateMasterKey makes a new master key for the database. No secret, key or
// token ends by it, and servers may be running. Data, Database and what
// concerns the master key of cfg are read, and Now if it is set.
func RotateMasterKey(ctx context.Context, cfg Config) (err error) {
	st, err := cfg.existingDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return keys.RotateMaster(ctx, cfg.vault(st, false))
}

// vault says where the keys are.
func (cfg *Config) vault(st keys.Store, create bool) keys.VaultConfig {
	v := keys.VaultConfig{Store: st, Path: cfg.masterKeyFile(), Now: cfg.Now, Create: create}
	if v.Now == nil {
		v.Now = time.Now
	}
	if len(cfg.MasterKeyCommand) > 0 {
		v.Keeper = &keys.Command{Args: cfg.MasterKeyCommand}
	}
	return v
}

// CreateMasterKey makes a master key for a server that was never started, in a
// file that must not exist.
func CreateMasterKey(path string) error { return keys.CreateMaster(path) }
