package mint_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/mint"
	"github.com/mintage-auth/mintage/oauth"
)

// perTenant is a ring for each tenant.
type perTenant map[string]*keys.Ring

func (r perTenant) ring(tenant string) *rings { return &rings{ring: r[tenant]} }

// lookup looks a token up at a tenant.
func lookup(tb testing.TB, m *mint.Minter, tenant, token string) (*mintage.TokenRecord, error) {
	tb.Helper()
	return m.Lookup(tb.Context(), tenant, token)
}

func sealed() mintage.TokenSettings { return settings(mintage.FormatSealed, "", "") }

// A sealed token says what was decided, and has no row.
func TestSealedTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*mintage.Authorization)
		form   string
	}{
		{"rfc", func(*mintage.Authorization) {}, `^mt_([0-9A-Za-z]{45}){2,}$`},
		{"doorkeeper", func(az *mintage.Authorization) { az.Dialect = mintage.DialectDoorkeeper }, `^02([0-9a-f]{66})+[0-9a-f]{64}$`},
		{"cognito", func(az *mintage.Authorization) { az.Dialect = mintage.DialectCognito }, `^mt_([0-9A-Za-z]{45}){2,}$`},
		{"no scope", func(az *mintage.Authorization) { az.Scope = nil }, `^mt_`},
		{"no audience", func(az *mintage.Authorization) { az.Audience = nil }, `^mt_`},
		{"two audiences", func(az *mintage.Authorization) { az.Audience = []string{"https://api.example", "b"} }, `^mt_`},
		{"another subject", func(az *mintage.Authorization) { az.Subject = "somebody" }, `^mt_`},
		{"long", func(az *mintage.Authorization) { az.Scope = oauth.NewScope(many(300)...) }, `^mt_[0-9A-Za-z]{900}`},
		{"a second", func(az *mintage.Authorization) { az.Token.Lifetime = time.Second }, `^mt_`},
		{"a year", func(az *mintage.Authorization) { az.Token.Lifetime = mintage.LongestTokenLifetime }, `^mt_`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, _, s := newMinter(t, mintage.SealingAlg)
			az := decision(sealed())
			c.change(az)
			tok := mustMint(t, m, az)
			if !regexp.MustCompile(c.form).MatchString(tok.Value) || tok.Alg != "" || tok.Format != mintage.FormatSealed {
				t.Errorf("token %+v does not match %s", tok, c.form)
			}
			got, err := lookup(t, m, "prod", tok.Value)
			if err != nil {
				t.Fatal(err)
			}
			want := &mintage.TokenRecord{
				Tenant: "prod", KeyID: got.KeyID, JTI: tok.JTI, ClientID: "mc_1", Subject: az.Subject, Scope: az.Scope, Audience: az.Audience,
				IssuedAt: tok.IssuedAt, Expires: tok.Expires,
			}
			if d := cmp.Diff(want, got); d != "" || got.KeyID == "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
			if len(s.all) > 0 || s.reads > 0 {
				t.Errorf("%d rows, %d reads", len(s.all), s.reads)
			}
			for _, plain := range []string{"mc_1", "orders", tok.JTI, hex.EncodeToString([]byte("mc_1"))} {
				if strings.Contains(tok.Value, plain) {
					t.Errorf("the token shows %q", plain)
				}
			}
		})
	}
}

func many(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("scope-%d", i))
	}
	return names
}

