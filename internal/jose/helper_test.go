package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mintage-auth/mintage/internal/jose"
)

const vectorDir = "../../../shared/vectors"

// readVectors decodes a file of third-party test data. In CI it must be there.
func readVectors(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectorDir, name))
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("shared/vectors/%s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

var allAlgs = []jose.Alg{
	jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.EdDSA,
}

// rsaKey is made once: RSA keys are slow to make.
var rsaKey = sync.OnceValues(func() (crypto.Signer, error) { return jose.GenerateKey(jose.RS256) })

func privateKey(tb testing.TB, alg jose.Alg) crypto.Signer {
	tb.Helper()
	makeKey := func() (crypto.Signer, error) { return jose.GenerateKey(alg) }
	if alg[0] == 'R' || alg[0] == 'P' {
		makeKey = rsaKey
	}
	priv, err := makeKey()
	if err != nil {
		tb.Fatal(err)
	}
	return priv
}

func newSigner(tb testing.TB, alg jose.Alg, form jose.HeaderForm) *jose.Signer {
	tb.Helper()
	s, err := jose.NewSigner(privateKey(tb, alg), alg, "kid-1", form)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func sign(tb testing.TB, s *jose.Signer, payload string) string {
	tb.Helper()
	out, err := s.AppendSign(nil, []byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signRaw signs any header with priv, by other means than the package under
// test: what the header says is of no account.
func signRaw(tb testing.TB, priv crypto.Signer, header, payload string) string {
	tb.Helper()
	signed := encode(header) + "." + encode(payload)
	var sig []byte
	switch priv := priv.(type) {
	case ed25519.PrivateKey:
		sig = ed25519.Sign(priv, []byte(signed))
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, priv, sum[:])
		if err != nil {
			tb.Fatal(err)
		}
		sig = make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
	default:
		tb.Fatalf("no way to sign with a %T here", priv)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// reason verifies token with k; 0 means accepted.
func reason(tb testing.TB, token string, k *jose.Key) jose.Reason {
	tb.Helper()
	j, err := jose.Parse(token)
	if err == nil {
		err = j.Verify(k)
	} else if j != nil {
		tb.Errorf("%.80q: a JWS beside the error", token)
	}
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*jose.Error](err)
	if !ok || !errors.Is(err, jose.ErrInvalid) {
		tb.Fatalf("%.80q: got %v, want an *Error that wraps ErrInvalid", token, err)
	}
	return e.Reason
}
