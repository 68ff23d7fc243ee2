package jose_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/mintage-auth/mintage/internal/jose"
)

func gojoseVerify(token string, pub crypto.PublicKey, algs ...jose.Alg) error {
	names := make([]gojose.SignatureAlgorithm, len(algs))
	for i, alg := range algs {
		names[i] = gojose.SignatureAlgorithm(alg)
	}
	j, err := gojose.ParseSignedCompact(token, names)
	if err != nil {
		return err
	}
	_, err = j.Verify(pub)
	return err
}

func golangJWTVerify(token string, pub crypto.PublicKey, algs ...jose.Alg) error {
	names := make([]string, len(algs))
	for i, alg := range algs {
		names[i] = string(alg)
	}
	_, err := jwt.NewParser(jwt.WithValidMethods(names), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding()).
		Parse(token, func(*jwt.Token) (any, error) { return pub, nil })
	return err
}

// What we make the others verify, and what they make we do.
func TestForeignLibraries(t *testing.T) {
	t.Parallel()
	for _, alg := range allAlgs {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			priv := privateKey(t, alg)
			s, err := jose.NewSigner(priv, alg, "k", jose.HeaderForm{{Name: "typ", Value: "JWT"}, {Name: "alg"}, {Name: "kid"}})
			if err != nil {
				t.Fatal(err)
			}
			token := sign(t, s, `{"sub":"c"}`)
			if err := gojoseVerify(token, priv.Public(), alg); err != nil {
				t.Errorf("go-jose refuses ours: %v", err)
			}
			if err := golangJWTVerify(token, priv.Public(), alg); err != nil {
				t.Errorf("golang-jwt refuses ours: %v", err)
			}
			theirs, err := jwt.NewWithClaims(jwt.GetSigningMethod(string(alg)), jwt.MapClaims{"sub": "c"}).SignedString(priv)
			if err != nil {
				t.Fatal(err)
			}
			if got := reason(t, theirs, s.Key()); got != 0 {
				t.Errorf("we refuse golang-jwt's: %v", got)
			}
			signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: priv}, nil)
			if err != nil {
				t.Fatal(err)
			}
			object, err := signer.Sign([]byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if theirs, err = object.CompactSerialize(); err != nil {
				t.Fatal(err)
			}
			if got := reason(t, theirs, s.Key()); got != 0 {
				t.Errorf("we refuse go-jose's: %v", got)
			}
			var set gojose.JSONWebKeySet
			if err := json.Unmarshal(jose.AppendKeySet(nil, []*jose.Key{s.Key()}), &set); err != nil || len(set.Key("k")) != 1 || !set.Key("k")[0].Valid() {
				t.Errorf("go-jose refuses our key set: %v", err)
			}
		})
	}
}

// FuzzHeader signs any header and payload, and holds that what we accept go-jose
// and golang-jwt accept too.
func FuzzHeader(f *testing.F) {
	priv := privateKey(f, jose.ES256)
	key, err := jose.NewKey(priv.Public(), "k", jose.ES256)
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range []string{
		`{"alg":"ES256"}`, `{"alg":"ES256","kid":"k","typ":"at+jwt"}`, `{"alg":"ES256","alg":"none"}`, `{"alg":"none"}`,
		`{"alg":"ES256","crit":["b64"],"b64":false}`, `{"alg":"ES256","jwk":{}}`, `{"Alg":"ES256"}`, `{"alg":"ES256","x5c":[1]}`,
		`{"alg":"ES256","nonce":1,"cty":"JWT","x5t":"a","x5u":"b","jku":"c"}`, `{"alg":"EdDSA"}`, "{\"alg\":\"ES256\",\"a\":\"\u2028\"}",
	} {
		f.Add(h, `{"sub":"c"}`)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		token := signRaw(t, priv, header, payload)
		j, err := jose.Parse(token)
		if err == nil {
			err = j.Verify(key)
		}
		if err != nil {
			if !errors.Is(err, jose.ErrInvalid) {
				t.Fatalf("%q: %v does not wrap ErrInvalid", header, err)
			}
			return
		}
		if string(j.Payload) != payload {
			t.Fatalf("payload: got %q, want %q", j.Payload, payload)
		}
		// go-jose reads the keys that a header brings; we never look at them.
		_, hasKey := j.Header.Lookup("jwk")
		_, hasChain := j.Header.Lookup("x5c")
		if !hasKey && !hasChain {
			if err := gojoseVerify(token, priv.Public(), jose.ES256); err != nil {
				t.Errorf("%q: accepted, and go-jose says %v", header, err)
			}
		}
		// golang-jwt wants claims for a payload.
		if json.Unmarshal([]byte(payload), &jwt.MapClaims{}) == nil {
			if err := golangJWTVerify(token, priv.Public(), jose.ES256); err != nil {
				t.Errorf("%q: accepted, and golang-jwt says %v", header, err)
			}
		}
	})
}

