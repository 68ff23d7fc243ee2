package sqlstore_test

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store/sqlstore"
	"github.com/mintage-auth/mintage/oauth"
)

// BenchmarkCreateToken measures stored tokens, synced to the disk, by the
// number of callers, and reports what a row takes on the disk (P5 and P16 of
// the performance goals).
func BenchmarkCreateToken(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("c=%d", callers), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "mintage.db")
			s, err := sqlstore.OpenSQLite(b.Context(), sqlstore.SQLite{Path: path})
			if err != nil {
				b.Fatal(err)
			}
			empty := size(b, path)
			work := make(chan struct{})
			go func() {
				defer close(work)
				for range b.N {
					work <- struct{}{}
				}
			}()
			b.ResetTimer()
			done := make(chan error)
			for range callers {
				go func() {
					var err error
					for range work {
						if err == nil {
							err = s.CreateToken(b.Context(), benchToken())
						}
					}
					done <- err
				}()
			}
			for range callers {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(size(b, path)-empty)/float64(b.N), "B/row")
		})
	}
}

// BenchmarkToken measures the lookup of a stored token.
func BenchmarkToken(b *testing.B) {
	s, err := sqlstore.OpenSQLite(b.Context(), sqlstore.SQLite{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	rec := benchToken()
	if err := s.CreateToken(b.Context(), rec); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Token(b.Context(), rec.Tenant, rec.Key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen measures a start on a database that is up to date, and one on
// none.
func BenchmarkOpen(b *testing.B) {
	b.Run("existing", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "mintage.db")
		for range b.N + 1 {
			openAndClose(b, path)
		}
	})
	b.Run("new", func(b *testing.B) {
		dir := b.TempDir()
		for i := range b.N {
			openAndClose(b, filepath.Join(dir, fmt.Sprint(i)))
		}
	})
}

func openAndClose(b *testing.B, path string) {
	b.Helper()
	s, err := sqlstore.OpenSQLite(b.Context(), sqlstore.SQLite{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	var n int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n
}

// benchToken has the members of an ordinary token.
func benchToken() *mintage.TokenRecord {
	now := time.Now()
	rec := &mintage.TokenRecord{
		Tenant: "prod", ClientID: "mc_0123456789abcdef", Subject: "mc_0123456789abcdef",
		Scope: oauth.NewScope("orders/read", "orders/write"), Audience: []string{"https://api.example.com"},
		IssuedAt: now, Expires: now.Add(time.Hour),
	}
	binary.BigEndian.PutUint64(rec.Key[:8], uint64(now.UnixMilli())<<16)
	rand.Read(rec.Key[6:])
	rec.JTI = fmt.Sprintf("%x-%x-7abc-8def-%x", rec.Key[0:4], rec.Key[4:6], rec.Key[10:16])
	return rec
}
