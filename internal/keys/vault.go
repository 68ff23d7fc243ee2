package keys

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// Store is what a Vault needs of the database; a store.Store has it.
type Store interface {
	DataKey(ctx context.Context, name string) (*store.DataKey, error)
	Update(ctx context.Context, fn func(store.Tx) error) error
}

// VaultConfig says where a Vault keeps its keys. All fields but Keeper and Create
// must be set.
type VaultConfig struct {
	Store Store
	Path  string // the master key's file
	// Keeper wraps what is in that file; nil: the key is in it as it is.
	Keeper Keeper
	Now    func() time.Time
	// Create lets the master key be made, when neither it nor a data key is
	// there yet.
	Create bool
}

// Vault seals what must not be in the database in the clear. It is safe for
// concurrent use. Made by OpenVault; there is nothing to close.
type Vault struct {
	store Store
	now   func() time.Time
	data  cipher.AEAD
}

// Names of rows in the database, which are purposes at the same time.
const (
	dataKeyName = "key/1"
	valuePrefix = "value/"
)

// OpenVault reads the master key and opens the data key with it. At the first
// start it makes both. Several processes may do so at once. When the database
// has a data key and the master key is missing or another, the error says what
// to do, wraps ErrMasterKey, and nothing was changed.
func OpenVault(ctx context.Context, cfg VaultConfig) (*Vault, error) {
	row, err := dataKey(ctx, cfg.Store, dataKeyName)
	if err != nil {
		return nil, err
	}
	master, created, err := cfg.master(ctx, row)
	if err != nil {
		return nil, err
	}
	v := &Vault{store: cfg.Store, now: cfg.Now}
	if row == nil {
		if row, err = v.makeDataKey(ctx, master); err != nil {
			return nil, err
		}
	}
	plain, err := open(master, masterKeyNumber, dataKeyName, row.Sealed)
	if err != nil && !created { // a rotation was stopped, or came between the reading of the row and of the file
		plain, err = cfg.settle(ctx)
	}
	if err != nil {
		if created { // another node, with a master key of its own, was faster
			err = errors.Join(err, os.Remove(cfg.Path))
		}
		return nil, fmt.Errorf("%w: %s is not the one that this database was made with: "+
			"restore the file that belongs to the database, or point MINTAGE_MASTER_KEY_FILE at it: %w", ErrMasterKey, cfg.Path, err)
	}
	v.data, err = newBox(plain)
	clear(plain)
	return v, err
}

// dataKey reads a row; nil when there is none.
func dataKey(ctx context.Context, s Store, name string) (*store.DataKey, error) {
	row, err := s.DataKey(ctx, name)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil, nil //nolint:nilnil // no row is an answer here
	}
	if err != nil {
		return nil, fmt.Errorf("data key %q: %w", name, err)
	}
	return row, nil
}

// master returns the master key, and whether it was made just now, which needs
// a database without a data key.
func (cfg *VaultConfig) master(ctx context.Context, row *store.DataKey) (box cipher.AEAD, created bool, err error) {
	key, err := cfg.readMaster(ctx, cfg.Path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return nil, false, err
	case row != nil:
		return nil, false, fmt.Errorf("%w: %s is missing and the database cannot be read without it: "+
			"restore the file from its backup, or point MINTAGE_MASTER_KEY_FILE at it", ErrMasterKey, cfg.Path)
	case !cfg.Create:
		return nil, false, fmt.Errorf("%w: there is none at %s: start the server once, which makes it", ErrMasterKey, cfg.Path)
	default:
		created = true
		key, err = cfg.createMaster(ctx, cfg.Path)
		if errors.Is(err, fs.ErrExist) { // another process was faster
			created = false
			key, err = cfg.readMaster(ctx, cfg.Path)
		}
		if err != nil {
			return nil, false, err
		}
	}
	box, err = newBox(key)
	clear(key)
	return box, created, err
}

// makeDataKey makes the data key and returns its row, or that of another
// process that was faster.
func (v *Vault) makeDataKey(ctx context.Context, master cipher.AEAD) (*store.DataKey, error) {
	plain := make([]byte, keySize)
	rand.Read(plain)
	sealed := seal(master, masterKeyNumber, dataKeyName, plain)
	clear(plain)
	return v.create(ctx, dataKeyName, sealed)
}

// create writes a row, or returns the one that is there.
func (v *Vault) create(ctx context.Context, name string, sealed []byte) (*store.DataKey, error) {
	row := &store.DataKey{Name: name, Sealed: sealed, Created: v.now().UTC().Truncate(time.Second)}
	err := v.store.Update(ctx, func(tx store.Tx) error { return tx.CreateDataKey(ctx, row) })
	if errors.Is(err, mintage.ErrExists) {
		row, err = v.store.DataKey(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("data key %q: %w", name, err)
	}
	return row, nil
}

// Seal returns plain encrypted, to be opened for the same purpose only. The
// purpose names the place: what, whose, which.
func (v *Vault) Seal(purpose string, plain []byte) ([]byte, error) {
	if purpose == "" {
		return nil, errors.New("seal: no purpose")
	}
	return seal(v.data, dataKeyNumber, purpose, plain), nil
}

// Open returns what was sealed for the purpose. The error is ErrSealed.
func (v *Vault) Open(purpose string, sealed []byte) ([]byte, error) {
	return open(v.data, dataKeyNumber, purpose, sealed)
}

// Value returns a secret random value of n bytes that is made when it is first
// asked for and is the same for ever, on every node.
func (v *Vault) Value(ctx context.Context, name string, n int) ([]byte, error) {
	const least, most = 16, 1 << 10
	if name == "" || n < least || n > most {
		return nil, fmt.Errorf("value %q: a name and %d to %d bytes are needed", name, least, most)
	}
	name = valuePrefix + name
	row, err := dataKey(ctx, v.store, name)
	if err != nil {
		return nil, err
	}
	if row == nil {
		fresh := make([]byte, n)
		rand.Read(fresh)
		if row, err = v.create(ctx, name, seal(v.data, dataKeyNumber, name, fresh)); err != nil {
			return nil, err
		}
	}
	plain, err := v.Open(name, row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(plain) != n {
		return nil, fmt.Errorf("%s has %d bytes, not %d", name, len(plain), n)
	}
	return plain, nil
}

// String hides what a Vault holds.
func (v *Vault) String() string { return "vault" }

// GoString is String.
func (v *Vault) GoString() string { return v.String() }

// LogValue is String.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }
