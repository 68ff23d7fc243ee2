package keys

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrMasterKey is wrapped by errors about a master key that is missing, wrong,
// malformed or readable by others. Nothing was changed then.
var ErrMasterKey = errors.New("master key")

// masterFileSize bounds what is read of a file that should have 45 bytes, or some
// hundreds where a Keeper wrapped the key.
const masterFileSize = 16 << 10

// wrappedPrefix begins a file whose key a Keeper wrapped.
const wrappedPrefix = "kms1:"

// readMaster reads the key at path. The error wraps fs.ErrNotExist when there
// is no file, and ErrMasterKey in any case.
func (cfg *VaultConfig) readMaster(ctx context.Context, path string) ([]byte, error) {
	line, err := readPrivateLine(path)
	if err != nil {
		return nil, err
	}
	wrapped, is := strings.CutPrefix(line, wrappedPrefix)
	switch {
	case is && cfg.Keeper == nil:
		return nil, fmt.Errorf("%w: %s is wrapped by a KMS: set master_key_command to what unwraps it", ErrMasterKey, path)
	case !is && cfg.Keeper != nil:
		return nil, fmt.Errorf("%w: %s is not wrapped, though master_key_command is set: "+
			"wrap it with mintage-kms --from plain --key URL rewrap %s", ErrMasterKey, path, path)
	case is:
		text, err := cfg.Keeper.Unwrap(ctx, wrapped)
		if err != nil {
			return nil, fmt.Errorf("%w: %s cannot be unwrapped: %w", ErrMasterKey, path, err)
		}
		defer clear(text)
		line = strings.TrimSpace(string(text))
	}
	key, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(key) != keySize || strings.ContainsAny(line, "\r\n") {
		return nil, fmt.Errorf("%w: %s does not hold 32 bytes in base64 on one line: restore it from its backup", ErrMasterKey, path)
	}
	return key, nil
}

// readPrivateLine reads a file that its owner alone may read, without the end of
// the line.
func readPrivateLine(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's setting
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	const others = 0o077
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is not a regular file", ErrMasterKey, path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 {
		return "", fmt.Errorf("%w: %s has the mode %#o, so that others may read it: run chmod 600 %s",
			ErrMasterKey, path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, masterFileSize))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// createMaster makes a key at path, where no file may be, and returns it when
// it is on disk. The error wraps fs.ErrExist when another process was faster.
func (cfg *VaultConfig) createMaster(ctx context.Context, path string) ([]byte, error) {
	key := make([]byte, keySize)
	rand.Read(key)
	text, err := cfg.masterText(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("%w: create: %w", ErrMasterKey, err)
	}
	// Written beside and linked, so that no other process sees half of it, and
	// a crash leaves no half behind under the name.
	temp := path + "." + rand.Text() + ".tmp"
	defer os.Remove(temp) //nolint:errcheck // it may be gone already
	err = writeNew(temp, text)
	if err == nil {
		if err = os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
			err = writeNew(path, text) // a file system without links
		}
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: create: %w", ErrMasterKey, err)
	}
	return key, nil
}

// masterText returns what the file of a key holds. Where a Keeper wraps it, it is
// unwrapped once before anything depends on it.
func (cfg *VaultConfig) masterText(ctx context.Context, key []byte) (string, error) {
	text := base64.StdEncoding.EncodeToString(key)
	if cfg.Keeper == nil {
		return text + "\n", nil
	}
	wrapped, err := cfg.Keeper.Wrap(ctx, []byte(text))
	if err != nil {
		return "", err
	}
	again, err := cfg.Keeper.Unwrap(ctx, wrapped)
	if err != nil {
		return "", err
	}
	defer clear(again)
	if strings.TrimSpace(string(again)) != text {
		return "", errors.New("what was wrapped does not come back the same")
	}
	return wrappedPrefix + wrapped + "\n", nil
}

// writeNew writes a file that must not exist, for its owner alone, to disk.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the path is the operator's setting
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir brings a new directory entry to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the path is the operator's setting
	if err != nil {
		return err
	}
	err = d.Sync()
	if runtime.GOOS == "windows" {
		err = nil // directories cannot be synced there
	}
	return errors.Join(err, d.Close())
}

// CreateMaster makes a master key, not wrapped, at path, where no file may be. The error wraps
// fs.ErrExist when there is one.
func CreateMaster(path string) error {
	key, err := (&VaultConfig{}).createMaster(context.Background(), path)
	clear(key)
	return err
}
