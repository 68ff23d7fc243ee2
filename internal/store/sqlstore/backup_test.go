package sqlstore_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// fill writes tenants, clients, revocations and stored tokens numbered from
// first to last.
func fill(tb testing.TB, s store.Store, first, last int) {
	tb.Helper()
	for i := first; i <= last; i++ {
		tenant := fmt.Sprintf("t%d", i)
		err := s.Update(tb.Context(), func(tx store.Tx) error {
			if err := tx.CreateTenant(tb.Context(), &mintage.Tenant{ID: tenant, Issuer: "https://" + tenant, Aliases: []string{tenant + ".example"}}); err != nil {
				return err
			}
			err := tx.CreateClient(tb.Context(), &mintage.Client{
				Tenant: tenant, ID: "c", Name: "Clïent", Disabled: i%2 == 0,
				Secrets: []mintage.Secret{{ID: "s", Hash: tenant, Digest: []byte{0, 1, byte(i)}, Expires: time.Unix(int64(i), 0)}},
			})
			if err != nil {
				return err
			}
			return tx.CreateRevocation(tb.Context(), &mintage.Revocation{Tenant: tenant, ID: "r", JTI: "j", Before: time.UnixMilli(int64(i))})
		})
		if err == nil {
			err = s.CreateToken(tb.Context(), killToken(tenant, fmt.Sprint(i)))
		}
		if err != nil {
			tb.Error(err)
			return
		}
	}
}

// holds fails unless what fill wrote is there.
func holds(tb testing.TB, s store.Store, first, last int) {
	tb.Helper()
	for i := first; i <= last; i++ {
		tenant := fmt.Sprintf("t%d", i)
		c, err := s.Client(tb.Context(), tenant, "c")
		if err != nil || c.Name != "Clïent" || c.Disabled != (i%2 == 0) || len(c.Secrets) != 1 || c.Secrets[0].Digest[2] != byte(i) {
			tb.Errorf("client %d: %+v (%v)", i, c, err)
		}
		if _, err := s.Token(tb.Context(), tenant, killToken(tenant, fmt.Sprint(i)).Key); err != nil {
			tb.Errorf("token %d: %v", i, err)
		}
	}
}

// TestBackup is R31: a copy made while others write is whole, holds what was
// acknowledged before it, and restores.
func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "mintage.db"), filepath.Join(dir, "copy.db")
	s := openFile(t, path)
	fill(t, s, 1, 20)
	var writing sync.WaitGroup
	writing.Go(func() { fill(t, s, 21, 120) })
	if err := sqlstore.Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	if err := sqlstore.Verify(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode is not 600 (%v)", err)
	}
	if err := sqlstore.Backup(t.Context(), path, backup); err == nil {
		t.Error("a file that was there was overwritten")
	}
	if _, err := sqlstore.Restore(t.Context(), backup, path, path+".old"); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("restored under a server that runs: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := sqlstore.Restore(t.Context(), backup, path, path+".old")
	if err != nil || kept != path+".old" {
		t.Fatalf("kept %q (%v)", kept, err)
	}
	for name, last := range map[string]int{path: 20, kept: 120} {
		s := openFile(t, name)
		holds(t, s, 1, last)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files left: %v (%v)", left, err)
	}
}

// TestRestoreRefuses: what is no sound backup changes nothing.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mintage.db")
	s := openFile(t, path)
	fill(t, s, 1, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := slices.Clone(whole[:len(whole)/2])
	flipped := slices.Clone(whole)
	for i := len(flipped) / 3; i < len(flipped)/3+4096; i++ {
		flipped[i] ^= 0x55
	}
	for name, data := range map[string][]byte{"torn": torn, "damaged": flipped, "other": []byte("notes"), "empty": nil} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlstore.Restore(t.Context(), file, path, path+".old"); err == nil {
			t.Errorf("%s was restored", name)
		}
	}
	if _, err := sqlstore.Restore(t.Context(), filepath.Join(dir, "missing"), path, path+".old"); err == nil {
		t.Error("a file that is missing was restored")
	}
	s = openFile(t, path)
	holds(t, s, 1, 3)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCopy: all that a SQLite database holds is in PostgreSQL afterwards, which
// goes on from there.
func TestCopy(t *testing.T) {
	t.Parallel()
	path, url := filepath.Join(t.TempDir(), "mintage.db"), sqltest.Postgres(t)
	s := openFile(t, path)
	fill(t, s, 1, 60)
	ctx := t.Context()
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.CreateOperator(ctx, &mintage.Operator{ID: "op_1", Email: "ada@example.com", Disabled: true}); err != nil {
			return err
		}
		return tx.CreateOperatorCredential(ctx, &mintage.OperatorCredential{
			Operator: "op_1", Kind: mintage.CredentialPasskey, ID: "k", Data: []byte{0, 0xff},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Copy(t.Context(), path, sqlstore.Postgres{URL: url}); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("copied under a server that runs: %v", err)
	}
	last, err := s.LastChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := sqlstore.Copy(t.Context(), path, sqlstore.Postgres{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, c := range copied {
		rows[c.Table] = c.Rows
	}
	for table, want := range map[string]int{"tenants": 60, "clients": 60, "tokens": 60, "revocations": 60, "counters": 3, "operators": 1, "operator_credentials": 1} {
		if rows[table] != want {
			t.Errorf("%s: %d rows, want %d", table, rows[table], want)
		}
	}
	for _, name := range tablesOf(t, path) {
		if _, ok := rows[name]; !ok && name != "leases" {
			t.Errorf("the table %s was not copied", name)
		}
	}
	p := openPostgres(t, url)
	holds(t, p, 1, 60)
	fill(t, p, 61, 70)
	holds(t, p, 61, 70)
	if now, err := p.LastChange(t.Context()); err != nil || now <= last {
		t.Errorf("the feed goes on at %d, and was at %d (%v)", now, last, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := sqlstore.Copy(t.Context(), path, sqlstore.Postgres{URL: url}); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("copied over what was there: %v", err)
	}
}

// tablesOf returns the tables of a SQLite database that are ours.
func tablesOf(t *testing.T, path string) (names []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it only read
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_versions'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}
