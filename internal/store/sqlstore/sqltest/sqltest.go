// Package sqltest opens databases for tests, on either engine. Each is empty and
// the test's own.
//
// Tests that use it run on SQLite; with TEST_ENGINE=postgres the same
// tests run on PostgreSQL. scripts/with-postgres runs a command beside one.
package sqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes the schemas

	"github.com/mintage-auth/mintage/internal/store/sqlstore"
)

const (
	engineVariable = "TEST_ENGINE"
	serverVariable = "TEST_POSTGRES"
	// urlFile holds the connection string of the database that stands for the
	// one of a directory.
	urlFile = "postgres-url"
)

// Open opens a new database. It is closed when tb is over.
func Open(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	s, err := open(tb.Context(), sqlstore.SQLite{}, "")
	if errors.Is(err, errNoServer) {
		missing(tb)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// OpenShared opens a new database for all tests of a process.
func OpenShared(ctx context.Context) (*sqlstore.Store, error) {
	return open(ctx, sqlstore.SQLite{}, "")
}

// OpenIn opens the database of a directory, a new one where it has none. The
// caller closes it.
func OpenIn(tb testing.TB, dir string) *sqlstore.Store {
	tb.Helper()
	s, err := open(tb.Context(), sqlstore.SQLite{Path: filepath.Join(dir, "mintage.db")}, URL(tb, dir))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Exec runs a statement on the database of a directory behind the store's back.
func Exec(tb testing.TB, dir, text string) {
	tb.Helper()
	driver, at := "sqlite", filepath.Join(dir, "mintage.db")
	if u := URL(tb, dir); u != "" {
		driver, at = "pgx", u
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the statement counts
	if _, err := db.ExecContext(tb.Context(), text); err != nil {
		tb.Fatal(err)
	}
}

// URL returns the connection string of the PostgreSQL database that stands for
// the one of a directory, which it makes where it is missing; it is empty where
// tests run on SQLite.
func URL(tb testing.TB, dir string) string {
	tb.Helper()
	if os.Getenv(engineVariable) != "postgres" {
		return ""
	}
	name := filepath.Join(dir, urlFile)
	text, err := os.ReadFile(name) //nolint:gosec // the test names the directory
	if err == nil {
		return string(text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		tb.Fatal(err)
	}
	at := Postgres(tb)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(name, []byte(at), 0o600)); err != nil {
		tb.Fatal(err)
	}
	return at
}

// Postgres returns the connection string of an empty database on a PostgreSQL
// server: a schema of its own there. Without a server the test is skipped, but
// in CI it fails.
func Postgres(tb testing.TB) string {
	tb.Helper()
	at, err := newSchema(tb.Context())
	if errors.Is(err, errNoServer) {
		missing(tb)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

// missing ends a test that needs a server.
func missing(tb testing.TB) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(errNoServer)
	}
	tb.Skip(errNoServer)
}

var errNoServer = errors.New(serverVariable + " is not set: scripts/with-postgres COMMAND sets it for a command")

// open opens a database on the engine that the environment asks for; a file or a
// URL are used where they are given.
func open(ctx context.Context, file sqlstore.SQLite, at string) (*sqlstore.Store, error) {
	switch engine := os.Getenv(engineVariable); engine {
	case "", "sqlite":
		return sqlstore.OpenSQLite(ctx, file)
	case "postgres":
		if at == "" {
			var err error
			if at, err = newSchema(ctx); err != nil {
				return nil, err
			}
		}
		return sqlstore.OpenPostgres(ctx, sqlstore.Postgres{URL: at, MaxConns: 6})
	default:
		return nil, fmt.Errorf("%s=%q: want sqlite or postgres", engineVariable, engine)
	}
}

// newSchema makes a schema on the server, which goes with the server.
func newSchema(ctx context.Context) (string, error) {
	server := os.Getenv(serverVariable)
	if server == "" {
		return "", errNoServer
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", err
	}
	defer db.Close() //nolint:errcheck // the statement counts
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return "", err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), nil
}
