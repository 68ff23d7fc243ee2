package enforce_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

func ExampleVerifier_Inspect() {
	tok, err := exampleVerifier().Inspect(context.Background(), accessToken)
	fmt.Println(tok.ClientID, tok.Confirmation.Bound(), err)
	// Output:
	// nightly-export false <nil>
}

func ExampleVerifier_AuthenticateCall() {
	// A gateway checks a call that it has no *http.Request of.
	call := enforce.Call{
		Method: http.MethodGet, Scheme: "https", Host: "api.example", Path: "/orders",
		Header: http.Header{"Authorization": {"Bearer " + accessToken}},
	}
	tok, err := exampleVerifier().AuthenticateCall(context.Background(), call, "orders.read")
	fmt.Println(tok.ClientID, err)
	_, err = exampleVerifier().AuthenticateCall(context.Background(), call, "orders.write")
	refused, _ := errors.AsType[*oauth.Error](err)
	fmt.Println(refused.Status, refused.Reason)
	// Output:
	// nightly-export <nil>
	// 403 token.scope
}

func ExampleVerifier_Answer() {
	v := exampleVerifier()
	_, err := v.Authenticate(httptest.NewRequest(http.MethodGet, "/orders", nil))
	a := v.Answer(err, "orders.read")
	fmt.Println(a.Status, a.Reason)
	fmt.Println(a.Header.Get("WWW-Authenticate"))
	// Output:
	// 401 token.missing
	// Bearer realm="https://api.example", scope="orders.read"
}

func ExampleVerifier_Refuse() {
	v := exampleVerifier()
	w := httptest.NewRecorder()
	_, err := v.Authenticate(httptest.NewRequest(http.MethodGet, "/orders", nil))
	v.Refuse(w, err, "orders.read")
	fmt.Println(w.Code, w.Body)
	// Output:
	// 401 {"error":"invalid_token","error_description":"the request carries no access token"}
}

func ExampleVerifier_Challenge() {
	v := exampleVerifier()
	_, err := v.Verify(context.Background(), "x")
	fmt.Println(v.Challenge(err))
	// Output:
	// Bearer realm="https://api.example", error="invalid_token", error_description="the access token is malformed"
}

func ExampleVerifier_Middleware() {
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "orders for", enforce.FromContext(r.Context()).ClientID)
	})
	// In chi: router.With(v.Middleware("orders.read")).Get("/orders", orders)
	h := exampleVerifier().Middleware("orders.read")(orders)
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+accessToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output:
	// orders for nightly-export
}

func ExampleVerifier_Watch() {
	v := exampleVerifier()
	v.Ended = func(context.Context, *enforce.Token) (bool, error) { return true, nil } // somebody revokes it
	tok := &enforce.Token{}
	tok.Issuer, tok.Audience, tok.Expires = "https://auth.example", oauth.Audience{"https://api.example"}, exampleNow().Unix()+3600

	ctx, cancel := v.Watch(context.Background(), tok)
	defer cancel()
	<-ctx.Done() // a stream ends here
	why, _ := errors.AsType[*oauth.Error](context.Cause(ctx))
	fmt.Println(why.Reason)
	// Output:
	// token.revoked
}

func ExampleFromContext() {
	ctx := enforce.WithToken(context.Background(), &enforce.Token{Claims: oauth.Claims{ClientID: "nightly-export"}})
	fmt.Println(enforce.FromContext(ctx).ClientID, enforce.FromContext(context.Background()) == nil)
	// Output:
	// nightly-export true
}

func ExampleWithToken() {
	tok, err := exampleVerifier().Verify(context.Background(), accessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := enforce.WithToken(context.Background(), tok) // in the adapter of another framework
	fmt.Println(enforce.FromContext(ctx))
	// Output:
	// access token 019aa62e-7d00-7c3e-9a51-0d6a2f1b44c8 of nightly-export
}

func ExampleTokenCache() {
	v := exampleVerifier()
	v.Cache = &enforce.TokenCache{Size: 50_000}
	for range 3 { // the signature is verified once
		if _, err := v.Verify(context.Background(), accessToken); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(v.Cache.Len())
	// Output:
	// 1
}

func ExampleIntrospector() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"active":true,"client_id":"nightly-export","scope":"orders.read","aud":"https://api.example","exp":%d}`,
			exampleNow().Unix()+3600)
	}))
	defer issuer.Close()
	v := exampleVerifier()
	v.Issuers = &enforce.Issuer{Name: "https://auth.example", Introspector: &enforce.Introspector{
		URL: issuer.URL, Client: &http.Client{Timeout: 10 * time.Second}, ClientID: "orders-api",
		Secret: func(context.Context) (string, error) { return "secret of the API", nil },
	}}
	tok, err := v.Verify(context.Background(), "an-opaque-token")
	fmt.Println(tok.ClientID, tok.Scope, tok.Opaque(), err)
	// Output:
	// nightly-export orders.read true <nil>
}

func ExampleFeed() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: 1\nevent: revocations\n"+
			`data: {"complete":true,"items":[{"client_id":"nightly-export"}],"cursor":"1"}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer issuer.Close()
	feed := &enforce.Feed{
		Issuer: "https://auth.example", URL: issuer.URL, Client: &http.Client{},
		Token: func(context.Context) (string, error) { return "a token with mintage/revocations:read", nil },
	}
	ctx, cancel := context.WithCancel(context.Background())
	changed, ended := feed.Changed(), make(chan struct{})
	go func() {
		defer close(ended)
		_ = feed.Run(ctx) // it returns when ctx ends
	}()
	<-changed

	v := exampleVerifier()
	keys, err := enforce.ParseKeySet([]byte(jwks))
	if err != nil {
		panic(err)
	}
	v.Issuers = &enforce.Issuer{Name: "https://auth.example", Keys: keys, Revocations: feed}
	_, err = v.Verify(context.Background(), accessToken)
	refused, _ := errors.AsType[*oauth.Error](err)
	fmt.Println(refused.Reason)
	cancel()
	<-ended
	// Output:
	// token.revoked
}

