package mint_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/mint"
)

// kind is a kind of token, with what one may allocate.
type kind struct {
	name     string
	settings mintage.TokenSettings
	allocs   float64
}

// kinds are all kinds of token. The allocations of a signature are the standard
// library's, of which ECDSA has about 60; ours are the token, its jti, its text and what they are made in.
func kinds() []kind {
	ks := []kind{
		{"stored", settings(mintage.FormatStored, "", ""), 9},
		{"sealed", settings(mintage.FormatSealed, "", ""), 10},
	}
	for alg, allocs := range map[string]float64{"ES256": 75, "EdDSA": 9, "PS256": 20, "RS256": 12} {
		ks = append(ks, kind{alg, settings(mintage.FormatJWT, alg, mintage.ClaimsRFC), allocs})
	}
	return ks
}

func newBenchMinter(tb testing.TB) *mint.Minter {
	tb.Helper()
	m, _, _ := newMinter(tb, append(mintage.SigningAlgs(), mintage.SealingAlg)...)
	m.Tokens = discard{}
	return m
}

func BenchmarkMint(b *testing.B) {
	m := newBenchMinter(b)
	for _, k := range kinds() {
		b.Run(k.name, func(b *testing.B) {
			b.ReportAllocs()
			az := decision(k.settings)
			for b.Loop() {
				mustMint(b, m, az)
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	m := newBenchMinter(b)
	tok := mustMint(b, m, decision(sealed()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Lookup(b.Context(), "prod", tok.Value); err != nil {
			b.Fatal(err)
		}
	}
}

// The gate: a token allocates no more than it did when this was written, plus
// the one or two of the race detector.
func TestMintAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of the whole process
	m := newBenchMinter(t)
	for _, k := range kinds() {
		az := decision(k.settings)
		mustMint(t, m, az)
		if got := testing.AllocsPerRun(200, func() { mustMint(t, m, az) }); got > k.allocs {
			t.Errorf("%s: %v allocations, want %v at most", k.name, got, k.allocs)
		}
	}
	tok := mustMint(t, m, decision(sealed()))
	const most = 10
	if got := testing.AllocsPerRun(200, func() { _, _ = m.Lookup(t.Context(), "prod", tok.Value) }); got > most {
		t.Errorf("looking up a sealed token: %v allocations, want %v at most", got, most)
	}
	long := strings.Repeat("mt_", 1<<20)
	if got := testing.AllocsPerRun(10, func() { _, _ = mint.ParseOpaque(long) }); got != 0 {
		t.Errorf("%v allocations to see that a long string is no token", got)
	}
}
