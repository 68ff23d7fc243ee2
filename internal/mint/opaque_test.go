package mint_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/mint"
)

// discard is a store that forgets.
type discard struct{}

func (discard) CreateToken(context.Context, *mintage.TokenRecord) error { return nil }
func (discard) Token(context.Context, string, [38]byte) (*mintage.TokenRecord, error) {
	return nil, mintage.ErrNotFound
}

func TestStoredTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect string
		form    *regexp.Regexp
	}{
		{mintage.DialectDoorkeeper, regexp.MustCompile(`^01[0-9a-f]{64}$`)},
		{mintage.DialectRFC, regexp.MustCompile(`^mt_[0-9A-Za-z]{45}$`)},
		{mintage.DialectCognito, regexp.MustCompile(`^mt_[0-9A-Za-z]{45}$`)},
		{mintage.DialectMyParcel, regexp.MustCompile(`^mt_[0-9A-Za-z]{45}$`)},
	} {
		t.Run(c.dialect, func(t *testing.T) {
			t.Parallel()
			m, _, s := newMinter(t)
			az := decision(settings(mintage.FormatStored, "", ""))
			az.Dialect = c.dialect
			az.Audience = []string{"https://api.example", "b"}
			tok := mustMint(t, m, az)
			if !c.form.MatchString(tok.Value) {
				t.Errorf("token %q does not match %s", tok.Value, c.form)
			}
			if tok.Alg != "" || tok.Format != mintage.FormatStored {
				t.Errorf("token = %+v", tok)
			}
			rec, err := m.Lookup(t.Context(), "prod", tok.Value)
			if err != nil {
				t.Fatal(err)
			}
			want := &mintage.TokenRecord{
				Tenant: "prod", JTI: tok.JTI, ClientID: "mc_1", Subject: "mc_1", Scope: az.Scope, Audience: az.Audience,
				IssuedAt: now.Truncate(time.Second), Expires: now.Truncate(time.Second).Add(time.Hour),
			}
			binary.BigEndian.PutUint16(want.Key[:], uint16(now.UnixMilli()>>32))
			binary.BigEndian.PutUint32(want.Key[2:], uint32(now.UnixMilli()))
			sum := sha256.Sum256([]byte(tok.Value))
			copy(want.Key[6:], sum[:])
			if d := cmp.Diff(want, rec); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
			// KY-03: what is stored is no token.
			raw, _ := mint.ParseOpaque(tok.Value)
			row := fmt.Sprintf("%v", rec)
			if strings.Contains(row, tok.Value) || bytes.Contains(rec.Key[:], raw[7:15]) {
				t.Error("the record holds the token")
			}
			if _, err := m.Lookup(t.Context(), "test", tok.Value); !errors.Is(err, mintage.ErrNotFound) {
				t.Errorf("Lookup in another tenant: %v", err)
			}
			if len(s.all["prod"]) != 1 {
				t.Errorf("%d records", len(s.all["prod"]))
			}
		})
	}
}

// TE-23: 10^5 tokens without a repeat; 208 bits of each are random.
func TestStoredTokensDoNotRepeat(t *testing.T) {
	t.Parallel()
	const n = 100_000
	m, _, _ := newMinter(t)
	m.Tokens = discard{}
	az := decision(settings(mintage.FormatStored, "", ""))
	seen := make(map[string]struct{}, 2*n)
	var ones [mint.RawLength * 8]int
	for range n {
		tok := mustMint(t, m, az)
		seen[tok.Value] = struct{}{}
		seen[tok.JTI] = struct{}{}
		raw, ok := mint.ParseOpaque(tok.Value)
		if !ok {
			t.Fatalf("ParseOpaque(%q): not ok", tok.Value)
		}
		for i := range ones {
			ones[i] += int(raw[i/8] >> (7 - i%8) & 1)
		}
	}
	if len(seen) != 2*n {
		t.Errorf("%d of %d differ", len(seen), 2*n)
	}
	// A fair bit is one 50,000 times with a deviation of 158.
	for i := 56; i < len(ones); i++ {
		if d := ones[i] - n/2; d < -8*158 || d > 8*158 {
			t.Errorf("bit %d is one %d times of %d", i, ones[i], n)
		}
	}
}

func TestLookupOfAnExpiredToken(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t)
	tok := mustMint(t, m, decision(settings(mintage.FormatStored, "", "")))
	for _, c := range []struct {
		now   time.Time
		found bool
	}{
		{tok.Expires.Add(-time.Nanosecond), true},
		{tok.Expires, false},
		{tok.Expires.Add(time.Second), false},
	} {
		m.Now = func() time.Time { return c.now }
		if _, err := m.Lookup(t.Context(), "prod", tok.Value); (err == nil) != c.found || err != nil && !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("at %s: %v, want found %v", c.now, err, c.found)
		}
	}
}