func ExampleDPoP() {
	v := exampleVerifier()
	v.DPoP, v.Origin = &enforce.DPoP{}, "https://api.example"
	_, err := v.Authenticate(httptest.NewRequest(http.MethodGet, "/orders", nil))
	for _, challenge := range v.Answer(err).Header["Www-Authenticate"] {
		fmt.Println(challenge)
	}
	// Output:
	// Bearer realm="https://api.example"
	// DPoP realm="https://api.example", algs="ES256 RS256 PS256 EdDSA"
}

func ExampleDPoP_Nonce() {
	d := &enforce.DPoP{Nonces: true}
	fmt.Println(len(d.Nonce(time.Now())))
	// Output:
	// 43
}

func ExampleResourceMetadata() {
	m := &enforce.ResourceMetadata{Resource: "https://api.example/v1", AuthorizationServers: []string{"https://auth.example"}}
	mux := http.NewServeMux()
	mux.Handle(m.Path(), m)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, m.Path(), nil))
	fmt.Println(m.URL())
	fmt.Print(w.Body)
	// Output:
	// https://api.example/.well-known/oauth-protected-resource/v1
	// {"resource":"https://api.example/v1","authorization_servers":["https://auth.example"],"bearer_methods_supported":["header"]}
}

func ExampleCognito() {
	issuer := enforce.Cognito(&http.Client{Timeout: 10 * time.Second}, "eu-central-1", "eu-central-1_AbCdEf")
	issuer.Clients = []string{"1h57kf5cpq17m0eml12example"} // whose tokens are accepted: they have no aud
	fmt.Println(issuer.Name)
	// Output:
	// https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf
}

func ExampleAuth0() {
	fmt.Println(enforce.Auth0(&http.Client{Timeout: 10 * time.Second}, "example.eu.auth0.com").Name)
	// Output:
	// https://example.eu.auth0.com/
}

func ExampleKeycloak() {
	fmt.Println(enforce.Keycloak(&http.Client{Timeout: 10 * time.Second}, "https://sso.example/realms/main").Profile.Claims)
	// Output:
	// map[typ:Bearer]
}

func ExampleOIDC() {
	issuer := enforce.OIDC(&http.Client{Timeout: 10 * time.Second}, "https://login.example")
	issuer.Algorithms = []string{"RS256"}
	fmt.Println(issuer.Name)
	// Output:
	// https://login.example
}

func ExampleForwardedCertificate() {
	v := exampleVerifier()
	v.Certificate = enforce.ForwardedCertificate(netip.MustParsePrefix("10.0.0.0/24"))
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.RemoteAddr = "203.0.113.9:40000" // not the proxy: its header is not looked at
	r.Header.Set("Client-Cert", ":AAAA:")
	cert, err := v.Certificate(r)
	fmt.Println(cert, err)
	// Output:
	// <nil> <nil>
}

func ExampleParseClientCert() {
	_, err := enforce.ParseClientCert([]string{":AAAA:", ":AAAA:"})
	fmt.Println(err)
	// Output:
	// client certificate: the header is repeated
}

func ExampleCertificateThumbprint() {
	fmt.Println(enforce.CertificateThumbprint(&x509.Certificate{Raw: []byte("the DER form")}))
	// Output:
	// auH1gsV8KiZeF3-sfBiLSZ9i-XvALnQCzSfGlFrW35w
}

func ExampleDefaultAlgorithms() {
	fmt.Println(enforce.DefaultAlgorithms())
	// Output:
	// [ES256 RS256 PS256 EdDSA]
}

func ExampleParseKeySet() {
	keys, err := enforce.ParseKeySet([]byte(jwks))
	fmt.Println(keys, err)
	// Output:
	// [ES256 key "2026-11"] <nil>
}
