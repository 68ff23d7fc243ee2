package enforce_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
