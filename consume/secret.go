package consume

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// Secret returns the client's secret. It is asked at each request for a token,
// so that a secret that changes is noticed, and should be quick. Being a
// function, it shows nothing when it is printed.
type Secret func(ctx context.Context) (string, error)

// SecretValue returns a Secret that is known beforehand.
func SecretValue(secret string) Secret {
	return func(context.Context) (string, error) { return secret, nil }
}

// maxSecretSize bounds a file that holds a secret or a key, in bytes.
const maxSecretSize = 64 << 10

// SecretFile returns a Secret that is read from a file at each request. A line
// break at its end is not part of it.
func SecretFile(path string) Secret {
	return func(context.Context) (string, error) {
		b, err := readFile(path)
		if err != nil {
			return "", err
		}
		s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if s == "" {
			return "", fmt.Errorf("%s is empty", path)
		}
		return s, nil
	}
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the program says which file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretSize+1))
	if err == nil && len(b) > maxSecretSize {
		err = fmt.Errorf("%s is too long for a secret", path)
	}
	return b, err
}
