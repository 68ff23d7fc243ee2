package consume_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/consume"
)

// RFC 8414 §3; CL-09: the document is where the RFC says, names that very issuer
// and has endpoints that can be trusted.
func TestDiscover(t *testing.T) {
	t.Parallel()
	doc := func(issuer, token string) string {
		return fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q}`, issuer, token)
	}
	const token = "https://auth.example/token"
	for _, tt := range []struct {
		name, issuer, at, doc string // what is served where, with {} for the server's origin
		ok                    bool
	}{
		{"RFC 8414", "{}", "/.well-known/oauth-authorization-server", doc("{}", token), true},
		{"RFC 8414, with a path", "{}/acme", "/.well-known/oauth-authorization-server/acme", doc("{}/acme", token), true},
		{"OpenID", "{}", "/.well-known/openid-configuration", doc("{}", token), true},
		{"OpenID, with a path", "{}/realms/acme/", "/realms/acme/.well-known/openid-configuration", doc("{}/realms/acme/", token), true},
		{"loopback", "{}", "/.well-known/oauth-authorization-server", doc("{}", "{}/token"), true},
		{"of another issuer", "{}", "/.well-known/oauth-authorization-server", doc("https://evil.example", token), false},
		{"with a slash", "{}", "/.well-known/oauth-authorization-server", doc("{}/", token), false},
		{"http endpoint", "{}", "/.well-known/oauth-authorization-server", doc("{}", "http://auth.example/token"), false},
		{"no endpoint", "{}", "/.well-known/oauth-authorization-server", doc("{}", ""), false},
		{"no JSON", "{}", "/.well-known/oauth-authorization-server", "<html>", false},
		{"null", "{}", "/.well-known/oauth-authorization-server", "null", false},
		{"nowhere", "{}", "/elsewhere", doc("{}", token), false},
		{"http issuer", "http://auth.example", "/", "", false},
		{"query in the issuer", "{}/?a=b", "/.well-known/oauth-authorization-server/", doc("{}/?a=b", token), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var srv *httptest.Server
			srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != tt.at {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				fmt.Fprint(w, strings.ReplaceAll(tt.doc, "{}", srv.URL))
			}))
			defer srv.Close()
			m, err := consume.Discover(t.Context(), srv.Client(), strings.ReplaceAll(tt.issuer, "{}", srv.URL))
			if (err == nil) != tt.ok || (m != nil) != tt.ok {
				t.Errorf("got %+v, %v, want ok %v", m, err, tt.ok)
			}
		})
	}
	if _, err := consume.Discover(t.Context(), nil, "https://auth.example"); err == nil {
		t.Error("without a client: no error")
	}
}
