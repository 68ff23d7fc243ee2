package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
	"github.com/mintage-auth/mintage/internal/jose"
)

// TestForeignIssuers: tokens as Cognito, Auth0, Keycloak and any OpenID provider
// make them pass a gateway with the profile of the issuer, whose keys are found
// by its metadata; the other tokens that it signs do not, nor does any of them
// where the profile was left out.
func TestForeignIssuers(t *testing.T) {
	t.Parallel()
	key, err := jose.GenerateKey(jose.RS256)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jose.NewSigner(key, jose.RS256, "foreign", jose.HeaderForm{{Name: "kid"}, {Name: "alg"}, {Name: "typ", Value: "JWT"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		profile string
		clients []string
		good    map[string]any            // beside iss, sub, exp and iat
		wrong   map[string]map[string]any // by the reason: what changes
	}{
		{
			profile: "cognito", clients: []string{"app-1"},
			good: map[string]any{"token_use": "access", "client_id": "app-1", "scope": "api/read", "version": 2, "jti": "j", "auth_time": 1},
			wrong: map[string]map[string]any{
				"token.malformed": {"token_use": "id", "aud": "app-1"},
				"token.audience":  {"client_id": "app-2"},
				"token.scope":     {"scope": "api/write"},
			},
		},
		{
			profile: "auth0",
			good:    map[string]any{"aud": []string{audience, "https://userinfo"}, "azp": "app-1", "scope": "api/read", "gty": "client-credentials"},
			wrong:   map[string]map[string]any{"token.audience": {"aud": "app-1"}, "token.malformed": {"nonce": "n"}},
		},
		{
			profile: "keycloak",
			good:    map[string]any{"aud": audience, "typ": "Bearer", "azp": "app-1", "scope": "api/read", "jti": "j", "acr": "1"},
			wrong:   map[string]map[string]any{"token.audience": {"aud": "account"}, "token.malformed": {"typ": "ID"}},
		},
		{
			profile: "oidc",
			good:    map[string]any{"aud": audience, "cid": "app-1", "scope": "api/read"},
			wrong:   map[string]map[string]any{"token.audience": {"aud": "app-1"}, "token.malformed": {"at_hash": "h"}},
		},
	} {
		t.Run(tt.profile, func(t *testing.T) {
			t.Parallel()
			is, b := newIssuer(t), newBackend(t, nil)
			is.serve = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch r.URL.Path {
				case "/.well-known/openid-configuration":
					_ = json.NewEncoder(w).Encode(map[string]any{"issuer": is.URL, "jwks_uri": is.URL + "/keys"})
				case "/keys":
					_, _ = w.Write(jose.AppendKeySet(nil, []*jose.Key{plain.Key()}))
				default:
					http.NotFound(w, r)
				}
			}
			token := func(change map[string]any) string {
				now := time.Now().Unix()
				claims := map[string]any{"iss": is.URL, "sub": "app-1", "iat": now, "exp": now + 600}
				for _, more := range []map[string]any{tt.good, change} {
					maps.Copy(claims, more)
				}
				payload, err := json.Marshal(claims)
				if err != nil {
					t.Fatal(err)
				}
				tok, err := plain.AppendSign(nil, payload)
				if err != nil {
					t.Fatal(err)
				}
				return string(tok)
			}
			config := func(profile string) *gateway.Config {
				c := is.config(&gateway.Route{Name: "a", Paths: []string{"/a"}, Scopes: []string{"api/read"}, Upstream: b.URL})
				c.Issuers = []gateway.Issuer{{Name: is.URL, Profile: profile}}
				if profile == "cognito" {
					c.Issuers[0].ClientIDs = tt.clients
				}
				return c
			}
			g := newGateway(t, config(tt.profile), gateway.Deps{})
			srv := front(t, g)
			if res, body := call(t, "GET", srv.URL+"/a", token(nil), "", nil); res.StatusCode != 200 {
				t.Errorf("got %d %s", res.StatusCode, body)
			}
			if req, _ := b.last(); req.Header.Get("X-Client-Id") != "app-1" || req.Header.Get("X-Token-Issuer") != is.URL {
				t.Errorf("the backend got %v", req.Header)
			}
			ask := func(g *gateway.Gateway, token string) string {
				return g.Decide(t.Context(), gateway.Call{Method: "GET", Host: "x", Path: "/a", Header: bearer(token)}).Reason
			}
			for want, change := range tt.wrong {
				if got := ask(g, token(change)); got != want {
					t.Errorf("%v: got %s, want %s", change, got, want)
				}
			}
			if got := ask(newGateway(t, config(""), gateway.Deps{}), token(nil)); got != "token.malformed" {
				t.Errorf("without the profile: got %s", got)
			}
		})
	}
}
