package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
)

// TE-24: what one key sealed opens with it alone, for the same data, unchanged.
func TestSealer(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	k := mustMake(t, v, mintage.SealingAlg, noon)
	other := mustMake(t, v, mintage.SealingAlg, noon.Add(time.Second))
	r := mustRing(t, v, k, other)
	s, err := r.Sealer(noon)
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != k.ID {
		t.Fatalf("%s seals, want %s", s.ID, k.ID)
	}
	sealed := s.Seal([]byte("head"), []byte("plain"), []byte("data"))
	if !bytes.HasPrefix(sealed, []byte("head")) || len(sealed) != 4+keys.SealNonce+5+keys.SealTag || bytes.Contains(sealed, []byte("plain")) {
		t.Errorf("sealed as %q", sealed)
	}
	sealed = sealed[4:]
	if got, err := s.Open([]byte("head"), sealed, []byte("data")); err != nil || string(got) != "headplain" {
		t.Errorf("opens as %q, %v", got, err)
	}
	if again := s.Seal(nil, []byte("plain"), []byte("data")); bytes.Equal(again, sealed) {
		t.Error("sealed twice the same")
	}
	second, err := r.Opener(mustOpener(t, r, other).Ref, noon)
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]func() ([]byte, error){
		"other data": func() ([]byte, error) { return s.Open(nil, sealed, []byte("date")) },
		"other key":  func() ([]byte, error) { return second.Open(nil, sealed, []byte("data")) },
		"too short":  func() ([]byte, error) { return s.Open(nil, sealed[:keys.SealNonce+keys.SealTag-1], []byte("data")) },
		"nothing":    func() ([]byte, error) { return s.Open(nil, nil, nil) },
	}
	for i := range sealed {
		refused[fmt.Sprintf("byte %d", i)] = func() ([]byte, error) {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			return s.Open(nil, changed, []byte("data"))
		}
	}
	for name, open := range refused {
		if got, err := open(); got != nil || !errors.Is(err, keys.ErrSealed) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// mustOpener returns the opener of k, whose Ref only a Sealer tells: the one
// that seals when k alone is there.
func mustOpener(t *testing.T, r *keys.Ring, k *mintage.SigningKey) *keys.Sealer {
	t.Helper()
	s, err := r.Sealer(k.SignsFrom)
	if err != nil || s.ID != k.ID {
		t.Fatalf("%v seals at %s, want %s: %v", s, k.SignsFrom, k.ID, err)
	}
	return s
}

// MD-07: a key that seals is never published, and no kid finds it.
func TestSealingKeysAreNotPublished(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	k := mustMake(t, v, mintage.SealingAlg, noon)
	if len(k.JWK) > 0 || len(k.Sealed) == 0 {
		t.Errorf("row %+v", k)
	}
	r := mustRing(t, v, mustMake(t, v, "ES256", noon), k)
	if n := len(r.Public(noon)); n != 1 {
		t.Errorf("%d keys are published, want 1", n)
	}
	if _, ok := r.Key(k.ID, noon); ok {
		t.Error("the key is found as a public one")
	}
	if _, err := r.Signer(mintage.SealingAlg, noon); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("it signs: %v", err)
	}
}

// A key seals while it is active, and opens until it is gone.
func TestSealerByDate(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	old := mustMake(t, v, mintage.SealingAlg, noon)
	ref := mustOpener(t, mustRing(t, v, old), old).Ref
	later := noon.Add(time.Minute)
	ks := keys.Rotate([]*mintage.SigningKey{old}, mustMake(t, v, mintage.SealingAlg, later), later, keys.Plan{Wait: time.Hour, Keep: time.Hour})
	r := mustRing(t, v, ks...)
	start := later.Add(time.Hour)
	gone := start.Add(time.Hour + keys.Skew)
	for _, c := range []struct {
		now   time.Time
		seals string
		opens bool
	}{
		{noon.Add(-time.Second), "", true},
		{later, ks[0].ID, true},
		{start.Add(-time.Second), ks[0].ID, true},
		{start, ks[1].ID, true},
		{gone.Add(-time.Second), ks[1].ID, true},
		{gone, ks[1].ID, false},
	} {
		s, err := r.Sealer(c.now)
		if c.seals == "" && !errors.Is(err, keys.ErrNoKey) || c.seals != "" && (err != nil || s.ID != c.seals) {
			t.Errorf("at %s %v seals, %v; want %q", c.now, s, err, c.seals)
		}
		if _, err := r.Opener(ref, c.now); (err == nil) != c.opens || err != nil && !errors.Is(err, mintage.ErrNotFound) {
			t.Errorf("at %s the old key: %v, want it to open: %v", c.now, err, c.opens)
		}
	}
}

// KY-03: a row that is moved to another tenant or kid does not open, and no
// form of printing shows a key.
func TestSealingKeyIsBoundToItsRow(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	k := mustMake(t, v, mintage.SealingAlg, noon)
	signs := mustMake(t, v, "ES256", noon)
	for name, change := range map[string]func(*mintage.SigningKey){
		"tenant":        func(k *mintage.SigningKey) { k.Tenant = "b" },
		"kid":           func(k *mintage.SigningKey) { k.ID = "x" },
		"destroyed":     func(k *mintage.SigningKey) { k.Sealed = nil },
		"a signing key": func(k *mintage.SigningKey) { k.ID, k.Sealed = signs.ID, signs.Sealed },
	} {
		moved := *k
		change(&moved)
		if _, err := mustRing(t, v, &moved).Sealer(noon); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := mustOpener(t, mustRing(t, v, k), k)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Any("sealer", s))
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), log.String()} {
		if !strings.Contains(text, k.ID) || len(text) > 150 {
			t.Errorf("shown as %q", text)
		}
	}
}
