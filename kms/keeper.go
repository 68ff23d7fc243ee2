package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/hashivault"   // hashivault://
	_ "gocloud.dev/secrets/localsecrets" // base64key://
)

// plain is the place that wraps nothing.
const plain = "plain"

// place says which key wraps: its URL, or a file that holds the URL.
type place struct{ url, file string }

// read returns the URL.
func (p place) read() (string, error) {
	switch {
	case p.url != "" && p.file != "":
		return "", errors.New("name the key by its URL or by a file, not both")
	case p.file != "":
		text, err := readPrivate(p.file)
		return string(text), err
	case p.url == "":
		return "", errors.New("name the key: --key hashivault://mintage, or --key-file FILE")
	case strings.HasPrefix(p.url, "base64key:"):
		return "", errors.New("base64key:// is the key itself, and every user of the machine can read arguments: put the URL into a file, mode 0600, and name it with --key-file")
	}
	return p.url, nil
}

// readPrivate reads a file that only its owner may read, without the line's end.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has the mode %#o, so that others may read it: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxInput))
	return bytes.TrimSpace(text), err
}

// readVaultToken lets the library of Vault find the token where it looks for it:
// in the environment of this process alone.
func (o *options) readVaultToken() error {
	if o.vaultToken == "" {
		return nil
	}
	token, err := readPrivate(o.vaultToken)
	if err != nil {
		return err
	}
	return os.Setenv("VAULT_TOKEN", string(token))
}

// keeper is a key in a KMS; nil wraps nothing.
type keeper struct{ k *secrets.Keeper }

// open opens the KMS. Errors name the scheme and not the URL, which may be the
// key.
func (p place) open(ctx context.Context) (*keeper, error) {
	at, err := p.read()
	if err != nil || at == plain {
		return nil, err
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("the key is not named by a URL such as hashivault://mintage or awskms://alias/mintage?region=eu-west-1")
	}
	k, err := secrets.OpenKeeper(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("open the key of %s://: %s", u.Scheme, without(err, at))
	}
	return &keeper{k}, nil
}

// without drops a URL from what an error says.
func without(err error, at string) string {
	text := strings.ReplaceAll(err.Error(), at, "…")
	if _, rest, ok := strings.Cut(at, "://"); ok && rest != "" {
		text = strings.ReplaceAll(text, rest, "…")
	}
	return text
}

func (k *keeper) wrap(ctx context.Context, key []byte) ([]byte, error) {
	wrapped, err := k.k.Encrypt(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("the KMS does not wrap: %w", err)
	}
	return wrapped, nil
}

func (k *keeper) unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	key, err := k.k.Decrypt(ctx, wrapped)
	if err != nil {
		return nil, fmt.Errorf("the KMS does not unwrap: %w", err)
	}
	return key, nil
}
