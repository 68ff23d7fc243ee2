package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// envFile is a file for a secret. It is made before the secret is, so that a
// path that cannot be written is known while nothing is lost yet.
type envFile struct {
	path string
	file *os.File
}

// newEnvFile makes the file, mode 0600; an empty path is none, and nil. A file
// that exists is not touched: it may hold the secret of another client.
func newEnvFile(path string) (*envFile, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no file was asked for
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the caller's own file
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, usage(path+" exists already", "name a new file")
	case err != nil:
		return nil, usage("the file for the secret cannot be written: "+err.Error(), "name another file")
	}
	return &envFile{path: path, file: f}, nil
}

// commit writes NAME=value lines and makes them durable.
func (e *envFile) commit(env [][2]string) error {
	var b strings.Builder
	for _, kv := range env {
		b.WriteString(kv[0] + "=" + kv[1] + "\n")
	}
	_, err := e.file.WriteString(b.String())
	err = errors.Join(err, e.file.Sync(), e.file.Close())
	e.file = nil
	if err != nil {
		return fmt.Errorf("write %s: %w", e.path, err)
	}
	return nil
}

// discard takes the file away again unless it was written.
func (e *envFile) discard() {
	if e == nil || e.file == nil {
		return
	}
	_ = e.file.Close()
	_ = os.Remove(e.path)
}
