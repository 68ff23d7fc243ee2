package keys_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

// sealedWorld is a database with something sealed in it, and a master key.
type sealedWorld struct {
	store  store.Store
	path   string
	sealed []byte
	value  []byte
}

func newSealedWorld(t *testing.T) *sealedWorld {
	t.Helper()
	w := &sealedWorld{store: newStore(t), path: filepath.Join(t.TempDir(), "master.key")}
	v := openVault(t, w.store, w.path)
	var err error
	if w.sealed, err = v.Seal("purpose", []byte("plain")); err != nil {
		t.Fatal(err)
	}
	if w.value, err = v.Value(t.Context(), "pepper", 32); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *sealedWorld) config() keys.VaultConfig {
	return keys.VaultConfig{Store: w.store, Path: w.path, Now: at(noon)}
}

// opens is a start of the server: all that was sealed before is there.
func (w *sealedWorld) opens(t *testing.T) {
	t.Helper()
	v, err := keys.OpenVault(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := v.Open("purpose", w.sealed); err != nil || string(plain) != "plain" {
		t.Errorf("opens as %q, %v", plain, err)
	}
	if value, err := v.Value(t.Context(), "pepper", 32); err != nil || !bytes.Equal(value, w.value) {
		t.Errorf("the pepper is another one: %v", err)
	}
}

func (w *sealedWorld) rotate(t *testing.T) {
	t.Helper()
	if err := keys.RotateMaster(t.Context(), w.config()); err != nil {
		t.Fatal(err)
	}
}

// file returns what is in a file, nothing if there is none.
func file(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// No secret ends by a rotation, the old key opens nothing, and the file is its
// owner's alone.
func TestRotateMaster(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	old := file(t, w.path)
	for range 3 {
		w.rotate(t)
		w.opens(t)
	}
	if file(t, w.path) == old || file(t, w.path+".next") != "" {
		t.Error("the file was not replaced")
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Dir(w.path) + "/*"); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
	write(t, w.path, old)
	if _, err := keys.OpenVault(t.Context(), w.config()); !errors.Is(err, keys.ErrMasterKey) {
		t.Errorf("with the old key: %v", err)
	}
}

// A crash after each step: the server starts, and running the command again
// finishes what was begun.
func TestRotateMasterSurvivesACrash(t *testing.T) {
	t.Parallel()
	lost := errors.New("power cut")
	for _, c := range []struct {
		name  string
		crash func(t *testing.T, w *sealedWorld)
		// finished says that the next start replaces the file.
		finished bool
	}{
		{"while the new key is written", func(t *testing.T, w *sealedWorld) {
			t.Helper()
			write(t, w.path+".next.ABC.tmp", "half of a ke")
		}, false},
		{"before the database changed", func(t *testing.T, w *sealedWorld) {
			t.Helper()
			cfg := w.config()
			cfg.Store = cutOff{w.store, lost, false}
			if err := keys.RotateMaster(t.Context(), cfg); !errors.Is(err, lost) {
				t.Fatal(err)
			}
		}, false},
		{"after the database changed", func(t *testing.T, w *sealedWorld) {
			t.Helper()
			cfg := w.config()
			cfg.Store = cutOff{w.store, lost, true}
			if err := keys.RotateMaster(t.Context(), cfg); !errors.Is(err, lost) {
				t.Fatal(err)
			}
		}, true},
		{"after the file was replaced", func(t *testing.T, w *sealedWorld) {
			t.Helper()
			w.rotate(t)
		}, true},
	} {
		for _, again := range []string{"start", "rotate"} {
			t.Run(c.name+", then "+again, func(t *testing.T) {
				t.Parallel()
				w := newSealedWorld(t)
				old := file(t, w.path)
				c.crash(t, w)
				if again == "start" {
					w.opens(t)
					if replaced := file(t, w.path) != old; replaced != c.finished {
						t.Errorf("after a start the file is replaced: %v, want %v", replaced, c.finished)
					}
				}
				w.rotate(t)
				w.opens(t)
				if file(t, w.path) == old || file(t, w.path+".next") != "" {
					t.Error("the rotation was not finished")
				}
			})
		}
	}
}

// cutOff is a store in which a transaction ends with an error, before or after
// its commit.
type cutOff struct {
	store.Store
	err   error
	after bool
}

func (s cutOff) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.after {
		if err := s.Store.Update(ctx, fn); err != nil {
			return err
		}
	}
	return s.err
}

// Without the right file, or with one that is not ours to replace, nothing
// changes.
func TestRotateMasterRefuses(t *testing.T) {
	t.Parallel()
	empty := keys.VaultConfig{Store: newStore(t), Path: filepath.Join(t.TempDir(), "master.key"), Now: at(noon)}
	if err := keys.RotateMaster(t.Context(), empty); !errors.Is(err, keys.ErrMasterKey) || file(t, empty.Path+".next") != "" {
		t.Errorf("no file: %v", err)
	}
	w, other := newSealedWorld(t), newSealedWorld(t)
	right := file(t, w.path)
	write(t, w.path, file(t, other.path))
	if err := keys.RotateMaster(t.Context(), w.config()); !errors.Is(err, keys.ErrMasterKey) || file(t, w.path) != file(t, other.path) {
		t.Errorf("another file: %v", err)
	}
	write(t, w.path, right)
	w.opens(t)
	// A database without a data key has nothing to wrap.
	empty.Path = other.path
	if err := keys.RotateMaster(t.Context(), empty); !errors.Is(err, keys.ErrMasterKey) {
		t.Errorf("no data key: %v", err)
	}
	write(t, w.path+".next", right)
	if err := keys.RotateMaster(t.Context(), w.config()); !errors.Is(err, keys.ErrMasterKey) {
		t.Errorf("the same key waits: %v", err)
	}
	// A key that waits and that others may read is not taken.
	write(t, w.path+".next", file(t, other.path))
	if err := os.Chmod(w.path+".next", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := keys.RotateMaster(t.Context(), w.config()); !errors.Is(err, keys.ErrMasterKey) {
		t.Errorf("a readable file waits: %v", err)
	}
	w.opens(t)
}

// Commands and starts at the same time leave one key, which opens.
func TestRotateMasterAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				if err := keys.RotateMaster(t.Context(), w.config()); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 3 {
				if _, err := keys.OpenVault(t.Context(), w.config()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.opens(t)
}
