package enforce_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

const (
	issuerName = "https://auth.example"
	audience   = "https://api.example"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// signer signs tokens in tests.
type signer struct {
	t    testing.TB
	priv *jose.Signer
	form jose.HeaderForm
}

// rsaKey is made once: RSA keys are slow to make.
var rsaKey = sync.OnceValues(func() (crypto.Signer, error) { return jose.GenerateKey(jose.RS256) })

// newSigner returns a signer with typ; an empty one is left out.
func newSigner(tb testing.TB, alg jose.Alg, kid, typ string) *signer {
	tb.Helper()
	makeKey := func() (crypto.Signer, error) { return jose.GenerateKey(alg) }
	if alg == jose.RS256 || alg == jose.PS256 {
		makeKey = rsaKey
	}
	key, err := makeKey()
	if err != nil {
		tb.Fatal(err)
	}
	form := jose.HeaderForm{{Name: "alg"}}
	if kid != "" {
		form = append(form, jose.Param{Name: "kid"})
	}
	if typ != "" {
		form = append(form, jose.Param{Name: "typ", Value: typ})
	}
	s, err := jose.NewSigner(key, alg, kid, form)
	if err != nil {
		tb.Fatal(err)
	}
	return &signer{t: tb, priv: s, form: form}
}

func (s *signer) key() *enforce.Key {
	s.t.Helper()
	k, err := enforce.NewKey(s.priv.Key(), s.priv.Key().ID(), string(s.priv.Key().Alg()))
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

// keySet returns the JWK Set of the given signers.
func keySet(ss ...*signer) []byte {
	keys := make([]*jose.Key, len(ss))
	for i, s := range ss {
		keys[i] = s.priv.Key()
	}
	return jose.AppendKeySet(nil, keys)
}

// raw signs a payload as it is.
func (s *signer) raw(payload string) string {
	s.t.Helper()
	tok, err := s.priv.AppendSign(nil, []byte(payload))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(tok)
}

// with signs the claims of a good token, changed; nil removes one.
func (s *signer) with(change map[string]any) string {
	s.t.Helper()
	claims := map[string]any{
		"iss": issuerName, "sub": "agent", "aud": audience, "client_id": "agent",
		"iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(), "jti": "0195d3a0-0000-7abc-8def-0123456789ab",
		"scope": "orders.read orders.write",
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.raw(string(b))
}

// verifier returns one that accepts the tokens of s at noon.
func (s *signer) verifier() *enforce.Verifier {
	return &enforce.Verifier{
		Issuers:  &enforce.Issuer{Name: issuerName, Keys: enforce.StaticKeySet{s.key()}},
		Audience: audience,
		Now:      func() time.Time { return noon },
	}
}

// keyFunc is a KeySet.
type keyFunc func(ctx context.Context, kid string) (*enforce.Key, error)

func (f keyFunc) Key(ctx context.Context, kid string) (*enforce.Key, error) { return f(ctx, kid) }

// forge joins a header and a payload with a signature that is none.
func forge(header, payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(payload)) + "." + enc([]byte("signature"))
}
