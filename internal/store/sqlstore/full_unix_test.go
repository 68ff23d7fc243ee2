//go:build unix

package sqlstore_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

// fullPath names the database of TestFullChild.
const fullPath = "MINTAGE_TEST_FULL_DATABASE"

// TestFull: a file that cannot grow is trouble that may pass, not a fault of
// ours; what was refused has left nothing, and it goes on without a restart
// (R3, R4). The limit is that of a process, so that another one has it.
func TestFull(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullChild$", "-test.v")
	cmd.Env = append(os.Environ(), fullPath+"="+filepath.Join(t.TempDir(), "full.db"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFullChild") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFullChild is what TestFull runs.
func TestFullChild(t *testing.T) { //nolint:paralleltest // it is alone in its process
	path := os.Getenv(fullPath)
	if path == "" {
		t.Skip("TestFull runs it")
	}
	signal.Ignore(syscall.SIGXFSZ)
	ctx := t.Context()
	s, err := sqlstore.OpenSQLite(ctx, sqlstore.SQLite{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	create := func(i int) error {
		id := fmt.Sprintf("tenant-%d", i)
		return s.Update(ctx, func(tx store.Tx) error {
			if err := tx.CreateTenant(ctx, &mintage.Tenant{ID: id, Issuer: "https://" + id + ".example"}); err != nil {
				return err
			}
			return tx.CreateClient(ctx, &mintage.Client{Tenant: id, ID: "x", Name: strings.Repeat("x", 200_000)})
		})
	}
	if err := create(0); err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	made := 1
	for ; err == nil && made < 100; made++ {
		err = create(made)
	}
	made-- // the last one was refused
	if !errors.Is(err, mintage.ErrUnavailable) {
		t.Fatalf("a full file is %v, after %d", err, made)
	}
	if _, err := s.Client(ctx, fmt.Sprintf("tenant-%d", made), "x"); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("what was refused is there: %v", err)
	}
	if _, err := s.Client(ctx, "tenant-0", "x"); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := create(made); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
