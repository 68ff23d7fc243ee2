package consume_test

import (
	"testing"
	"time"

	"github.com/mintage-auth/mintage/consume"
)

// warm returns a source with a token that lives for an hour.
func warm(tb testing.TB) *consume.Source {
	tb.Helper()
	src := &consume.Source{Fetcher: &issuer{life: time.Hour}}
	tb.Cleanup(src.Close)
	if _, err := src.Token(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return src
}

// Issue 4, point 5. The figure for the report comes from bench/peers/consume.
func BenchmarkTokenWarm(b *testing.B) {
	src, ctx := warm(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := src.Token(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// Beside BenchmarkTokenWarm it says how it scales.
func BenchmarkTokenWarmParallel(b *testing.B) {
	src, ctx := warm(b), b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := src.Token(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
