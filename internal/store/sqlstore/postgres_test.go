package sqlstore_test

import (
	"testing"

	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
	"github.com/mintage-auth/mintage/internal/store/storetest"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return openPostgres(t, sqltest.Postgres(t))
	})
}

func TestPostgresDurable(t *testing.T) {
	t.Parallel()
	storetest.RunDurable(t, func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		url := sqltest.Postgres(t)
		return func(t *testing.T) store.Store {
			t.Helper()
			return openPostgres(t, url)
		}
	})
}

func openPostgres(tb testing.TB, url string) store.Store {
	tb.Helper()
	s, err := sqlstore.OpenPostgres(tb.Context(), sqlstore.Postgres{URL: url, MaxConns: 8})
	if err != nil {
		tb.Error(err) // not Fatal: the suite opens in goroutines too
		return nil
	}
	return s
}
