package enforce_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/jose"
)

// profiled is a token that a vendor's server makes, with changes.
func profiled(s *signer, base, change map[string]any) string {
	claims := map[string]any{"iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix()}
	maps.Copy(claims, base)
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return s.raw(string(b))
}

// JW-14, RS-08, RS-10: the tokens of other vendors in their documented shape,
// and what the same keys sign that is none.
func TestProfiles(t *testing.T) {
	t.Parallel()
	client := &http.Client{}
	cognito := enforce.Cognito(client, "eu-central-1", "eu-central-1_AbCdEf")
	cognito.Clients = []string{"1h57kf5cpq17m0eml12EXAMPLE"}
	pool := map[string]any{
		"sub": "1h57kf5cpq17m0eml12EXAMPLE", "token_use": "access", "scope": "orders/read", "auth_time": noon.Unix(), "iss": cognito.Name,
		"version": 2, "jti": "7e6b3d0e", "client_id": "1h57kf5cpq17m0eml12EXAMPLE",
	}
	auth0 := enforce.Auth0(client, "example.eu.auth0.com")
	own := map[string]any{
		"iss": "https://example.eu.auth0.com/", "sub": "abc@clients", "aud": audience, "azp": "abc", "gty": "client-credentials", "scope": "orders/read",
	}
	keycloak := enforce.Keycloak(client, "https://sso.example/realms/main")
	keycloak.Clients = []string{"batch"}
	realm := map[string]any{
		"iss": "https://sso.example/realms/main", "aud": []string{"account", audience}, "sub": "f3b0", "typ": "Bearer", "azp": "batch",
		"jti": "trrtcc:1", "scope": "orders/read", "realm_access": map[string]any{"roles": []string{"x"}}, "clientHost": "192.0.2.1",
	}
	oidc := enforce.OIDC(client, "https://login.example")
	plain := map[string]any{"iss": "https://login.example", "aud": audience, "sub": "abc", "scope": "orders/read"}
	for _, tt := range []struct {
		name   string
		issuer *enforce.Issuer
		typ    string
		base   map[string]any
		change map[string]any
		want   string
		client string
	}{
		{"cognito", cognito, "", pool, nil, "", "1h57kf5cpq17m0eml12EXAMPLE"},
		{"cognito of another client", cognito, "", pool, map[string]any{"client_id": "other"}, "token.audience", ""},
		{"cognito without client_id", cognito, "", pool, map[string]any{"client_id": nil}, "token.malformed", ""},
		{"cognito ID token", cognito, "", pool, map[string]any{"token_use": "id", "aud": "1h57kf5cpq17m0eml12EXAMPLE", "client_id": nil}, "token.malformed", ""},
		{"cognito without token_use", cognito, "", pool, map[string]any{"token_use": nil}, "token.malformed", ""},
		{"cognito with an aud of another", cognito, "", pool, map[string]any{"aud": "https://other.example"}, "token.audience", ""},
		{"cognito of another pool", cognito, "", pool, map[string]any{"iss": cognito.Name + "x"}, "token.issuer", ""},
		{"cognito, type of a proof", cognito, "dpop+jwt", pool, nil, "token.malformed", ""},

		{"auth0", auth0, "JWT", own, nil, "", "abc"},
		{"auth0 as RFC 9068", auth0, "at+jwt", own, map[string]any{"azp": nil, "client_id": "abc", "jti": "x"}, "", "abc"},
		{"auth0 for another API", auth0, "JWT", own, map[string]any{"aud": "https://other.example"}, "token.audience", ""},
		{"auth0 without aud", auth0, "JWT", own, map[string]any{"aud": nil}, "token.audience", ""},
		{"auth0 ID token", auth0, "JWT", own, map[string]any{"nonce": "x"}, "token.malformed", ""},
		{"auth0 without slash", auth0, "JWT", own, map[string]any{"iss": "https://example.eu.auth0.com"}, "token.issuer", ""},

		{"keycloak", keycloak, "JWT", realm, nil, "", "batch"},
		{"keycloak without sub", keycloak, "JWT", realm, map[string]any{"sub": nil}, "", "batch"},
		{"keycloak without aud", keycloak, "JWT", realm, map[string]any{"aud": nil}, "", "batch"},
		{"keycloak without aud, another client", keycloak, "JWT", realm, map[string]any{"aud": nil, "azp": "x"}, "token.audience", ""},
		{"keycloak for account alone", keycloak, "JWT", realm, map[string]any{"aud": "account"}, "token.audience", ""},
		{"keycloak ID token", keycloak, "JWT", realm, map[string]any{"typ": "ID"}, "token.malformed", ""},
		{"keycloak refresh token", keycloak, "JWT", realm, map[string]any{"typ": "Refresh"}, "token.malformed", ""},
		{"keycloak logout token", keycloak, "logout+jwt", realm, nil, "token.malformed", ""},

		{"oidc", oidc, "JWT", plain, nil, "", ""},
		{"oidc without type", oidc, "", plain, map[string]any{"azp": "abc"}, "", "abc"},
		{"oidc of Entra", oidc, "JWT", plain, map[string]any{"appid": "abc"}, "", "abc"},
		{"oidc without exp", oidc, "JWT", plain, map[string]any{"exp": nil}, "token.malformed", ""},
		{"oidc without aud", oidc, "JWT", plain, map[string]any{"aud": nil}, "token.audience", ""},
		{"oidc ID token", oidc, "JWT", plain, map[string]any{"at_hash": "x"}, "token.malformed", ""},
		{"oidc logout token", oidc, "JWT", plain, map[string]any{"events": map[string]any{}}, "token.malformed", ""},
		{"oidc, type of an introspection", oidc, "token-introspection+jwt", plain, nil, "token.malformed", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSigner(t, jose.RS256, "k1", tt.typ)
			issuer := *tt.issuer
			issuer.Keys = enforce.StaticKeySet{s.key()}
			v := &enforce.Verifier{Issuers: &issuer, Audience: audience, Now: func() time.Time { return noon }}
			tok, err := v.Verify(t.Context(), profiled(s, tt.base, tt.change))
			if got := reason(t, err); got != tt.want {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err == nil && (tok.ClientID != tt.client || !tok.Scope.Has("orders/read")) {
				t.Errorf("got client %q and scope %q", tok.ClientID, tok.Scope)
			}
		})
	}
	for _, i := range []*enforce.Issuer{cognito, auth0} { // a key of another algorithm than the vendor's
		s := newSigner(t, jose.ES256, "k1", "JWT")
		issuer := *i
		issuer.Keys = enforce.StaticKeySet{s.key()}
		v := &enforce.Verifier{Issuers: &issuer, Audience: audience, Now: func() time.Time { return noon }}
		base := map[string]any{"iss": issuer.Name, "sub": "a", "client_id": "a", "jti": "j", "token_use": "access", "aud": audience}
		if _, err := v.Verify(t.Context(), profiled(s, base, nil)); reason(t, err) != "token.signature" {
			t.Errorf("%s: got %v", issuer.Name, err)
		}
	}
}
