package enforce_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5" //nolint:depguard // the library to compare with

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// contender is one way to verify the same token again and again.
type contender struct {
	name   string
	verify func() error
	batch  int // so that a round takes a millisecond or two
}

// contenders are P7 (warm), P8 (first sight) and golang-jwt with the same checks.
func contenders(tb testing.TB, alg jose.Alg) []contender {
	tb.Helper()
	s := newSigner(tb, alg, "k1", "at+jwt")
	tok := s.with(nil)
	v, cached := s.verifier(), s.verifier()
	cached.Cache = &enforce.TokenCache{}
	public := s.priv.Key().Public()
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{string(alg)}), jwt.WithIssuer(issuerName), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(v.Now),
	)
	return []contender{
		{"warm", func() error { _, err := cached.Verify(tb.Context(), tok); return err }, 1000},
		{"first sight", func() error { _, err := v.Verify(tb.Context(), tok); return err }, 15},
		{"golang-jwt", func() error {
			_, err := parser.Parse(tok, func(*jwt.Token) (any, error) { return public, nil })
			return err
		}, 15},
		{"the signature alone", signature(tb, public, tok), 15},
	}
}

// signature returns what verifies the signature of a token and looks at nothing
// else: what there is to reach.
func signature(tb testing.TB, public crypto.PublicKey, tok string) func() error {
	tb.Helper()
	at := strings.LastIndexByte(tok, '.')
	sig, err := base64.RawURLEncoding.DecodeString(tok[at+1:])
	if err != nil {
		tb.Fatal(err)
	}
	signed, sum := []byte(tok[:at]), sha256.Sum256([]byte(tok[:at]))
	right := func(ok bool) error {
		if !ok {
			return errors.New("the signature is wrong")
		}
		return nil
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		if err != nil {
			tb.Fatal(err)
		}
		return func() error { return right(ecdsa.VerifyASN1(key, sum[:], der)) }
	case ed25519.PublicKey:
		return func() error { return right(ed25519.Verify(key, signed, sig)) }
	case *rsa.PublicKey:
		return func() error { return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) }
	}
	tb.Fatalf("a key of %T", public)
	return nil
}

// BenchmarkVerify is for a quiet machine: go test ./enforce -run '^$' -bench Verify.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []jose.Alg{jose.ES256, jose.RS256, jose.EdDSA} {
		for _, c := range contenders(b, alg) {
			b.Run(string(alg)+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.verify(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestVerifySpeed prints P7 and P8 beside golang-jwt: the fastest of many short
// rounds, in turns, so that a busy machine is as busy for each. It fails when a
// warm token costs more than the goal, a fiftieth of golang-jwt; of RS256, which
// is the cheapest to verify by far, a twenty-fifth. make gates runs it, and make
// bench keeps what it prints.
func TestVerifySpeed(t *testing.T) { //nolint:paralleltest // it measures
	if raceDetector || testing.Short() {
		t.Skip("for a build as users have it")
	}
	for _, alg := range []jose.Alg{jose.ES256, jose.RS256, jose.EdDSA} {
		all := contenders(t, alg)
		best := make([]time.Duration, len(all))
		for range 150 {
			for i, c := range all {
				began := time.Now()
				for range c.batch {
					if err := c.verify(); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began) / time.Duration(c.batch); best[i] == 0 || took < best[i] {
					best[i] = took
				}
			}
		}
		t.Logf("%s: warm %v, first sight %v, golang-jwt %v; warm is 1/%d of golang-jwt, first sight %.2f of it and %.2f of the signature alone",
			alg, best[0], best[1], best[2], best[2]/best[0], float64(best[1])/float64(best[2]), float64(best[1])/float64(best[3]))
		goal := 50.0
		if alg == jose.RS256 {
			goal = 25
		}
		if float64(best[2])/float64(best[0]) < goal {
			t.Errorf("%s: a warm token costs %v, more than 1/%.0f of golang-jwt's %v", alg, best[0], goal, best[2])
		}
	}
}
