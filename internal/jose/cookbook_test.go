package jose_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

type cookbookExample struct {
	Reproducible bool
	Input        struct {
		Payload string
		Key     json.RawMessage
		Alg     jose.Alg
	}
	Output struct {
		Compact  string
		JSON     json.RawMessage `json:"json"`
		JSONFlat json.RawMessage `json:"json_flat"`
	}
}

// TestCookbookSigned goes through the compact signatures of RFC 7520 §4 and
// RFC 8037 that are of our kind, and makes those that are reproducible and not
// symmetric.
func TestCookbookSigned(t *testing.T) {
	t.Parallel()
	files := []string{
		"jws/4_1.rsa_v15_signature.json",
		"jws/4_2.rsa-pss_signature.json",
		"jws/4_3.ecdsa_signature.json",
		"jws/4_4.hmac-sha2_integrity_protection.json",
		"curve25519/jws.json",
	}
	verified, made := 0, 0
	for _, name := range files {
		var ex cookbookExample
		readVectors(t, "jose-cookbook/"+name, &ex)
		key := cookbookKey(t, ex)
		j, err := jose.Parse(ex.Output.Compact)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := j.Verify(key); err != nil || string(j.Payload) != ex.Input.Payload {
			t.Errorf("%s: got payload %q, %v", name, j.Payload, err)
			continue
		}
		verified++
		if !ex.Reproducible || ex.Input.Alg.Symmetric() {
			continue
		}
		s, err := jose.NewSigner(cookbookPrivate(t, ex.Input.Key), ex.Input.Alg, key.ID(), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := sign(t, s, ex.Input.Payload); got != ex.Output.Compact {
			t.Errorf("%s: got %s, want %s", name, got, ex.Output.Compact)
			continue
		}
		made++
	}
	t.Logf("JOSE cookbook: %d of %d verified, %d of 2 reproduced", verified, len(files), made)
	if made != 2 {
		t.Errorf("%d reproduced, want 2", made)
	}
}

// TestCookbookRefused: what we have no use for. Each serialization of each
// example counts.
func TestCookbookRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		compact jose.Reason // 0 where there is no compact form
	}{
		{"jws/4_5.signature_with_detached_content.json", jose.BadSignature}, // reads as an empty payload
		{"jws/4_6.protecting_specific_header_fields.json", 0},
		{"jws/4_7.protecting_content_only.json", 0},
		{"jws/4_8.multiple_signatures.json", 0},
		{"rfc7797/4.2.hmac-sha2_b64_false.json", 0},
		{"rfc7797/hmac-sha2_b64_false.json", jose.Malformed}, // a payload that is not encoded
		{"jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json", jose.Encrypted},
		{"jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json", jose.Encrypted},
		{"jwe/5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2.json", jose.Encrypted}, // JW-07: p2c
		{"jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm.json", jose.Encrypted},
		{"jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2.json", jose.Encrypted},
		{"jwe/5_6.direct_encryption_using_aes-gcm.json", jose.Encrypted},
		{"jwe/5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2.json", jose.Encrypted},
		{"jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm.json", jose.Encrypted},
		{"jwe/5_9.compressed_content.json", jose.Encrypted}, // JW-07: zip
		{"curve25519/ecdh-es.json", jose.Encrypted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var ex struct {
				Output struct {
					Compact  string
					JSON     json.RawMessage `json:"json"`
					JSONFlat json.RawMessage `json:"json_flat"`
				}
			}
			readVectors(t, "jose-cookbook/"+tt.name, &ex)
			key, err := jose.ParseSecretKey([]byte(`{"kty":"oct","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}`))
			if err != nil {
				t.Fatal(err)
			}
			if (ex.Output.Compact != "") != (tt.compact != 0) {
				t.Fatal("the table is wrong about the compact form")
			}
			if tt.compact != 0 {
				if got := reason(t, ex.Output.Compact, key); got != tt.compact {
					t.Errorf("got %v, want %v", got, tt.compact)
				}
			}
			for _, doc := range []json.RawMessage{ex.Output.JSON, ex.Output.JSONFlat} {
				if got := reason(t, string(doc), key); got != jose.Malformed { // JW-15
					t.Errorf("JSON serialization: got %v, want malformed", got)
				}
			}
		})
	}
}

func TestCookbookKeys(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{
		"3_1.ec_public_key.json":                 nil,
		"3_2.ec_private_key.json":                jose.ErrInvalidKey,
		"3_3.rsa_public_key.json":                nil,
		"3_4.rsa_private_key.json":               jose.ErrInvalidKey,
		"3_5.symmetric_key_mac_computation.json": jose.ErrUnsupportedKey,
		"3_6.symmetric_key_encryption.json":      jose.ErrUnsupportedKey,
	} {
		var raw json.RawMessage
		readVectors(t, "jose-cookbook/jwk/"+name, &raw)
		if _, err := jose.ParseKey(raw); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func cookbookKey(t *testing.T, ex cookbookExample) *jose.Key {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(ex.Input.Key, &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(publicHalf(doc))
	if err != nil {
		t.Fatal(err)
	}
	parse := jose.ParseKey
	if ex.Input.Alg.Symmetric() {
		parse = jose.ParseSecretKey
	}
	k, err := parse(raw)
	if err == nil {
		k, err = k.WithAlg(ex.Input.Alg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func cookbookPrivate(t *testing.T, jwk json.RawMessage) crypto.Signer {
	t.Helper()
	var doc struct{ Kty, N, E, D, P, Q string }
	if err := json.Unmarshal(jwk, &doc); err != nil {
		t.Fatal(err)
	}
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	if doc.Kty == "OKP" {
		return ed25519.NewKeyFromSeed(number(doc.D).FillBytes(make([]byte, ed25519.SeedSize)))
	}
	return &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number(doc.N), E: int(number(doc.E).Int64())},
		D:         number(doc.D),
		Primes:    []*big.Int{number(doc.P), number(doc.Q)},
	}
}
