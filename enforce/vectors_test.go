package enforce_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

const vectorDir = "../../shared/vectors"

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

// MT-05: the example of RFC 8705 Appendix A.
func TestVectorRFC8705(t *testing.T) {
	t.Parallel()
	var vector struct {
		DER        []byte `json:"certificate_der_b64"`
		Thumbprint string `json:"x5t#S256"`
	}
	readVectors(t, "rfc-examples/rfc8705_cert_thumbprint.json", &vector)
	cert, err := x509.ParseCertificate(vector.DER)
	if err != nil {
		t.Fatal(err)
	}
	if got := enforce.CertificateThumbprint(cert); got != vector.Thumbprint {
		t.Errorf("got %s, want %s", got, vector.Thumbprint)
	}
	s := newSigner(t, jose.ES256, "k1", "at+jwt")
	c := enforce.Call{
		Method: http.MethodGet, Certificate: cert,
		Header: http.Header{"Authorization": {"Bearer " + s.with(map[string]any{"cnf": map[string]string{"x5t#S256": vector.Thumbprint}})}},
	}
	if _, err := s.verifier().AuthenticateCall(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// DP-12: the proofs of RFC 9449, with its opaque access token.
func TestVectorRFC9449(t *testing.T) {
	t.Parallel()
	var vector struct {
		AccessToken string `json:"access_token"`
		JKT         string `json:"jkt"`
		Tokens      []struct {
			Name, JWT string
			Payload   struct {
				HTM, HTU, ATH string
				IAT           int64
			}
		}
	}
	readVectors(t, "rfc-examples/rfc9449.json", &vector)
	accepted := 0
	for _, tt := range vector.Tokens {
		p := tt.Payload
		if p.HTM == "" { // the access token
			continue
		}
		at := time.Unix(p.IAT, 0)
		answer := fmt.Sprintf(`{"active":true,"token_type":"DPoP","client_id":"c","sub":"c","aud":%q,"exp":%d,"iat":%d,"jti":"j","cnf":{"jkt":%q}}`,
			audience, at.Unix()+60, at.Unix(), vector.JKT)
		v := &enforce.Verifier{
			Issuers:  &enforce.Issuer{Name: issuerName, Introspector: (&publisher{body: answer}).introspector()},
			Audience: audience, Origin: "https://resource.example.org", DPoP: &enforce.DPoP{}, Now: func() time.Time { return at },
		}
		c := enforce.Call{
			Method: p.HTM, Path: "/protectedresource",
			Header: http.Header{"Authorization": {"DPoP " + vector.AccessToken}, "Dpop": {tt.JWT}},
		}
		want := badProof // made for the token endpoint: another URL, and no ath
		if p.ATH != "" {
			want = ""
		}
		_, err := v.AuthenticateCall(t.Context(), c)
		if got := told(t, err); got != want {
			t.Errorf("%s: got %q (%v), want %q", tt.Name, got, err, want)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d proofs are accepted, want the one for the resource", accepted)
	}
}

// RS-10: figure 2 of RFC 9068, signed by a key of ours since its own is not
// published.
func TestVectorRFC9068(t *testing.T) {
	t.Parallel()
	var vector struct {
		Header map[string]string `json:"header"`
		Claims json.RawMessage   `json:"claims"`
	}
	readVectors(t, "rfc-examples/rfc9068.json", &vector)
	s := newSigner(t, jose.RS256, vector.Header["kid"], vector.Header["typ"])
	v := &enforce.Verifier{
		Issuers:  &enforce.Issuer{Name: "https://authorization-server.example.com/", Keys: enforce.StaticKeySet{s.key()}},
		Audience: "https://rs.example.com/", Now: func() time.Time { return time.Unix(1639528900, 0) },
	}
	tok, err := v.Verify(t.Context(), s.raw(string(vector.Claims)))
	if err != nil || tok.ClientID != "s6BhdRkqt3" || !tok.Scope.Has("reademail") {
		t.Errorf("got %v, %v", tok, err)
	}
}

// vectorTokens are the compact tokens of third-party vectors with the key that
// goes with each.
func vectorTokens(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	tokens := map[string]json.RawMessage{}
	for _, name := range []string{"json_web_signature_test.json", "json_web_crypto_test.json", "json_web_encryption_test.json"} {
		var file struct {
			TestGroups []struct {
				Public, Private json.RawMessage
				Tests           []struct{ JWS, JWE json.RawMessage }
			}
		}
		readVectors(t, "wycheproof/"+name, &file)
		for _, g := range file.TestGroups {
			key := g.Public
			if key == nil {
				key = g.Private
			}
			for _, tt := range g.Tests {
				for _, raw := range []json.RawMessage{tt.JWS, tt.JWE} {
					var token string
					if raw == nil || json.Unmarshal(raw, &token) != nil {
						token = string(raw) // the JSON serialization
					}
					if token != "" {
						tokens[token] = key
					}
				}
			}
		}
	}
	return tokens
}

// JW-01 to JW-06, JW-15, JW-16, JW-18 through the whole Verifier, which trusts
// the key of each vector for every algorithm: no vector is an access token, each
// is refused with a reason of the verifier, and nothing of it comes out. That
// their signatures are told apart is TestWycheproofJWS of internal/jose.
func TestVectorsWholeVerifier(t *testing.T) {
	t.Parallel()
	reasons := map[string]int{}
	tokens := vectorTokens(t)
	for token, key := range tokens {
		set, err := enforce.ParseKeySet([]byte(`{"keys":[` + string(key) + `]}`))
		if err != nil {
			set, _ = enforce.ParseKeySet(key)
		}
		v := &enforce.Verifier{
			Issuers: anyName{&enforce.Issuer{
				Keys: set, InsecureUntyped: true,
				Algorithms: []string{"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "HS256"},
			}},
			AnyAudience: true, Cache: &enforce.TokenCache{},
		}
		tok, err := v.Verify(t.Context(), token)
		if err == nil || tok != nil {
			t.Errorf("accepted: %.100s", token)
			continue
		}
		reasons[reason(t, err)]++
	}
	if len(tokens) < 300 {
		t.Errorf("only %d vectors", len(tokens))
	}
	t.Logf("whole Verifier: 0 of %d vectors accepted; %v", len(tokens), reasons)
}

// anyName is an issuer of every name.
type anyName struct{ issuer *enforce.Issuer }

func (a anyName) Issuer(_ context.Context, name string) (*enforce.Issuer, error) {
	i := *a.issuer
	i.Name = name
	return &i, nil
}

func (a anyName) Opaque(ctx context.Context, token string) (*enforce.Issuer, error) {
	return a.issuer.Opaque(ctx, token)
}

// TestVectorHeaders signs the payload of our own good token under the header
// of each vector, with the vector's kid known: a header that may not be, may not
// be there either when everything else is right.
func TestVectorHeaders(t *testing.T) {
	t.Parallel()
	p := newProver(t, jose.ES256)
	accepted, refused := 0, 0
	claims, err := json.Marshal(map[string]any{
		"iss": issuerName, "sub": "a", "aud": audience, "client_id": "a", "jti": "j", "iat": noon.Unix(), "exp": noon.Unix() + 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	for token := range vectorTokens(t) {
		head, _, ok := strings.Cut(token, ".")
		if !ok {
			continue
		}
		input := head + "." + base64.RawURLEncoding.EncodeToString(claims)
		signed := input + "." + base64.RawURLEncoding.EncodeToString(rawSignature(t, p.priv, jose.ES256, []byte(input)))
		v := &enforce.Verifier{
			Issuers: &enforce.Issuer{Name: issuerName, InsecureUntyped: true, Keys: keyFunc(func(_ context.Context, kid string) (*enforce.Key, error) {
				return enforce.NewKey(p.priv.Public(), kid, "ES256")
			})},
			Audience: audience, Now: func() time.Time { return noon },
		}
		_, err := v.Verify(t.Context(), signed)
		if err != nil {
			refused++
			continue
		}
		accepted++
		raw, err := base64.RawURLEncoding.DecodeString(head)
		var h map[string]any
		if err != nil || json.Unmarshal(raw, &h) != nil || h["alg"] != "ES256" || h["crit"] != nil || h["b64"] != nil {
			t.Errorf("accepted under the header %q", raw)
		}
	}
	t.Logf("headers of vectors over our claims: %d accepted, %d refused", accepted, refused)
	if accepted == 0 || refused == 0 {
		t.Error("one of the two never happens")
	}
}