// Whatever is no stored token is not found, without a read.
func TestLookupOfNoTokenReadsNothing(t *testing.T) {
	t.Parallel()
	m, _, s := newMinter(t)
	az := decision(settings(mintage.FormatStored, "", ""))
	b62 := mustMint(t, m, az).Value
	az.Dialect = mintage.DialectDoorkeeper
	hexed := mustMint(t, m, az).Value
	raw, _ := mint.ParseOpaque(b62)
	other := raw
	other[0] = 2 // a version that is not stored
	for name, token := range map[string]string{
		"empty":                   "",
		"JWT":                     "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
		"prefix alone":            "mt_",
		"prefix in upper case":    "MT_" + b62[3:],
		"no prefix":               b62[3:],
		"hex with prefix":         "mt_" + hexed,
		"base62 cut":              b62[:len(b62)-1],
		"base62 longer":           b62 + "0",
		"base62 leading zero":     "mt_0" + b62[3:],
		"base62 with a sign":      "mt_+" + b62[4:],
		"base62 above 33 bytes":   "mt_" + strings.Repeat("z", 45),
		"base62 of version 2":     string(mint.AppendBase62([]byte("mt_"), &other)),
		"base62 of version 0":     "mt_" + strings.Repeat("0", 45),
		"hex in upper case":       strings.ToUpper(hexed[:10]) + "ABCDEF" + hexed[16:],
		"hex cut":                 hexed[:64],
		"hex longer":              hexed + "00",
		"hex of version 2":        "02" + hexed[2:],
		"hex with a strange char": hexed[:65] + "g",
		"hex with white space":    " " + hexed[1:],
		"base64url":               base64.RawURLEncoding.EncodeToString(raw[:]),
		"very long":               strings.Repeat("mt_", 1<<20),
		"zero bytes":              strings.Repeat("\x00", 66),
	} {
		if rec, err := m.Lookup(t.Context(), "prod", token); rec != nil || !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("%s: %v, %v", name, rec, err)
		}
	}
	if s.reads != 0 {
		t.Errorf("%d reads", s.reads)
	}
	// One token has one spelling: that of the other dialect is another token.
	for _, token := range []string{hex.EncodeToString(raw[:]), hexed[:65] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", hexed[65])+1)%16])} {
		if _, err := m.Lookup(t.Context(), "prod", token); !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("another spelling: %v", err)
		}
	}
	if s.reads != 2 {
		t.Errorf("%d reads, want 2", s.reads)
	}
}

func TestLookupWhenTheStoreIsAway(t *testing.T) {
	t.Parallel()
	m, _, s := newMinter(t)
	tok := mustMint(t, m, decision(settings(mintage.FormatStored, "", "")))
	s.err = errors.New("database away")
	_, err := m.Lookup(t.Context(), "prod", tok.Value)
	if !errors.Is(err, mint.ErrUnavailable) || !errors.Is(err, s.err) || errors.Is(err, mintage.ErrNotFound) {
		t.Errorf("Lookup: %v", err)
	}
	if strings.Contains(err.Error(), tok.Value) {
		t.Errorf("the error shows the token: %v", err)
	}
}

// Base62 is the number, most significant digit first, as math/big has it.
func TestBase62(t *testing.T) {
	t.Parallel()
	for i := range 1000 {
		var raw [mint.RawLength]byte
		rand.Read(raw[:])
		switch i {
		case 0:
			raw = [mint.RawLength]byte{}
		case 1:
			for j := range raw {
				raw[j] = 0xff
			}
		}
		got := string(mint.AppendBase62(nil, &raw))
		// math/big orders digits, lower case, upper case; ours is ASCII's order.
		want := strings.Map(func(r rune) rune {
			switch {
			case 'a' <= r && r <= 'z':
				return r - 'a' + 'A'
			case 'A' <= r && r <= 'Z':
				return r - 'A' + 'a'
			}
			return r
		}, fmt.Sprintf("%045s", new(big.Int).SetBytes(raw[:]).Text(62)))
		if got != want {
			t.Fatalf("%x: %s, want %s", raw, got, want)
		}
		if back, ok := mint.ParseBase62(got); !ok || back != raw {
			t.Fatalf("%s: %x, %v; want %x", got, back, ok, raw)
		}
	}
}

// The token of an AccessToken is in no log line.
func TestAccessTokenIsNotLogged(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t)
	tok := mustMint(t, m, decision(settings(mintage.FormatStored, "", "")))
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Any("token", tok))
	if strings.Contains(out.String(), tok.Value) || !strings.Contains(out.String(), tok.JTI) {
		t.Errorf("logged: %s", out.String())
	}
}

// What parses prints back the same, and what does not finds nothing.
func FuzzLookup(f *testing.F) {
	m, _, s := newMinter(f)
	az := decision(settings(mintage.FormatStored, "", ""))
	minted := map[string]bool{}
	for _, d := range []string{mintage.DialectRFC, mintage.DialectDoorkeeper} {
		az.Dialect = d
		tok := mustMint(f, m, az)
		minted[tok.Value] = true
		f.Add(tok.Value)
		f.Add(tok.Value[1:])
		f.Add(strings.ToUpper(tok.Value))
	}
	f.Add("mt_" + strings.Repeat("z", 45))
	f.Fuzz(func(t *testing.T, token string) {
		raw, ok := mint.ParseOpaque(token)
		if ok && hex.EncodeToString(raw[:]) != token && string(mint.AppendBase62([]byte("mt_"), &raw)) != token {
			t.Errorf("%q parses as %x and is neither spelling of it", token, raw)
		}
		reads := s.reads
		rec, err := m.Lookup(t.Context(), "prod", token)
		if (err == nil) != minted[token] || err != nil && !errors.Is(err, mintage.ErrNotFound) || (rec == nil) == (err == nil) {
			t.Errorf("Lookup(%q) = %v, %v", token, rec, err)
		}
		if !ok && s.reads != reads {
			t.Errorf("Lookup(%q) read the store", token)
		}
	})
}
