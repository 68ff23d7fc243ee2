package enforce_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

// jwks is what the issuer publishes, and accessToken what it gave a client. The
// token was issued at exampleNow.
const (
	jwks = `{"keys":[{"kty":"EC","kid":"2026-11","use":"sig","alg":"ES256","crv":"P-256",` +
		`"x":"vmI0W-TXdYWTaH60qwIRvEd0Bi6btTIOPQaTYsg2aG8","y":"GdJyeumZzNp7mv85KuhspFbPALqUI_PA38EBFqnv240"}]}`
	accessToken = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjIwMjYtMTEiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZ" +
		"SIsInN1YiI6Im5pZ2h0bHktZXhwb3J0IiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZSIsImNsaWVudF9pZCI6Im5pZ2h0bHktZ" +
		"Xhwb3J0Iiwic2NvcGUiOiJvcmRlcnMucmVhZCIsImlhdCI6MTc5NTI2MjQwMCwiZXhwIjoxNzk1MjY2MDAwLCJqdGkiOiIwMTlhY" +
		"TYyZS03ZDAwLTdjM2UtOWE1MS0wZDZhMmYxYjQ0YzgifQ.mYujWnz5ijLXEGELge8kVAA23ksFbza0Yi1hj5CIBe_XareoO1G0rH" +
		"DQggbekKZerEh_osG-uDUKOYhF1Xhu8A"
)

func exampleNow() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// exampleVerifier stands in front of https://api.example.
func exampleVerifier() *enforce.Verifier {
	keys, err := enforce.ParseKeySet([]byte(jwks))
	if err != nil {
		panic(err)
	}
	return &enforce.Verifier{
		Issuers:  &enforce.Issuer{Name: "https://auth.example", Keys: keys},
		Audience: "https://api.example",
		Now:      exampleNow, // leave it out to use the real time
	}
}

func ExampleVerifier_Verify() {
	tok, err := exampleVerifier().Verify(context.Background(), accessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tok.ClientID, "may", tok.Scope)

	_, err = exampleVerifier().Verify(context.Background(), accessToken+"x")
	refused, _ := errors.AsType[*oauth.Error](err)
	fmt.Println(refused.Code, refused.Reason)
	// Output:
	// nightly-export may orders.read
	// invalid_token token.malformed
}

func ExampleVerifier_Validate() {
	v := &enforce.Verifier{Issuers: enforce.Issuers{}}
	fmt.Println(v.Validate())
	// Output:
	// enforce: the Verifier has no Audience
}

func ExampleVerifier_Require() {
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "orders for", enforce.FromContext(r.Context()).ClientID)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", exampleVerifier().Require(orders, "orders.read"))
	mux.Handle("POST /orders", exampleVerifier().Require(orders, "orders.write"))

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := httptest.NewRequest(method, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+accessToken)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(method, w.Code)
		fmt.Println(w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// GET 200
	//
	// POST 403
	// Bearer realm="https://api.example", error="insufficient_scope", error_description="the request needs the scope orders.write", scope="orders.write"
}

func ExampleVerifier_Authenticate() {
	v := exampleVerifier()
	handler := func(w http.ResponseWriter, r *http.Request) {
		tok, err := v.Authenticate(r, "orders.read")
		if err != nil { // answer it in your own way
			w.Header().Set("WWW-Authenticate", v.Challenge(err, "orders.read"))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintln(w, "orders for", tok.ClientID)
	}
	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 Bearer realm="https://api.example", scope="orders.read"
}

func ExampleRemoteKeySet() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, jwks)
	}))
	defer issuer.Close()

	keys := &enforce.RemoteKeySet{URL: issuer.URL, Client: &http.Client{Timeout: 10 * time.Second}}
	defer keys.Close()
	key, err := keys.Key(context.Background(), "2026-11")
	fmt.Println(key, err)
	_, err = keys.Key(context.Background(), "2031-01")
	fmt.Println(errors.Is(err, enforce.ErrUnknownKey))
	// Output:
	// ES256 key "2026-11" <nil>
	// true
}

func ExampleNewKey() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := enforce.NewKey(private.Public(), "dev", "ES256")
	if err != nil {
		panic(err)
	}
	set := enforce.StaticKeySet{key}
	found, err := set.Key(context.Background(), "dev")
	fmt.Println(found.ID(), found.Algorithm(), err)
	// Output:
	// dev ES256 <nil>
}

func ExampleParseKey() {
	_, err := enforce.ParseKey([]byte(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`))
	fmt.Println(err)
	// Output:
	// invalid key: x or y has the wrong length
}

func ExampleIssuers() {
	trusted := enforce.Issuers{
		{Name: "https://auth.example", Keys: enforce.StaticKeySet{}},
		{Name: "https://partner.example", Keys: enforce.StaticKeySet{}, Algorithms: []string{"RS256"}},
	}
	issuer, err := trusted.Issuer(context.Background(), "https://partner.example")
	fmt.Println(issuer.Algorithms, err)
	_, err = trusted.Issuer(context.Background(), "https://partner.example/")
	fmt.Println(errors.Is(err, enforce.ErrUnknownIssuer))
	// Output:
	// [RS256] <nil>
	// true
}
