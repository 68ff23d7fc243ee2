package issue_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// tokenURL is the token endpoint of acme as a proof names it.
const tokenURL = "https://auth.example/oauth2/token"

// dpopKey returns the key of a client that proves to have one: each name has its
// own, which is always the same.
func dpopKey(tb testing.TB, name string) (*ecdsa.PrivateKey, *jose.Key) {
	tb.Helper()
	seed := sha256.Sum256([]byte("mintage DPoP test key " + name))
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	must(tb, err)
	pub, err := jose.NewKey(priv.Public(), "", jose.ES256)
	must(tb, err)
	return priv, pub
}

// thumbprint is what a token says that is bound to the key of that name.
func thumbprint(tb testing.TB, name string) string {
	tb.Helper()
	_, pub := dpopKey(tb, name)
	return pub.Thumbprint()
}

// proof makes a DPoP proof for the token endpoint of acme with the key of that
// name, changed by words like htm=PUT: a minus takes a member away, the times
// iat, exp and nbf are from now, sign names the key that signs it in truth,
// and size is that of the jti.
func proof(tb testing.TB, name string, changes ...string) string {
	tb.Helper()
	priv, pub := dpopKey(tb, name)
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": json.RawMessage(pub.AppendJWK(nil))}
	claims := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": tokenURL, "iat": epoch.Unix()}
	for _, change := range changes {
		member, value, _ := strings.Cut(change, "=")
		into := claims
		var is any = value
		switch member {
		case "typ", "alg":
			into = header
		case "jwk":
			into, is = header, json.RawMessage(jwks[value])
		case "iat", "exp", "nbf":
			if d, err := time.ParseDuration(value); err == nil {
				is = epoch.Add(d).Unix()
			}
		case "size": // of the jti
			n, err := strconv.Atoi(value)
			must(tb, err)
			jti := rand.Text()
			claims["jti"] = jti + strings.Repeat("j", n-len(jti))
			continue
		case "sign":
			priv, _ = dpopKey(tb, value)
			continue
		}
		if into[member] = is; value == "-" {
			delete(into, member)
		}
	}
	return signed(tb, priv, header, claims)
}

// jwks are keys that no proof may have in its header.
var jwks = map[string]string{
	"private": `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}`,
	"oct":     `{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	"word":    `"key"`,
}

// signed signs whatever header and claims say with ES256.
func signed(tb testing.TB, priv *ecdsa.PrivateKey, header, claims any) string {
	tb.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		must(tb, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	input := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, priv, sum[:])
	must(tb, err)
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}
