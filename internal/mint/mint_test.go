package mint_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/mint"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// now has milliseconds, which tokens do not show.
var now = time.Date(2026, 11, 21, 12, 0, 0, 789_000_000, time.UTC)

// rings is the ring of every tenant.
type rings struct {
	ring *keys.Ring
	err  error
}

func (r *rings) Ring(context.Context, string) (*keys.Ring, error) { return r.ring, r.err }

// tokens keeps records in memory and counts what it is asked.
type tokens struct {
	mu    sync.Mutex
	all   map[string]map[[38]byte]*mintage.TokenRecord
	reads int
	err   error
}

func (s *tokens) CreateToken(_ context.Context, rec *mintage.TokenRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.all == nil {
		s.all = map[string]map[[38]byte]*mintage.TokenRecord{}
	}
	if s.all[rec.Tenant] == nil {
		s.all[rec.Tenant] = map[[38]byte]*mintage.TokenRecord{}
	}
	s.all[rec.Tenant][rec.Key] = rec
	return nil
}

func (s *tokens) Token(_ context.Context, tenant string, key [38]byte) (*mintage.TokenRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.err != nil {
		return nil, s.err
	}
	rec, ok := s.all[tenant][key]
	if !ok {
		return nil, mintage.ErrNotFound
	}
	return rec, nil
}

// noRows is a database that is empty and takes everything.
type noRows struct{ store.Tx }

func (noRows) DataKey(context.Context, string) (*store.DataKey, error) {
	return nil, mintage.ErrNotFound
}
func (noRows) CreateDataKey(context.Context, *store.DataKey) error { return nil }
func (noRows) Update(_ context.Context, fn func(store.Tx) error) error {
	return fn(noRows{})
}

// newRing returns a ring with an active key for each algorithm.
func newRing(tb testing.TB, algs ...string) *keys.Ring {
	tb.Helper()
	v, err := keys.OpenVault(tb.Context(), keys.VaultConfig{
		Store: noRows{}, Path: tb.TempDir() + "/master.key", Now: func() time.Time { return now }, Create: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	var ks []*mintage.SigningKey
	for _, alg := range algs {
		k, err := keys.Make(v, "prod", alg, now)
		if err != nil {
			tb.Fatal(err)
		}
		ks = append(ks, k)
	}
	ring, err := keys.NewRing(v, ks)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

func newMinter(tb testing.TB, algs ...string) (*mint.Minter, *rings, *tokens) {
	tb.Helper()
	r, s := &rings{ring: newRing(tb, algs...)}, &tokens{}
	return &mint.Minter{Now: func() time.Time { return now }, Rings: r, Tokens: s}, r, s
}

// decision returns what was decided, for the given settings.
func decision(settings mintage.TokenSettings) *mintage.Authorization {
	return &mintage.Authorization{
		Tenant:   &mintage.Tenant{ID: "prod", Issuer: "https://auth.example/prod"},
		Client:   &mintage.Client{Tenant: "prod", ID: "mc_1"},
		Dialect:  mintage.DialectRFC,
		Subject:  "mc_1",
		Scope:    oauth.NewScope("orders/write", "orders/read"),
		Audience: []string{"https://api.example"},
		Token:    settings,
	}
}

func settings(format mintage.TokenFormat, alg string, claims mintage.ClaimsProfile) mintage.TokenSettings {
	return mintage.TokenSettings{Format: format, Alg: alg, Claims: claims, Lifetime: time.Hour}
}

func mustMint(tb testing.TB, m *mint.Minter, az *mintage.Authorization) *mintage.AccessToken {
	tb.Helper()
	tok, err := m.Mint(tb.Context(), az)
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	m, _, s := newMinter(t, "ES256")
	for _, c := range []struct {
		name string
		az   func(az *mintage.Authorization)
		want string
	}{
		{"format", func(az *mintage.Authorization) { az.Token.Format = "paseto" }, "unknown token format"},
		{"no format", func(az *mintage.Authorization) { az.Token.Format = "" }, "unknown token format"},
		{"profile", func(az *mintage.Authorization) { az.Token.Claims = "x" }, "unknown claims profile"},
		{"no lifetime", func(az *mintage.Authorization) { az.Token.Lifetime = 0 }, "lifetime"},
		{"negative lifetime", func(az *mintage.Authorization) { az.Token.Lifetime = -time.Second }, "lifetime"},
		{"half a second", func(az *mintage.Authorization) { az.Token.Lifetime = 1500 * time.Millisecond }, "lifetime"},
		{"no audience", func(az *mintage.Authorization) { az.Audience = nil }, "audience"},
		{"too long", func(az *mintage.Authorization) { az.Scope = oauth.Scope{strings.Repeat("x", jose.MaxSize)} }, "longer than"},
	} {
		az := decision(settings(mintage.FormatJWT, "ES256", mintage.ClaimsRFC))
		c.az(az)
		tok, err := m.Mint(t.Context(), az)
		if tok != nil || err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, mint.ErrUnavailable) {
			t.Errorf("%s: Mint = %v, %v; want %q", c.name, tok, err, c.want)
		}
	}
	if len(s.all) > 0 {
		t.Error("a token was stored")
	}
}

// The caller answers 503 for both: a key that is still being made, and storage
// that is away.
func TestMintTellsTroubleApart(t *testing.T) {
	t.Parallel()
	away := errors.New("database away")
	jwt := decision(settings(mintage.FormatJWT, "RS256", mintage.ClaimsRFC))
	stored := decision(settings(mintage.FormatStored, "", ""))
	for _, c := range []struct {
		name        string
		az          *mintage.Authorization
		prepare     func(*rings, *tokens)
		noKey, away bool
		notFound    bool
	}{
		{"no key", jwt, func(*rings, *tokens) {}, true, false, false},
		{"no ring", jwt, func(r *rings, _ *tokens) { r.err = away }, false, true, false},
		{"no tenant", jwt, func(r *rings, _ *tokens) { r.err = mintage.ErrNotFound }, false, false, true},
		{"no store", stored, func(_ *rings, s *tokens) { s.err = away }, false, true, false},
		{"cut off", stored, func(_ *rings, s *tokens) { s.err = context.Canceled }, false, true, false},
	} {
		m, r, s := newMinter(t, "ES256")
		c.prepare(r, s)
		tok, err := m.Mint(t.Context(), c.az)
		if tok != nil || err == nil || errors.Is(err, keys.ErrNoKey) != c.noKey || errors.Is(err, mint.ErrUnavailable) != c.away ||
			errors.Is(err, mintage.ErrNotFound) != c.notFound {
			t.Errorf("%s: Mint = %v, %v", c.name, tok, err)
		}
	}
}
