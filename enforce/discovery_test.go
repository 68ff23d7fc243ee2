package enforce_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// MD-01, MD-02, CL-09: keys are found by the metadata of exactly this issuer.
func TestRemoteDiscovery(t *testing.T) {
	t.Parallel()
	body := keySet(newSigner(t, jose.ES256, "k1", ""))
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doc := func(issuer, jwks string) { fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"x":[]}`, issuer, jwks) }
		switch r.URL.Path {
		case "/jwks":
			_, _ = w.Write(body)
		case "/oidc/.well-known/openid-configuration":
			doc(srv.URL+"/oidc", srv.URL+"/jwks")
		case "/.well-known/oauth-authorization-server/oauth":
			doc(srv.URL+"/oauth", srv.URL+"/jwks")
		case "/.well-known/openid-configuration":
			doc(srv.URL+"/", srv.URL+"/jwks")
		case "/liar/.well-known/openid-configuration":
			doc("https://other.example", srv.URL+"/jwks")
		case "/slash/.well-known/openid-configuration":
			doc(srv.URL+"/slash/", srv.URL+"/jwks")
		case "/none/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q}`, srv.URL+"/none")
		case "/clear/.well-known/openid-configuration":
			doc(srv.URL+"/clear", "http://192.0.2.1/jwks")
		case "/twice/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"issuer":%q,"jwks_uri":%q}`, srv.URL+"/twice", srv.URL+"/twice", srv.URL+"/jwks")
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	for path, want := range map[string]string{
		"/oidc": "there", "/oauth": "there", "/": "there",
		"/liar": "away", "/slash": "away", "/none": "away", "/clear": "away", "/twice": "away", "/nothing": "away", "/oidc?x": "away",
	} {
		s := &enforce.RemoteKeySet{Issuer: srv.URL + path, Client: srv.Client()}
		if got := has(t, s, "k1"); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
		s.Close()
	}
}
