package keys

import (
	"context"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// nextSuffix ends the name of the file in which a new master key waits until
// the data key is wrapped by it.
const nextSuffix = ".next"

// RotateMaster makes a new master key, wraps the data key with it in place of
// the old one and replaces the file. What the data key seals stays as it is, so
// that no secret, signing key or token ends.
//
// It may be stopped at any point. The new key is on disk, beside the old one,
// before anything depends on it; the database changes in one transaction; the
// file is replaced last. Until then OpenVault finds whichever key opens, and
// RotateMaster run again finishes what was begun. A server that runs meanwhile
// has the data key in memory and notices nothing. The files are touched within
// write transactions, of which there is one at a time: two processes that did
// so at once could lose the key that opens.
//
// Errors about the files wrap ErrMasterKey.
func RotateMaster(ctx context.Context, cfg VaultConfig) error {
	info, err := os.Stat(cfg.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	if !ours(info) {
		return fmt.Errorf("%w: %s belongs to another user, who could not read a file that you make: run this as that user", ErrMasterKey, cfg.Path)
	}
	err = cfg.Store.Update(ctx, func(tx store.Tx) error {
		old, next, err := cfg.masters(ctx)
		if err != nil {
			return err
		}
		return rewrap(ctx, tx, old, next)
	})
	if err != nil {
		return fmt.Errorf("wrap the data key anew: %w", err)
	}
	plain, err := cfg.settle(ctx)
	clear(plain)
	return err
}

// masters returns the ciphers of the key that is there and of the one to come.
func (cfg *VaultConfig) masters(ctx context.Context) (old, next cipher.AEAD, err error) {
	key, err := cfg.readMaster(ctx, cfg.Path)
	if err != nil {
		return nil, nil, err
	}
	defer clear(key)
	fresh, err := cfg.nextMaster(ctx, cfg.Path+nextSuffix)
	if err != nil {
		return nil, nil, err
	}
	defer clear(fresh)
	if subtle.ConstantTimeCompare(key, fresh) == 1 {
		return nil, nil, fmt.Errorf("%w: %s holds the same key as %s: delete it", ErrMasterKey, cfg.Path+nextSuffix, cfg.Path)
	}
	if old, err = newBox(key); err != nil {
		return nil, nil, err
	}
	next, err = newBox(fresh)
	return old, next, err
}

// masterBox is the cipher of a key that was read.
func masterBox(key []byte, err error) (cipher.AEAD, error) {
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newBox(key)
}

// nextMaster returns the key that waits at path, and makes one if none does.
func (cfg *VaultConfig) nextMaster(ctx context.Context, path string) ([]byte, error) {
	key, err := cfg.createMaster(ctx, path)
	if errors.Is(err, fs.ErrExist) { // of a rotation that was stopped, or of another process
		return cfg.readMaster(ctx, path)
	}
	return key, err
}

// rewrap replaces the wrapping of the data key, unless that is done already.
func rewrap(ctx context.Context, tx store.Tx, old, next cipher.AEAD) error {
	row, err := tx.DataKey(ctx, dataKeyName)
	if errors.Is(err, mintage.ErrNotFound) {
		return fmt.Errorf("%w: the database has no data key yet: start the server once, which makes it", ErrMasterKey)
	}
	if err != nil {
		return err
	}
	if plain, err := open(next, masterKeyNumber, dataKeyName, row.Sealed); err == nil {
		clear(plain)
		return nil
	}
	plain, err := open(old, masterKeyNumber, dataKeyName, row.Sealed)
	if err != nil {
		return fmt.Errorf("%w: the file is not the one that this database was made with: restore the file: %w", ErrMasterKey, err)
	}
	defer clear(plain)
	fresh := *row
	fresh.Sealed = seal(next, masterKeyNumber, dataKeyName, plain)
	return tx.ReplaceDataKey(ctx, &fresh)
}

// settle returns the data key, and lets the file of the master key be the one
// that opens it: where that is the key that waits beside it, a rotation changed
// the database and did not get to the file, or is about to.
func (cfg *VaultConfig) settle(ctx context.Context) (plain []byte, err error) {
	err = cfg.Store.Update(ctx, func(tx store.Tx) error {
		row, err := tx.DataKey(ctx, dataKeyName)
		if err != nil {
			return err
		}
		master, err := masterBox(cfg.readMaster(ctx, cfg.Path))
		if err != nil {
			return err
		}
		var why error
		if plain, why = open(master, masterKeyNumber, dataKeyName, row.Sealed); why == nil {
			return nil
		}
		next, err := masterBox(cfg.readMaster(ctx, cfg.Path+nextSuffix))
		if err == nil {
			plain, err = open(next, masterKeyNumber, dataKeyName, row.Sealed)
		}
		if err != nil {
			return why
		}
		return cfg.takeNext()
	})
	if err != nil {
		return nil, err
	}
	return plain, nil
}

// takeNext gives the key that waits its place.
func (cfg *VaultConfig) takeNext() error {
	err := os.Rename(cfg.Path+nextSuffix, cfg.Path)
	if err == nil {
		err = syncDir(filepath.Dir(cfg.Path))
	}
	if err != nil {
		return fmt.Errorf("%w: the new key could not replace the old one: move %s to %s: %w",
			ErrMasterKey, cfg.Path+nextSuffix, cfg.Path, err)
	}
	return nil
}
