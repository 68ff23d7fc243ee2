//go:build unix

package keys_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/keys"
)

// script makes a program of a shell script. Its last argument is the verb.
func script(t *testing.T, text string) *keys.Command {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keeper")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return &keys.Command{Args: []string{"/bin/sh", path, "--key", "a key"}}
}

// turnsAround wraps by exchanging letters, and insists on its arguments.
const turnsAround = `[ "$1 $2" = "--key a key" ] && { [ "$3" = wrap ] || [ "$3" = unwrap ]; } || exit 9
exec tr 'A-Za-z' 'a-zA-Z'
`

// KY-03: with a command the file holds the key wrapped and opens with the command
// alone; a rotation goes the same way.
func TestWrappedMasterKey(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	path := filepath.Join(t.TempDir(), "master.key")
	cfg := keys.VaultConfig{Store: s, Path: path, Keeper: script(t, turnsAround), Now: at(noon), Create: true}
	v, err := keys.OpenVault(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := v.Seal("p", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(first), "kms1:") || strings.Count(string(first), "\n") != 1 {
		t.Fatalf("the file holds %d bytes (%v)", len(first), err)
	}
	if err := keys.RotateMaster(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(second), "kms1:") || bytes.Equal(first, second) {
		t.Errorf("after a rotation the file holds %d bytes (%v)", len(second), err)
	}
	again, err := keys.OpenVault(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.Open("p", sealed); err != nil || string(plain) != "plain" {
		t.Errorf("what was sealed before opens as %q (%v)", plain, err)
	}
	cfg.Keeper = nil
	if _, err := keys.OpenVault(t.Context(), cfg); !errors.Is(err, keys.ErrMasterKey) || !strings.Contains(err.Error(), "master_key_command") {
		t.Errorf("without the command: %v", err)
	}
}

// A plain file with a command set is refused: the setting must not look like
// protection that is not there.
func TestPlainFileWithCommand(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	path := filepath.Join(t.TempDir(), "master.key")
	openVault(t, s, path)
	_, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: s, Path: path, Keeper: script(t, turnsAround), Now: at(noon), Create: true})
	if !errors.Is(err, keys.ErrMasterKey) || !strings.Contains(err.Error(), "mintage-kms --from plain") {
		t.Errorf("OpenVault: %v", err)
	}
}

// A command that cannot, does not end, prints what is no key or says too much:
// the start fails and says why, nothing is made, and no key is in the error.
func TestCommandFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, want string }{
		"refuses":             {"echo first >&2; echo 'permission denied' >&2; exit 3\n", "exit status 3: permission denied"},
		"does not end":        {"exec sleep 60\n", "took longer than"},
		"prints nothing":      {"cat >/dev/null\n", "one line"},
		"prints two lines":    {"cat >/dev/null; echo a; echo b\n", "one line"},
		"prints without end":  {"exec head -c 100000 /dev/zero\n", "more than"},
		"loses what it wraps": {"cat >/dev/null; echo AAAA\n", "does not come back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "master.key")
			command := script(t, c.script)
			if name == "does not end" {
				command.Timeout = 100 * time.Millisecond
			}
			_, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: &rows{}, Path: path, Keeper: command, Now: at(noon), Create: true})
			if !errors.Is(err, keys.ErrMasterKey) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("OpenVault: %v, want %q", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// The key is on standard input and nowhere else, and the program gets none of our
// variables, one of which may hold the password of the database.
func TestCommandSeesNoSecret(t *testing.T) {
	t.Setenv("MINTAGE_DATABASE_URL", "postgres://mintage:hunter2@db/mintage")
	t.Setenv("VAULT_ADDR", "http://vault")
	command := script(t, `cat >/dev/null; { echo "$@"; env; } | base64 -w0; echo`)
	key := []byte("key-" + strings.Repeat("x", 40))
	out, err := command.Wrap(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := base64.StdEncoding.DecodeString(out)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(seen); strings.Contains(text, "hunter2") || strings.Contains(text, string(key)) || !strings.Contains(text, "VAULT_ADDR=http://vault") {
		t.Errorf("the program saw %s", text)
	}
}