// TE-24: every bit flip, truncation, extension, change of case, prefix or
// spelling is refused.
func TestSealedTokensCannotBeChanged(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t, mintage.SealingAlg)
	az := decision(sealed())
	base62 := mustMint(t, m, az).Value
	az.Dialect = mintage.DialectDoorkeeper
	hexed := mustMint(t, m, az).Value
	refused := func(what, token string) {
		t.Helper()
		if rec, err := lookup(t, m, "prod", token); rec != nil || !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("%s: %v, %v", what, rec, err)
		}
	}
	raw, err := hex.DecodeString(hexed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(raw) {
		raw[i/8] ^= 1 << (i % 8)
		refused(fmt.Sprintf("bit %d", i), hex.EncodeToString(raw))
		raw[i/8] ^= 1 << (i % 8)
	}
	for _, token := range []string{base62, hexed} {
		for n := range len(token) {
			refused(fmt.Sprintf("cut to %d", n), token[:n])
		}
		for i := range len(token) {
			if flipped := flipCase(token[i]); flipped != token[i] {
				refused(fmt.Sprintf("case of %d", i), token[:i]+string(flipped)+token[i+1:])
			}
			next := token[:i] + string("0123456789a"[(strings.IndexByte("0123456789", token[i])+1)%11]) + token[i+1:]
			if next != token {
				refused(fmt.Sprintf("digit %d", i), next)
			}
		}
		for _, more := range []string{"0", " ", "\n", "=", strings.Repeat("0", 45), strings.Repeat("0", 66)} {
			refused("extended by "+more, token+more)
			refused("after "+more, more+token)
		}
	}
	refused("prefix in upper case", "MT_"+base62[3:])
	refused("no prefix", base62[3:])
	refused("blocks swapped", "mt_"+base62[3+45:3+90]+base62[3:3+45]+base62[3+90:])
	// One token has one spelling: that of the other dialect is no token.
	respelled := []byte("mt_")
	for block := raw; len(block) > 0; block = block[mint.RawLength:] {
		respelled = mint.AppendBase62(respelled, (*[mint.RawLength]byte)(block))
	}
	refused("in base62 instead of hex", string(respelled))
	if _, err := lookup(t, m, "prod", hexed); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

func flipCase(c byte) byte {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
		return c ^ 0x20
	}
	return c
}

// A token opens at its tenant alone, under its key alone: even a ring with the
// same keys under another tenant's name does not open it.
func TestSealedTokensOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t, mintage.SealingAlg)
	tok := mustMint(t, m, decision(sealed()))
	if _, err := lookup(t, m, "test", tok.Value); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("the same ring, another tenant: %v", err)
	}
	all := perTenant{"other": newRing(t, mintage.SealingAlg), "none": newRing(t, "ES256")}
	for name := range all {
		m.Rings = all.ring(name)
		if _, err := lookup(t, m, "prod", tok.Value); !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("%s ring: %v", name, err)
		}
	}
}

// A token ends at exp, and with its key.
func TestSealedTokensEnd(t *testing.T) {
	t.Parallel()
	v, r := newVaultAndRing(t)
	m := &mint.Minter{Now: func() time.Time { return now }, Rings: r, Tokens: discard{}}
	old := r.make(t, v, now.Add(-time.Hour))
	tok := mustMint(t, m, decision(sealed()))
	for _, c := range []struct {
		now   time.Time
		found bool
	}{
		{tok.Expires.Add(-time.Nanosecond), true}, {tok.Expires, false}, {tok.Expires.Add(time.Hour), false},
	} {
		m.Now = func() time.Time { return c.now }
		if _, err := lookup(t, m, "prod", tok.Value); (err == nil) != c.found || err != nil && !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("at %s: %v, want found %v", c.now, err, c.found)
		}
	}
	m.Now = func() time.Time { return now }
	// Another key takes over: what the retired one sealed opens, and new tokens
	// name the new one. Once it is gone, nothing opens.
	fresh := r.make(t, v, now)
	old.SignsUntil, old.VerifiesUntil = now, now.Add(time.Minute)
	r.renew(t, v)
	if rec, err := lookup(t, m, "prod", tok.Value); err != nil || rec.KeyID != old.ID {
		t.Errorf("of a retired key: %+v, %v", rec, err)
	}
	if rec, err := lookup(t, m, "prod", mustMint(t, m, decision(sealed())).Value); err != nil || rec.KeyID != fresh.ID {
		t.Errorf("of the new key: %+v, %v", rec, err)
	}
	m.Now = func() time.Time { return old.VerifiesUntil }
	if _, err := lookup(t, m, "prod", tok.Value); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("of a key that is gone: %v", err)
	}
}

// liveRing is a ring of one tenant whose keys change.
type liveRing struct {
	rings
	rows []*mintage.SigningKey
}