// FuzzParse takes whole tokens: a token that parses has one spelling, and one
// that verifies the others verify too.
func FuzzParse(f *testing.F) {
	keys := map[jose.Alg]*jose.Key{}
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256} {
		s := newSigner(f, alg, nil)
		keys[alg] = s.Key()
		token := sign(f, s, `{"sub":"c"}`)
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(token + "\n")
		f.Add(token + "=")
	}
	f.Add(".....")
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, token string) {
		j, err := jose.Parse(token)
		if err != nil {
			if e, ok := errors.AsType[*jose.Error](err); !ok || e.Reason == 0 || e.Reason == jose.BadSignature || j != nil {
				t.Fatalf("%q: got %v, %v", token, j, err)
			}
			return
		}
		parts := strings.Split(token, ".")
		if len(parts) != 3 || base64.RawURLEncoding.EncodeToString(j.Payload) != parts[1] {
			t.Fatalf("%q: the payload %q has two spellings", token, j.Payload)
		}
		for alg, key := range keys {
			if j.Verify(key) != nil {
				continue
			}
			if err := gojoseVerify(token, key.Public(), alg); err != nil {
				t.Errorf("%q: accepted, and go-jose says %v", token, err)
			}
			if err := golangJWTVerify(token, key.Public(), alg); err != nil {
				t.Errorf("%q: accepted, and golang-jwt says %v", token, err)
			}
		}
	})
}

// FuzzParseKey holds that a key prints back the same, that go-jose reads it too,
// and that nothing private survives.
func FuzzParseKey(f *testing.F) {
	f.Add(`{"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"}`)
	f.Add(`{"kty":"OKP","crv":"Ed25519","kid":"a\"","x":"` + edX + `","use":"sig"}`)
	f.Add(`{"kty":"RSA","alg":"PS256","n":"` + rfc7638N + `","e":"AQAB"}`)
	f.Add(`{"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `","d":"AA"}`)
	f.Fuzz(func(t *testing.T, jwk string) {
		k, err := jose.ParseKey([]byte(jwk))
		if err != nil {
			if k != nil || !errors.Is(err, jose.ErrInvalidKey) && !errors.Is(err, jose.ErrUnsupportedKey) {
				t.Fatalf("%q: got %v, %v", jwk, k, err)
			}
			return
		}
		out := k.AppendJWK(nil)
		again, err := jose.ParseKey(out)
		if err != nil || string(again.AppendJWK(nil)) != string(out) || again.Thumbprint() != k.Thumbprint() {
			t.Fatalf("%q: printed as %s, which reads back as %v, %v", jwk, out, again, err)
		}
		var theirs gojose.JSONWebKey
		if err := json.Unmarshal(out, &theirs); err != nil || !theirs.Valid() || !theirs.IsPublic() {
			t.Fatalf("%s: go-jose says %v", out, err)
		}
		sum, err := theirs.Thumbprint(crypto.SHA256)
		if got := base64.RawURLEncoding.EncodeToString(sum); err != nil || got != k.Thumbprint() {
			t.Fatalf("%s: thumbprint %s, go-jose says %s, %v", out, k.Thumbprint(), got, err)
		}
	})
}
