package gateway_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// prover is a caller with a DPoP key and a token that is bound to it.
type prover struct {
	tb     testing.TB
	signer *jose.Signer
	token  string
}

func newProver(tb testing.TB, is *authServer, scope string) *prover {
	tb.Helper()
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := jose.NewSigner(key, jose.ES256, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	if err != nil {
		tb.Fatal(err)
	}
	return &prover{tb: tb, signer: s, token: is.token(scope, map[string]any{"cnf": map[string]any{"jkt": s.Key().Thumbprint()}})}
}

// proof returns a new proof for one request.
func (p *prover) proof(method, url string) string {
	p.tb.Helper()
	sum := sha256.Sum256([]byte(p.token))
	payload, err := json.Marshal(map[string]any{
		"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix(), "ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		p.tb.Fatal(err)
	}
	proof, err := p.signer.AppendSign(nil, payload)
	if err != nil {
		p.tb.Fatal(err)
	}
	return string(proof)
}

// fill puts a proof where text has {{proof METHOD URL}}.
func (p *prover) fill(text string) string {
	return proofWord.ReplaceAllStringFunc(text, func(word string) string {
		m := proofWord.FindStringSubmatch(word)
		return p.proof(m[1], m[2])
	})
}

var proofWord = regexp.MustCompile(`\{\{proof (\S+) (\S+)\}\}`)
