package enforce_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5" //nolint:depguard // the library to compare with

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// BenchmarkVerify measures P7 and P8 beside golang-jwt in one run:
// go test ./enforce -run '^$' -bench BenchmarkVerify.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []jose.Alg{jose.ES256, jose.RS256, jose.EdDSA} {
		s := newSigner(b, alg, "k1", "at+jwt")
		tok := s.with(nil)
		v := s.verifier()
		cached := s.verifier()
		cached.Cache = &enforce.TokenCache{}
		public := s.priv.Key().Public()
		parser := jwt.NewParser(
			jwt.WithValidMethods([]string{string(alg)}), jwt.WithIssuer(issuerName), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
			jwt.WithTimeFunc(v.Now),
		)
		for _, c := range []struct {
			name   string
			verify func() error
		}{
			{"warm", func() error { _, err := cached.Verify(b.Context(), tok); return err }},
			{"first sight", func() error { _, err := v.Verify(b.Context(), tok); return err }},
			{"golang-jwt", func() error {
				_, err := parser.Parse(tok, func(*jwt.Token) (any, error) { return public, nil })
				return err
			}},
		} {
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
