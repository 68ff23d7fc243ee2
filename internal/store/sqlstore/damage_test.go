package sqlstore_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

// TestDamage is R5 of the fault plan: a page of the database is overwritten, in
// one place after the other. A start either refuses and says what to do, or
// succeeds; checking a copy finds the damage, and a backup goes back over it while
// what was there is kept.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "mintage.db"), filepath.Join(dir, "copy.db")
	s := openFile(t, path)
	fill(t, s, 1, 60)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	places, refused, found := 20, 0, 0
	if os.Getenv("MINTAGE_CHAOS") == "long" {
		places = 100
	}
	pages := rand.Perm(len(whole)/page - 1)
	for i := range places {
		damaged := append([]byte(nil), whole...)
		at := 0 // the first page is the one that all begins with
		if i > 0 {
			at = (1 + pages[i%len(pages)]) * page
		}
		for n := range 100 { // the head of a page, and where its rows are
			damaged[at+n] ^= 0xa5
		}
		file := filepath.Join(dir, "damaged.db")
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if sqlstore.Verify(t.Context(), file) != nil {
			found++
		}
		switch s, err := sqlstore.OpenSQLite(t.Context(), sqlstore.SQLite{Path: file}); {
		case err == nil:
			if err := s.Close(); err != nil {
				t.Logf("page %d: closing: %v", at/page, err)
			}
		case !strings.Contains(err.Error(), "mintage restore"):
			t.Errorf("page %d: refused without a cure: %v", at/page, err)
		default:
			refused++
		}
		if kept, err := sqlstore.Restore(t.Context(), backup, file, file+".before"); err != nil || kept == "" {
			t.Fatalf("page %d: no backup goes over it: kept %q (%v)", at/page, kept, err)
		}
		if err := os.Remove(file + ".before"); err != nil {
			t.Fatal(err)
		}
	}
	restored := openFile(t, filepath.Join(dir, "damaged.db"))
	holds(t, restored, 1, 60)
	if err := restored.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("%d places: a check of the copy finds the damage in %d, a start refuses %d, a backup goes over all", places, found, refused)
	if refused == 0 || found < places*9/10 {
		t.Errorf("%d of %d places found, %d refused at the start", found, places, refused)
	}
}
