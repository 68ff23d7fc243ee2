package examples_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/mintagetest"
)

// checkDPoP checks that a proof is held against the URL that the caller asked
// for, and not against the one at which the front asks.
func (f *front) checkDPoP() {
	f.t.Helper()
	key, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		f.t.Fatal(err)
	}
	signer, err := jose.NewSigner(key, jose.ES256, "", jose.HeaderForm{{Name: "typ", Value: "dpop+jwt"}, {Name: "alg"}, {Name: "jwk"}})
	if err != nil {
		f.t.Fatal(err)
	}
	token := f.issuer.Token(mintagetest.TokenOptions{Claims: map[string]any{
		"scope": "orders/read", "cnf": map[string]any{"jkt": signer.Key().Thumbprint()},
	}})
	good := proof(f.t, signer, token, "GET", f.url+"/orders/7")
	_, port, _ := strings.Cut(strings.TrimPrefix(f.url, "http://"), ":")
	for _, tt := range []struct {
		name, scheme string
		proofs       []string
		status       int
		challenge    string
	}{
		{"its URL", "DPoP", []string{good}, 200, ""},
		{"once more", "DPoP", []string{good}, 401, `error="invalid_dpop_proof"`},
		{"another path", "DPoP", []string{proof(f.t, signer, token, "GET", f.url+"/orders/8")}, 401, `error="invalid_dpop_proof"`},
		{"another host", "DPoP", []string{proof(f.t, signer, token, "GET", "http://localhost:"+port+"/orders/7")}, 401, `error="invalid_dpop_proof"`},
		{"another scheme", "DPoP", []string{proof(f.t, signer, token, "GET", "https"+strings.TrimPrefix(f.url, "http")+"/orders/7")}, 401, `error="invalid_dpop_proof"`},
		{"another method", "DPoP", []string{proof(f.t, signer, token, "POST", f.url+"/orders/7")}, 401, `error="invalid_dpop_proof"`},
		{"the question's path", "DPoP", []string{proof(f.t, signer, token, "GET", f.url+"/forward-auth")}, 401, `error="invalid_dpop_proof"`},
		{"no proof", "DPoP", nil, 401, "DPoP realm="},
		{"as Bearer", "Bearer", []string{proof(f.t, signer, token, "GET", f.url+"/orders/7")}, 401, `error="invalid_token"`},
		{"a new one", "DPoP", []string{proof(f.t, signer, token, "GET", f.url+"/orders/7")}, 200, ""},
	} {
		req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.url+"/orders/7?x=1", nil)
		if err != nil {
			f.t.Fatal(err)
		}
		req.Header["Authorization"], req.Header["Dpop"] = []string{tt.scheme + " " + token}, tt.proofs
		res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
		if err != nil {
			f.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		challenge := strings.Join(res.Header["Www-Authenticate"], ", ")
		if res.StatusCode != tt.status || !strings.Contains(challenge, tt.challenge) {
			f.t.Errorf("%s: %d %q, want %d and %q", tt.name, res.StatusCode, challenge, tt.status, tt.challenge)
		}
	}
}

// proof is a DPoP proof for one request.
func proof(t *testing.T, signer *jose.Signer, token, method, url string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(token))
	payload, err := json.Marshal(map[string]any{
		"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix(), "ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := signer.AppendSign(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(jwt)
}
