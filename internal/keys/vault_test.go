package keys_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

// R32 and KY-03: what is sealed opens after a restart, with the same file.
func TestVaultAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	master, database := filepath.Join(dir, "master.key"), filepath.Join(dir, "mintage.db")
	var sealed, value []byte
	for start := range 2 {
		s, err := sqlstore.OpenSQLite(t.Context(), sqlstore.SQLite{Path: database})
		if err != nil {
			t.Fatal(err)
		}
		v := openVault(t, s, master)
		got, err := v.Value(t.Context(), "pepper", 32)
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			value = got
			if sealed, err = v.Seal("purpose", []byte("plain")); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(got, value) || len(got) != 32 {
			t.Errorf("the value is %d other bytes after a restart", len(got))
		}
		plain, err := v.Open("purpose", sealed)
		if err != nil || string(plain) != "plain" {
			t.Errorf("start %d: Open = %q, %v", start, plain, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// KY-03: the file is its owner's alone, and is what we say it is.
func TestMasterKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	openVault(t, &rows{}, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(string(text), "\n")); err != nil || len(key) != 32 {
		t.Errorf("the file holds %d bytes, %v", len(key), err)
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// R32: without the right master key the server does not start, says what to do
// and changes nothing.
func TestWrongMasterKeyChangesNothing(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) + "\n"
	for _, c := range []struct {
		name    string
		content string
		mode    fs.FileMode
		want    string
	}{
		{"missing", "", 0, "restore the file"},
		{"another", good, 0o600, "restore the file that belongs to the database"},
		{"empty", "", 0o600, "32 bytes in base64"},
		{"short", "AAAA\n", 0o600, "32 bytes in base64"},
		{"two lines", good + good, 0o600, "32 bytes in base64"},
		{"comment", "# key\n" + good, 0o600, "32 bytes in base64"},
		{"long", strings.Repeat("A", 1<<20), 0o600, "32 bytes in base64"},
		{"group may read", good, 0o640, "chmod 600"},
		{"all may read", good, 0o604, "chmod 600"},
		{"directory", "", fs.ModeDir | 0o700, "not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			dir := t.TempDir()
			openVault(t, s, filepath.Join(dir, "right.key"))
			before, err := s.DataKey(t.Context(), "key/1")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "master.key")
			switch {
			case c.mode.IsDir():
				err = os.Mkdir(path, c.mode.Perm())
			case c.mode != 0:
				err = os.WriteFile(path, []byte(c.content), c.mode)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = keys.OpenVault(t.Context(), keys.VaultConfig{Store: s, Path: path, Now: at(noon), Create: true})
			if !errors.Is(err, keys.ErrMasterKey) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("OpenVault: %v, want %q and the path", err, c.want)
			}
			if strings.Contains(err.Error(), strings.TrimSpace(good)) {
				t.Errorf("the error shows the key: %v", err)
			}
			after, err := s.DataKey(t.Context(), "key/1")
			if err != nil || !bytes.Equal(before.Sealed, after.Sealed) {
				t.Errorf("the data key changed: %v", err)
			}
			content, err := os.ReadFile(path)
			if c.mode == 0 && !errors.Is(err, fs.ErrNotExist) || c.mode.IsRegular() && c.mode != 0 && string(content) != c.content {
				t.Errorf("the file changed: %v", err)
			}
		})
	}
}

func TestOpenVaultCreatesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	_, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: &rows{}, Path: path, Now: at(noon)})
	if !errors.Is(err, keys.ErrMasterKey) {
		t.Errorf("OpenVault: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was made: %v", err)
	}
}

