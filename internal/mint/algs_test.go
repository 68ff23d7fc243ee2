package mint_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// verifies is each algorithm by its definition (RFC 7518 §3, RFC 8037 §3.1).
var verifies = map[string]func(key crypto.PublicKey, signed, sig []byte) bool{
	"ES256": func(key crypto.PublicKey, signed, sig []byte) bool {
		k, ok := key.(*ecdsa.PublicKey)
		sum := sha256.Sum256(signed)
		return ok && len(sig) == 64 && ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	},
	"EdDSA": func(key crypto.PublicKey, signed, sig []byte) bool {
		k, ok := key.(ed25519.PublicKey)
		return ok && ed25519.Verify(k, signed, sig)
	},
	"PS256": func(key crypto.PublicKey, signed, sig []byte) bool {
		k, ok := key.(*rsa.PublicKey)
		sum := sha256.Sum256(signed)
		return ok && rsa.VerifyPSS(k, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: sha256.Size}) == nil
	},
	"RS256": func(key crypto.PublicKey, signed, sig []byte) bool {
		k, ok := key.(*rsa.PublicKey)
		sum := sha256.Sum256(signed)
		return ok && rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], sig) == nil
	},
}

// KY-02 and JW-02: each algorithm signs with a key of its own, the token
// verifies with that key by the algorithm's definition, and with no other key,
// one of the same type with another algorithm least of all.
func TestSigningAlgs(t *testing.T) {
	t.Parallel()
	m, r, _ := newMinter(t, append(mintage.SigningAlgs(), mintage.SealingAlg)...)
	published := r.ring.Public(now)
	if len(published) != len(mintage.SigningAlgs()) {
		t.Fatalf("%d keys are published", len(published))
	}
	for _, alg := range mintage.SigningAlgs() {
		tok := mustMint(t, m, decision(settings(mintage.FormatJWT, alg, mintage.ClaimsRFC)))
		if tok.Alg != alg {
			t.Errorf("%s: the token is of %s", alg, tok.Alg)
		}
		last := strings.LastIndexByte(tok.Value, '.')
		signed := []byte(tok.Value[:last])
		sig, err := base64.RawURLEncoding.Strict().DecodeString(tok.Value[last+1:])
		if err != nil {
			t.Fatal(err)
		}
		ours, err := jose.Parse(tok.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range published {
			own := string(key.Alg()) == alg
			if (key.ID() == ours.KeyID) != own {
				t.Errorf("%s: kid %s is of %s", alg, ours.KeyID, key.Alg())
			}
			if err := ours.Verify(key); (err == nil) != own {
				t.Errorf("%s with the %s key: %v", alg, key.Alg(), err)
			}
			if got := verifies[alg](key.Public(), signed, sig); got != own {
				t.Errorf("%s with the %s key by its definition: %v", alg, key.Alg(), got)
			}
		}
	}
}

// KY-01: RSA keys have 2048 bits at least, the others 128 bits of strength.
func TestKeySizes(t *testing.T) {
	t.Parallel()
	_, r, _ := newMinter(t, mintage.SigningAlgs()...)
	for _, key := range r.ring.Public(now) {
		strong := map[string]func(crypto.PublicKey) bool{
			"ES256": func(k crypto.PublicKey) bool { p, ok := k.(*ecdsa.PublicKey); return ok && p.Params().BitSize >= 256 },
			"EdDSA": func(k crypto.PublicKey) bool { p, ok := k.(ed25519.PublicKey); return ok && len(p) == 32 },
			"PS256": func(k crypto.PublicKey) bool { p, ok := k.(*rsa.PublicKey); return ok && p.N.BitLen() >= 2048 },
			"RS256": func(k crypto.PublicKey) bool { p, ok := k.(*rsa.PublicKey); return ok && p.N.BitLen() >= 2048 },
		}
		if !strong[string(key.Alg())](key.Public()) {
			t.Errorf("%s: a %T that is too weak", key.Alg(), key.Public())
		}
	}
}
