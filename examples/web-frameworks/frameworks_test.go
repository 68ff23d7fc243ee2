package frameworks_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	frameworks "example.com/web-frameworks"

	"github.com/mintage-auth/mintage/enforce"
)

// The token was issued at noon, by the key in jwks.
const (
	jwks = `{"keys":[{"kty":"EC","kid":"2026-11","use":"sig","alg":"ES256","crv":"P-256",` +
		`"x":"vmI0W-TXdYWTaH60qwIRvEd0Bi6btTIOPQaTYsg2aG8","y":"GdJyeumZzNp7mv85KuhspFbPALqUI_PA38EBFqnv240"}]}`
	accessToken = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjIwMjYtMTEiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZ" +
		"SIsInN1YiI6Im5pZ2h0bHktZXhwb3J0IiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZSIsImNsaWVudF9pZCI6Im5pZ2h0bHktZ" +
		"Xhwb3J0Iiwic2NvcGUiOiJvcmRlcnMucmVhZCIsImlhdCI6MTc5NTI2MjQwMCwiZXhwIjoxNzk1MjY2MDAwLCJqdGkiOiIwMTlhY" +
		"TYyZS03ZDAwLTdjM2UtOWE1MS0wZDZhMmYxYjQ0YzgifQ.mYujWnz5ijLXEGELge8kVAA23ksFbza0Yi1hj5CIBe_XareoO1G0rH" +
		"DQggbekKZerEh_osG-uDUKOYhF1Xhu8A"
)

func TestFrameworks(t *testing.T) {
	t.Parallel()
	keys, err := enforce.ParseKeySet([]byte(jwks))
	if err != nil {
		t.Fatal(err)
	}
	v := &enforce.Verifier{
		Issuers:  &enforce.Issuer{Name: "https://auth.example", Keys: keys},
		Audience: "https://api.example",
		Now:      func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
	}
	for name, h := range map[string]http.Handler{"chi": frameworks.Chi(v), "echo": frameworks.Echo(v), "gin": frameworks.Gin(v)} {
		ask := func(token string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, "/orders", nil)
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		if w := ask(accessToken); w.Code != http.StatusOK || w.Body.String() != "orders for nightly-export" {
			t.Errorf("%s: a good token: %d %s", name, w.Code, w.Body)
		}
		for _, token := range []string{"", "x", accessToken[:len(accessToken)-4] + "AAAA"} {
			w := ask(token)
			if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") ||
				strings.Contains(w.Body.String(), "orders for") {
				t.Errorf("%s, token %.5q: %d %v %s", name, token, w.Code, w.Header(), w.Body)
			}
		}
	}
}