// Processes that start at once on an empty database end up with one data key.
func TestProcessesStartAtOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	path := filepath.Join(t.TempDir(), "master.key")
	vaults := make([]*keys.Vault, 8)
	values := make([][]byte, len(vaults))
	var wg sync.WaitGroup
	for i := range vaults {
		wg.Go(func() {
			var err error
			vaults[i], err = keys.OpenVault(t.Context(), keys.VaultConfig{Store: s, Path: path, Now: at(noon), Create: true})
			if err != nil {
				t.Error(err)
				return
			}
			if values[i], err = vaults[i].Value(t.Context(), "pepper", 32); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed, err := vaults[0].Seal("p", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vaults {
		if _, err := v.Open("p", sealed); err != nil {
			t.Errorf("vault %d: %v", i, err)
		}
		if !bytes.Equal(values[i], values[0]) {
			t.Errorf("vault %d has another value", i)
		}
	}
}

// The moment between reading and writing: whoever comes second takes what the
// first one wrote.
func TestSecondProcessTakesTheFirstOnesKey(t *testing.T) {
	t.Parallel()
	s := &rows{}
	path := filepath.Join(t.TempDir(), "master.key")
	first := openVault(t, s, path)
	want, err := first.Value(t.Context(), "pepper", 32)
	if err != nil {
		t.Fatal(err)
	}
	s.late = true
	second := openVault(t, s, path)
	s.late = true
	got, err := second.Value(t.Context(), "pepper", 32)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Value: other bytes, %v", err)
	}
}

// Two machines, each with a master key of its own, on one empty database: the
// second does not start, and leaves no useless file behind.
func TestSecondMachineWithAnotherMasterKey(t *testing.T) {
	t.Parallel()
	s := &rows{}
	openVault(t, s, filepath.Join(t.TempDir(), "master.key"))
	s.late = true
	path := filepath.Join(t.TempDir(), "master.key")
	_, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: s, Path: path, Now: at(noon), Create: true})
	if !errors.Is(err, keys.ErrMasterKey) {
		t.Errorf("OpenVault: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	sealed, err := v.Seal("signing-key/a/k", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(sealed)
			b[i] ^= bit
			if _, err := v.Open("signing-key/a/k", b); !errors.Is(err, keys.ErrSealed) {
				t.Errorf("byte %d changed: %v", i, err)
			}
		}
		if _, err := v.Open("signing-key/a/k", sealed[:i]); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	for _, purpose := range []string{"", "signing-key/a/", "signing-key/a/kk", "signing-key/b/k"} {
		if _, err := v.Open(purpose, sealed); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("purpose %q: %v", purpose, err)
		}
	}
	if _, err := newVault(t).Open("signing-key/a/k", sealed); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("another vault: %v", err)
	}
	if again, _ := v.Seal("signing-key/a/k", []byte("plain")); bytes.Equal(again, sealed) {
		t.Error("sealing twice gives the same bytes: the nonce is not random")
	}
	if _, err := v.Seal("", []byte("plain")); err == nil {
		t.Error("Seal without a purpose: no error")
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	s := &rows{}
	v := openVault(t, s, filepath.Join(t.TempDir(), "master.key"))
	a, err := v.Value(t.Context(), "a", 32)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := v.Value(t.Context(), "b", 32); bytes.Equal(a, b) {
		t.Error("two values are the same")
	}
	if again, _ := v.Value(t.Context(), "a", 32); !bytes.Equal(a, again) {
		t.Error("a value changed")
	}
	for _, n := range []int{-1, 0, 15, 1025, 16} { // 16: it has 32
		if _, err := v.Value(t.Context(), "a", n); err == nil {
			t.Errorf("Value of %d bytes: no error", n)
		}
	}
	// A row that is another one's content does not open.
	moved := s.all["value/b"]
	moved.Name = "value/a"
	s.all["value/a"] = moved
	if _, err := v.Value(t.Context(), "a", 32); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("Value of a moved row: %v", err)
	}
	// KY-03: no row holds what it seals.
	for name, row := range s.all {
		if bytes.Contains(row.Sealed, a[:8]) {
			t.Errorf("row %q holds the value", name)
		}
	}
}

type brokenStore struct{ rows }

func (*brokenStore) DataKey(context.Context, string) (*store.DataKey, error) {
	return nil, errors.New("disk on fire")
}

// A database that does not answer is not an empty one.
func TestBrokenStoreMakesNoKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	_, err := keys.OpenVault(t.Context(), keys.VaultConfig{Store: &brokenStore{}, Path: path, Now: at(noon), Create: true})
	if err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("OpenVault: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the master key was made: %v", err)
	}
}

// KY-09: no way of printing shows key bytes.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	ring := mustRing(t, v, mustMake(t, v, "ES256", noon))
	s, err := ring.Signer("ES256", noon)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, x := range []any{v, s, ring, struct{ V, S any }{v, s}} {
		for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
		slog.New(slog.NewTextHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Any("x", x))
	}
	fmt.Fprintf(&out, "%#v %#v", v, s)
	if m := regexp.MustCompile(`(\d{1,3} ){8}|(0x[0-9a-f]{1,2}, ){8}|\d{20}|[0-9a-f]{32}`).FindString(out.String()); m != "" {
		t.Errorf("%q is in %s", m, out.String())
	}
}
