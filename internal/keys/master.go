package keys

import (
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

// masterFileSize bounds what is read of a file that should have 45 bytes.
const masterFileSize = 1 << 10

// readMaster reads the key at path. The error wraps fs.ErrNotExist when there
// is no file, and ErrMasterKey in any case.
func readMaster(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's setting
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	const others = 0o077
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrMasterKey, path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 {
		return nil, fmt.Errorf("%w: %s has the mode %#o, so that others may read it: run chmod 600 %s",
			ErrMasterKey, path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, masterFileSize))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	key, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(key) != keySize || strings.ContainsAny(line, "\r\n") {
		return nil, fmt.Errorf("%w: %s does not hold 32 bytes in base64 on one line: restore it from its backup", ErrMasterKey, path)
	}
	return key, nil
}

// createMaster makes a key at path, where no file may be, and returns it when
// it is on disk. The error wraps fs.ErrExist when another process was faster.
func createMaster(path string) ([]byte, error) {
	key := make([]byte, keySize)
	rand.Read(key)
	text := base64.StdEncoding.EncodeToString(key) + "\n"
	// Written beside and linked, so that no other process sees half of it, and
	// a crash leaves no half behind under the name.
	temp := path + "." + rand.Text() + ".tmp"
	defer os.Remove(temp) //nolint:errcheck // it may be gone already
	err := writeNew(temp, text)
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

// CreateMaster makes a master key at path, where no file may be. The error wraps
// fs.ErrExist when there is one.
func CreateMaster(path string) error {
	key, err := createMaster(path)
	clear(key)
	return err
}