func newVaultAndRing(t *testing.T) (*keys.Vault, *liveRing) {
	t.Helper()
	v, err := keys.OpenVault(t.Context(), keys.VaultConfig{
		Store: noRows{}, Path: t.TempDir() + "/master.key", Now: func() time.Time { return now }, Create: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v, &liveRing{}
}

func (r *liveRing) make(t *testing.T, v *keys.Vault, from time.Time) *mintage.SigningKey {
	t.Helper()
	k, err := keys.Make(v, "prod", mintage.SealingAlg, from)
	if err != nil {
		t.Fatal(err)
	}
	r.rows = append(r.rows, k)
	r.renew(t, v)
	return k
}

func (r *liveRing) renew(t *testing.T, v *keys.Vault) {
	t.Helper()
	var err error
	if r.ring, err = keys.NewRing(v, r.rows); err != nil {
		t.Fatal(err)
	}
}

// A restart is another vault and another ring over the same rows.
func TestSealedTokensAfterARestart(t *testing.T) {
	t.Parallel()
	v, r := newVaultAndRing(t)
	r.make(t, v, now)
	tok := mustMint(t, &mint.Minter{Now: func() time.Time { return now }, Rings: r, Tokens: discard{}}, decision(sealed()))
	again := &liveRing{rows: r.rows}
	again.renew(t, v)
	m := &mint.Minter{Now: func() time.Time { return now }, Rings: again, Tokens: discard{}}
	if rec, err := lookup(t, m, "prod", tok.Value); err != nil || rec.JTI != tok.JTI {
		t.Errorf("after a restart: %+v, %v", rec, err)
	}
}

func TestSealedTokensRefused(t *testing.T) {
	t.Parallel()
	m, r, _ := newMinter(t, "ES256")
	if _, err := m.Mint(t.Context(), decision(sealed())); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	r.err = errors.New("database away")
	if _, err := m.Mint(t.Context(), decision(sealed())); !errors.Is(err, mint.ErrUnavailable) {
		t.Errorf("without a ring: %v", err)
	}
	m, r, _ = newMinter(t, mintage.SealingAlg)
	az := decision(sealed())
	tok := mustMint(t, m, az)
	az.Scope = oauth.Scope{strings.Repeat("x", jose.MaxSize)}
	if _, err := m.Mint(t.Context(), az); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("too long: %v", err)
	}
	r.err = errors.New("database away")
	if _, err := lookup(t, m, "prod", tok.Value); !errors.Is(err, mint.ErrUnavailable) || strings.Contains(err.Error(), tok.Value) {
		t.Errorf("looked up without a ring: %v", err)
	}
	r.err = mintage.ErrNotFound
	if _, err := lookup(t, m, "prod", tok.Value); !errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("looked up without a tenant: %v", err)
	}
}

// TE-23: 10^5 sealed tokens without a repeat, of the same decision.
func TestSealedTokensDoNotRepeat(t *testing.T) {
	t.Parallel()
	const n = 100_000
	m, _, _ := newMinter(t, mintage.SealingAlg)
	az := decision(sealed())
	seen := make(map[string]struct{}, n)
	for range n {
		seen[mustMint(t, m, az).Value] = struct{}{}
	}
	if len(seen) != n {
		t.Errorf("%d of %d differ", len(seen), n)
	}
}

// What is in a box prints back the same; what does not read is nothing.
func FuzzReadContents(f *testing.F) {
	az := decision(sealed())
	plain, err := mint.Contents(az, "0199c0ee-0000-7000-8000-000000000000")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add(plain[:len(plain)-1])
	f.Add(plain + "\x00")
	az.KeyThumbprint = jkt
	if plain, err = mint.Contents(az, "0199c0ee-0000-7000-8000-000000000000"); err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Fuzz(func(t *testing.T, plain string) {
		rec, ok := mint.ReadContents(plain)
		if !ok {
			return
		}
		again, err := mint.Contents(&mintage.Authorization{
			KeyThumbprint: rec.KeyThumbprint,
			Client:        &mintage.Client{ID: rec.ClientID}, Subject: rec.Subject, Scope: rec.Scope, Audience: rec.Audience,
			Token: mintage.TokenSettings{Lifetime: rec.Expires.Sub(rec.IssuedAt)},
		}, rec.JTI)
		if err != nil {
			t.Fatalf("%q reads as %+v and is refused: %v", plain, rec, err)
		}
		back, ok := mint.ReadContents(again)
		if d := cmp.Diff(rec, back); !ok || d != "" {
			t.Errorf("%q reads as another thing: %s", plain, d)
		}
	})
}
