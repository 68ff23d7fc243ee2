package sqlstore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/storetest"
)

func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return place(t)(t)
	})
}

func TestSQLiteTemporary(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return openFile(t, "")
	})
}

func TestSQLiteDurable(t *testing.T) {
	t.Parallel()
	storetest.RunDurable(t, place)
}

func place(t *testing.T) func(*testing.T) store.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mintage.db")
	return func(t *testing.T) store.Store {
		t.Helper()
		return openFile(t, path)
	}
}

func openFile(tb testing.TB, path string) store.Store {
	tb.Helper()
	s, err := sqlstore.OpenSQLite(tb.Context(), sqlstore.SQLite{Path: path, BusyTimeout: time.Minute})
	if err != nil {
		tb.Error(err) // not Fatal: the suite opens in goroutines too
		return nil
	}
	return s
}

// TestFileModes is KY-03 of the checklist: files are for their owner alone.
func TestFileModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	path := filepath.Join(t.TempDir(), "a dir?#%", "mintage.db") // a path with what a URI gives a meaning
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, path)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("%d files, want the database, its log and the log's index", len(entries))
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", e.Name(), info.Mode().Perm())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err = os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files after Close (%v), want the database alone", len(entries), err)
	}
}

func TestTemporaryIsRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := openFile(t, "")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d directories (%v), want 1", len(entries), err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory's mode is not 700 (%v)", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err = os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories left (%v)", len(entries), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a directory":           dir,
		"a missing directory":   filepath.Join(dir, "none", "mintage.db"),
		"a file of other kinds": notes,
	} {
		s, err := sqlstore.OpenSQLite(t.Context(), sqlstore.SQLite{Path: path})
		if err == nil {
			t.Errorf("%s was opened: %v", name, s.Close())
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %q does not name the path", name, err)
		}
	}
	if b, err := os.ReadFile(notes); err != nil || !strings.HasPrefix(string(b), "not a database") {
		t.Errorf("a file that is no database was changed (%v)", err)
	}
}

// TestNewerSchema: a newer release's database is opened when it says that this
// release may, and refused when it says not.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mintage.db")
	s := openFile(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	execBehind(t, path, `INSERT INTO schema_versions (version_id, is_applied) VALUES (9999, 1)`)
	s = openFile(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	execBehind(t, path, `UPDATE schema_compatibility SET minimum = 9999`)
	if s, err := sqlstore.OpenSQLite(t.Context(), sqlstore.SQLite{Path: path}); err == nil {
		t.Errorf("opened a database that asks for a newer release: %v", s.Close())
	} else if !strings.Contains(err.Error(), "newer release") {
		t.Errorf("error %q does not say what to do", err)
	}
}

// execBehind runs a statement behind the store's back.
func execBehind(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the statement counts
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// TestOldEventsAreLinked: the migration that brings the chain of the audit log
// links the rows that are there.
func TestOldEventsAreLinked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mintage.db")
	s := openFile(t, path)
	const rows = 1203 // more than are linked at once
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for range rows {
			if err := tx.AppendEvent(t.Context(), &mintage.Event{Action: "client.create", Name: "x"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	execBehind(t, path, `DROP INDEX audit_events_unlinked; ALTER TABLE audit_events DROP COLUMN hash; DROP TABLE usage_counts;
		DROP INDEX tenants_purge_at; ALTER TABLE tenants DROP COLUMN purge_at; DROP INDEX clients_folded_name; DROP INDEX clients_created;
		DROP INDEX requests_client; DROP INDEX tenants_managed_by; DROP INDEX organizations_managed_by; DROP INDEX resource_servers_managed_by;
		DROP INDEX clients_managed_by; DROP TABLE kept_answers; DROP TABLE pairings; DROP TABLE replays; ALTER TABLE token_shapes DROP COLUMN jkt;
		ALTER TABLE clients DROP COLUMN authentication; DELETE FROM schema_versions WHERE version_id >= 7`)
	s = openFile(t, path)
	defer s.Close() //nolint:errcheck // the test is over
	list, err := s.Events(t.Context(), store.EventQuery{Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	var c mintage.Chain
	for _, e := range list {
		if err := c.Next(e); err != nil {
			t.Fatal(err)
		}
	}
	if c.Seq != rows {
		t.Errorf("%d rows are linked, want %d", c.Seq, rows)
	}
}
