package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// wrappedPrefix begins a file of a master key that is wrapped; internal/keys of
// the server has the same.
const wrappedPrefix = "kms1:"

// keySize is that of a master key, in bytes.
const keySize = 32

// rewrap gives the file at path the wrapping of o.key instead of that of o.from.
// The file is replaced in one step, when what it is replaced by was read back. A
// server that runs has the key in memory and notices nothing.
func (o *options) rewrap(ctx context.Context, path string, errs io.Writer) error {
	from, err := o.from.open(ctx)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := o.key.open(ctx)
	if err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	text, err := readPrivate(path)
	if err != nil {
		return err
	}
	defer clear(text)
	key, err := unwrapLine(ctx, from, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer clear(key)
	line, err := wrapLine(ctx, to, key)
	if err != nil {
		return err
	}
	defer clear(line)
	again, err := unwrapLine(ctx, to, line)
	if err != nil || !bytes.Equal(again, key) {
		return fmt.Errorf("what was wrapped does not come back the same, and nothing was changed: %w", err)
	}
	clear(again)
	if err := replace(path, append(line, '\n')); err != nil {
		return err
	}
	_, err = fmt.Fprintf(errs, "wrapped %s anew; keep a copy of it elsewhere\n", path)
	return err
}

// unwrapLine returns the key that the line of a file holds.
func unwrapLine(ctx context.Context, k *keeper, line []byte) ([]byte, error) {
	rest, wrapped := bytes.CutPrefix(line, []byte(wrappedPrefix))
	switch {
	case wrapped && k == nil:
		return nil, errors.New("it is wrapped: say by which key with --from")
	case !wrapped && k != nil:
		return nil, errors.New("it is not wrapped: say --from plain")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(string(rest))
	if err != nil {
		return nil, errors.New("it does not hold a master key")
	}
	if wrapped {
		text, err := k.unwrap(ctx, data)
		if err != nil {
			return nil, err
		}
		defer clear(text)
		if data, err = base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSpace(text))); err != nil {
			return nil, errors.New("what the KMS unwraps is no master key")
		}
	}
	if len(data) != keySize {
		return nil, errors.New("it does not hold a master key")
	}
	return data, nil
}

// wrapLine is the reverse. What is wrapped is the line of a plain file.
func wrapLine(ctx context.Context, k *keeper, key []byte) ([]byte, error) {
	line := base64.StdEncoding.AppendEncode(nil, key)
	if k == nil {
		return line, nil
	}
	defer clear(line)
	wrapped, err := k.wrap(ctx, line)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode([]byte(wrappedPrefix), wrapped), nil
}

// replace puts text in the place of a file, so that a crash leaves the one or the
// other. Mode and owner stay.
func replace(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has moved when all went well
	_, err = f.Write(text)
	if err := errors.Join(err, keepOwner(f, info), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
