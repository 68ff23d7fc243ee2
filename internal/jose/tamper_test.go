package jose_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

// TE-24.
func TestTampering(t *testing.T) {
	t.Parallel()
	for _, alg := range []jose.Alg{jose.ES256, jose.RS256, jose.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			s := newSigner(t, alg, jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}})
			good := sign(t, s, `{"iss":"https://as.example","sub":"c","exp":1}`)
			if got := reason(t, good, s.Key()); got != 0 {
				t.Fatalf("the token itself: %v", got)
			}
			tries := 0
			refuse := func(what, token string) {
				tries++
				if token != good && reason(t, token, s.Key()) == 0 {
					t.Errorf("%s: accepted: %q", what, token)
				}
			}
			for i := range len(good) {
				for bit := range 8 {
					flipped := []byte(good)
					flipped[i] ^= 1 << bit
					refuse("bit flip", string(flipped))
				}
				refuse("truncation", good[:i])
				refuse("head cut off", good[i+1:])
				refuse("character left out", good[:i]+good[i+1:])
				refuse("character doubled", good[:i+1]+good[i:])
			}
			for c := range 256 {
				refuse("extension", good+string([]byte{byte(c)}))
				refuse("prefix", string([]byte{byte(c)})+good)
			}
			refuse("upper case", strings.ToUpper(good))
			refuse("lower case", strings.ToLower(good))
			refuse("twice", good+good)
			refuse("zero bytes after the signature", good+"AAAA")
			parts := strings.Split(good, ".")
			other := strings.Split(sign(t, s, `{"iss":"https://as.example","sub":"d","exp":1}`), ".")
			refuse("payload of another token", parts[0]+"."+other[1]+"."+parts[2])
			refuse("signature of another token", parts[0]+"."+parts[1]+"."+other[2])
			t.Logf("%d changed tokens", tries)
		})
	}
}
