package mint_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// KY-02 and JW-02: each algorithm signs with a key of its own, somebody else's
// library verifies the token with that key, and no other key verifies it, one of
// the same type with another algorithm least of all.
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
		foreign, err := gojose.ParseSigned(tok.Value, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatalf("%s: go-jose: %v", alg, err)
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
			if _, err := foreign.Verify(key.Public()); (err == nil) != own {
				t.Errorf("%s with the %s key, go-jose: %v", alg, key.Alg(), err)
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
