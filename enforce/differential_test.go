package enforce_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"    //nolint:depguard // the second opinion
	gojwt "github.com/go-jose/go-jose/v4/jwt" //nolint:depguard // the second opinion
	"github.com/golang-jwt/jwt/v5"            //nolint:depguard // the third

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// golangJWT is golang-jwt with every check that it has switched on.
func golangJWT(token string, pub crypto.PublicKey) error {
	_, err := jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuerName), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(enforce.DefaultLeeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return noon }),
	).Parse(token, func(*jwt.Token) (any, error) { return pub, nil })
	return err
}

// goJose is go-jose, likewise.
func goJose(token string, pub crypto.PublicKey) error {
	parsed, err := gojwt.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.ES256})
	if err != nil {
		return err
	}
	var claims gojwt.Claims
	if err := parsed.Claims(pub, &claims); err != nil {
		return err
	}
	if claims.Expiry == nil {
		return errors.New("no exp")
	}
	return claims.ValidateWithLeeway(gojwt.Expected{Issuer: issuerName, AnyAudience: gojwt.Audience{audience}, Time: noon}, enforce.DefaultLeeway)
}

// differences are what another library refuses and we accept, and why that is
// right. Everything else is a failure of FuzzDifferential.
var differences = []struct{ library, says, because string }{
	{"go-jose", "failed to unmarshal JWK", "it reads keys that a header brings along; we never look at them (JW-21)"},
	{"go-jose", "invalid embedded jwk", "the same"},
	{"go-jose", "failed to unmarshal x5c header", "the same"},
}

// FuzzDifferential signs any header and payload with the issuer's key, and holds
// that we accept no token that golang-jwt or go-jose refuses for a reason: type,
// signature, issuer, audience and times of the whole Verifier beside theirs.
func FuzzDifferential(f *testing.F) {
	s := newSigner(f, jose.ES256, "k1", "at+jwt")
	priv := newProver(f, jose.ES256)
	key, err := enforce.NewKey(priv.priv.Public(), "k1", "ES256")
	if err != nil {
		f.Fatal(err)
	}
	v := s.verifier()
	v.Issuers = &enforce.Issuer{Name: issuerName, Keys: enforce.StaticKeySet{key}, InsecureUntyped: true}
	in := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	header := `{"alg":"ES256","kid":"k1","typ":"at+jwt"}`
	claim := func(more string) string {
		return fmt.Sprintf(`{"iss":%q,"sub":"a","aud":%q,"client_id":"a","jti":"j","iat":%d,"exp":%d%s}`, issuerName, audience, in(0), in(time.Hour), more)
	}
	good := claim("")
	for _, h := range []string{
		header, `{"alg":"ES256","kid":"k1"}`, `{"alg":"none","kid":"k1"}`, `{"alg":"ES256","kid":"k1","alg":"none"}`, `{"alg":"ES256","kid":"k1","crit":["x"],"x":1}`,
		`{"alg":"ES256","kid":"k1","b64":false}`, `{"alg":"ES256","kid":"k1","jwk":{"kty":"EC"}}`, `{"alg":"ES256","kid":"k1","x5c":["AA=="]}`, `{"ALG":"none","alg":"ES256","kid":"k1"}`,
		`{"alg":"ES256","kid":"k1","typ":"JWT","cty":"JWT"}`, `{"alg":"ES256","kid":"k1","nonce":"x","jku":"https://evil.example"}`,
	} {
		f.Add(h, good)
	}
	for _, p := range []string{
		claim(`,"nbf":` + fmt.Sprint(in(9*time.Second))), claim(`,"nbf":` + fmt.Sprint(in(11*time.Second))), claim(`,"scope":"a b"`), claim(`,"cnf":{}`),
		claim(`,"ISS":"https://evil.example"`), claim(`,"Aud":"x","EXP":1`), strings.Replace(good, `"aud":"`+audience+`"`, `"aud":["x","`+audience+`"]`, 1),
		strings.Replace(good, fmt.Sprint(in(time.Hour)), fmt.Sprint(in(-9*time.Second)), 1), strings.Replace(good, fmt.Sprint(in(time.Hour)), fmt.Sprint(in(-10*time.Second)), 1),
		strings.Replace(good, fmt.Sprint(in(time.Hour)), "1e12", 1), strings.Replace(good, fmt.Sprint(in(0)), fmt.Sprint(in(10*time.Second)), 1),
		strings.Replace(good, fmt.Sprint(in(0)), `1.5`, 1), `{}`, `[]`, `null`, good + " ", claim(`,"x":{"y":[1,2,{"z":null}]}`), claim(`,"exp":9999999999`),
		strings.Replace(good, `"sub":"a"`, `"sub":null`, 1), strings.Replace(good, `"jti":"j"`, `"jti":""`, 1),
	} {
		f.Add(header, p)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		enc := base64.RawURLEncoding.EncodeToString
		input := enc([]byte(header)) + "." + enc([]byte(payload))
		token := input + "." + enc(rawSignature(t, priv.priv, jose.ES256, []byte(input)))
		tok, err := v.Verify(t.Context(), token)
		if err != nil {
			if tok != nil || reason(t, err) == "" {
				t.Errorf("%q %q: an error with a token: %v", header, payload, err)
			}
			return
		}
		if !json.Valid([]byte(payload)) {
			t.Errorf("%q is no JSON, and accepted", payload)
		}
		for library, refusal := range map[string]error{"golang-jwt": golangJWT(token, priv.priv.Public()), "go-jose": goJose(token, priv.priv.Public())} {
			if refusal != nil && !known(library, refusal) {
				t.Errorf("%s refuses what we accept: %v\nheader  %q\npayload %q", library, refusal, header, payload)
			}
		}
	})
}

func known(library string, refusal error) bool {
	for _, d := range differences {
		if d.library == library && strings.Contains(refusal.Error(), d.says) {
			return true
		}
	}
	return false
}
