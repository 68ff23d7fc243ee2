package keys_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/keys"
)

// KY-02 and KY-03: keys of both algorithms sign, and their rows do not hold
// them in the clear.
func TestMakeAndSign(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	now := noon.Add(300 * time.Millisecond)
	for _, alg := range []string{"ES256", "RS256"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			k := mustMake(t, v, alg, now)
			if k.Tenant != "a" || k.Alg != alg || !regexp.MustCompile(`^[a-z2-7]{16}$`).MatchString(k.ID) {
				t.Errorf("Make = %s %s %s", k.Tenant, k.ID, k.Alg)
			}
			if !k.SignsFrom.Equal(noon) || !k.Created.Equal(noon) || k.State(now) != mintage.KeyActive {
				t.Errorf("the key is %s, from %s", k.State(now), k.SignsFrom)
			}
			r := mustRing(t, v, k)
			s, err := r.Signer(alg, now)
			if err != nil {
				t.Fatal(err)
			}
			signer, err := s.Prepared("x", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}})
			if err != nil {
				t.Fatal(err)
			}
			if again, err := s.Prepared("x", nil); err != nil || again != signer {
				t.Errorf("Prepared made another: %v", err)
			}
			token, err := signer.AppendSign(nil, []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jose.Parse(string(token))
			if err != nil {
				t.Fatal(err)
			}
			public, ok := r.Key(parsed.KeyID, now)
			if !ok {
				t.Fatalf("Key(%q): none", parsed.KeyID)
			}
			if err := parsed.Verify(public); err != nil {
				t.Error(err)
			}
			checkHidden(t, k, s)
		})
	}
}

// checkHidden fails when a row has any part of its private key.
func checkHidden(t *testing.T, k *mintage.SigningKey, s *keys.Signer) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.Private)
	if err != nil {
		t.Fatal(err)
	}
	row := slices.Concat(k.JWK, k.Sealed)
	const window = 12
	// From where algorithm and curve end; an EC key's public half is at the end.
	for i := 0; i+window <= len(der); i++ {
		if bytes.Contains(k.Sealed, der[i:i+window]) {
			t.Fatalf("the row holds bytes %d to %d of the key", i, i+window)
		}
	}
	if bytes.Contains(row, []byte(`"d"`)) {
		t.Error("the JWK has a private member")
	}
}

func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"", "none", "HS256", "es256"} {
		if _, err := keys.Make(newVault(t), "a", alg, noon); err == nil {
			t.Errorf("Make(%q): no error", alg)
		}
	}
}

// A key that is moved to another tenant or name, or whose halves do not belong
// together, does not sign. What can still be published, is.
func TestRingRefusesMovedRows(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	k, other := mustMake(t, v, "ES256", noon), mustMake(t, v, "ES256", noon)
	for _, c := range []struct {
		name   string
		change func(k *mintage.SigningKey)
		ring   bool // NewRing refuses
	}{
		{"tenant", func(k *mintage.SigningKey) { k.Tenant = "b" }, false},
		{"sealed half of another", func(k *mintage.SigningKey) { k.Sealed = other.Sealed }, false},
		{"tampered", func(k *mintage.SigningKey) { k.Sealed = append(bytes.Clone(k.Sealed[:60]), k.Sealed[61:]...) }, false},
		{"public half of another", func(k *mintage.SigningKey) {
			k.JWK = bytes.ReplaceAll(other.JWK, []byte(other.ID), []byte(k.ID))
		}, false},
		{"name", func(k *mintage.SigningKey) { k.ID = other.ID }, true},
		{"algorithm", func(k *mintage.SigningKey) { k.Alg = "RS256" }, true},
		{"no JWK", func(k *mintage.SigningKey) { k.JWK = nil }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			moved := *k
			c.change(&moved)
			r, err := keys.NewRing(v, []*mintage.SigningKey{&moved})
			if c.ring {
				if err == nil || !strings.Contains(err.Error(), moved.ID) {
					t.Errorf("NewRing: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if s, err := r.Signer("ES256", noon); err == nil || errors.Is(err, keys.ErrNoKey) {
					t.Errorf("Signer = %v, %v", s, err)
				}
			}
			if len(r.Public(noon)) != 1 {
				t.Error("the public half is not published")
			}
		})
	}
}

func TestRingByState(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	dated := func(from, until, verifies time.Time) *mintage.SigningKey {
		k := mustMake(t, v, "ES256", noon)
		k.SignsFrom, k.SignsUntil, k.VerifiesUntil = from, until, verifies
		return k
	}
	hour := time.Hour
	gone := dated(noon.Add(-4*hour), noon.Add(-3*hour), noon)
	retiring := dated(noon.Add(-3*hour), noon, noon.Add(hour))
	older := dated(noon.Add(-2*hour), time.Time{}, time.Time{})
	active := dated(noon, time.Time{}, time.Time{})
	next := dated(noon.Add(time.Second), time.Time{}, time.Time{})
	rsa := mustMake(t, v, "RS256", noon.Add(hour))
	r := mustRing(t, v, gone, retiring, older, active, next, rsa)

	var got []string
	for _, k := range r.Public(noon) {
		got = append(got, k.ID())
	}
	if want := []string{active.ID, older.ID, rsa.ID, next.ID, retiring.ID}; !slices.Equal(got, want) {
		t.Errorf("Public = %q, want %q", got, want)
	}
	for _, c := range []struct {
		now  time.Time
		want *mintage.SigningKey
	}{{noon.Add(-time.Second), older}, {noon, active}, {noon.Add(time.Second), next}} {
		if s, err := r.Signer("ES256", c.now); err != nil || s.ID != c.want.ID {
			t.Errorf("Signer at %s = %v, %v; want %s", c.now, s, err, c.want.ID)
		}
	}
	for _, alg := range []string{"RS256", "PS256", ""} {
		if _, err := r.Signer(alg, noon); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("Signer(%q): %v", alg, err)
		}
	}
	for _, k := range []*mintage.SigningKey{gone, retiring, older, active, next} {
		public, ok := r.Key(k.ID, noon)
		if ok != (k != gone) || ok && public.ID() != k.ID {
			t.Errorf("Key(%s) = %v, %v in state %s", k.ID, public, ok, k.State(noon))
		}
	}
	if _, ok := r.Key("", noon); ok {
		t.Error("Key of an empty kid found one")
	}
}
