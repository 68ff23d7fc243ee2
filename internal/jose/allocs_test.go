package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

const claims = `{"iss":"https://as.example","sub":"mc_1234567890abcdef","aud":"https://api.example","client_id":"mc_1234567890abcdef",` +
	`"scope":"orders/read orders/write","iat":1763700000,"exp":1763703600,"jti":"0193a0f2-8c1e-7000-8000-000000000000"}`

// What we add to the standard library's own allocations: signing, the digest
// that goes through an interface; verifying, the JWS, its bytes, the header's
// text and its members. The standard library varies by one or two with the bits
// of a key and of a signature: that spoils a try, a regression spoils them all.
func TestAllocs(t *testing.T) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256} {
		const tries = 3
		for try := 1; ; try++ {
			sign, verify := addedAllocs(t, alg)
			if sign <= 3 && verify <= 6 {
				break
			}
			if try == tries {
				t.Errorf("%s: AppendSign costs %v allocations more than the standard library alone, want at most 3; Parse and Verify %v, want at most 6", alg, sign, verify)
				break
			}
		}
	}
}

// addedAllocs returns what we allocate beyond the standard library, with a key
// and a token of their own.
func addedAllocs(t *testing.T, alg jose.Alg) (forSign, forVerify float64) {
	t.Helper()
	priv := privateKey(t, alg)
	s, err := jose.NewSigner(priv, alg, "kid-1", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}})
	if err != nil {
		t.Fatal(err)
	}
	token := sign(t, s, claims)
	payload, buf := []byte(claims), make([]byte, 0, 2048)
	sum := sha256.Sum256(payload)
	raw, opts := sum[:], crypto.SignerOpts(crypto.SHA256)
	if alg == jose.EdDSA {
		raw, opts = payload, crypto.Hash(0)
	}
	var rawSig []byte
	stdSign := testing.AllocsPerRun(20, func() { rawSig, err = priv.Sign(rand.Reader, raw, opts) })
	stdVerify := testing.AllocsPerRun(20, func() { stdlibVerify(priv.Public(), raw, rawSig) })
	ourSign := testing.AllocsPerRun(20, func() {
		if _, err := s.AppendSign(buf, payload); err != nil {
			t.Fatal(err)
		}
	})
	ourVerify := testing.AllocsPerRun(20, func() {
		j, err := jose.Parse(token)
		if err != nil || j.Verify(s.Key()) != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%s: sign %v (standard library %v), parse and verify %v (%v)", alg, ourSign, stdSign, ourVerify, stdVerify)
	return ourSign - stdSign, ourVerify - stdVerify
}

func stdlibVerify(pub crypto.PublicKey, raw, sig []byte) bool {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(pub, raw, sig)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, raw, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, raw, sig) == nil
	}
	return false
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256} {
		b.Run(string(alg), func(b *testing.B) {
			s := newSigner(b, alg, nil)
			buf, payload := make([]byte, 0, 2048), []byte(claims)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.AppendSign(buf, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256} {
		b.Run(string(alg), func(b *testing.B) {
			s := newSigner(b, alg, nil)
			token := sign(b, s, claims)
			b.ReportAllocs()
			for b.Loop() {
				j, err := jose.Parse(token)
				if err != nil || j.Verify(s.Key()) != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// JW-22.
func BenchmarkParseDots(b *testing.B) {
	token := strings.Repeat(".", 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jose.Parse(token); err == nil {
			b.Fatal("accepted")
		}
	}
}
