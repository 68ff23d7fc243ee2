package enforce

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

// Profile is how the access tokens of an issuer differ from RFC 9068. The zero
// value is that they do not.
type Profile struct {
	// Types are the values of the header typ that are accepted beside at+jwt;
	// "" stands for a header without one.
	Types []string

	// Lacks are the claims of sub, client_id, iat and jti that a token may lack.
	// An exp is always needed.
	Lacks []string

	// Claims are claims that a token has to have, with the one value that it has
	// to have: what tells access tokens from the others that the same key
	// signs.
	Claims map[string]string

	// Absent are claims that no access token of the issuer has and an ID token
	// may: a token with one of them is refused.
	Absent []string

	// ClientID are the claims that the client's identifier is read from, the
	// first that is there; empty means client_id.
	ClientID []string
}

// jwtTypes are those of issuers that do not say that a JWT is an access token.
func jwtTypes() []string { return []string{"JWT", ""} }

// idTokenClaims are claims of ID tokens and logout tokens (OpenID Connect Core
// 1.0, Back-Channel Logout 1.0) that access tokens do not have.
func idTokenClaims() []string { return []string{"nonce", "at_hash", "c_hash", "s_hash", "events"} }

// Cognito returns the issuer that an Amazon Cognito user pool is. Its access
// tokens have no aud: list in Clients whose are accepted. They are told from ID
// tokens by token_use.
func Cognito(client *http.Client, region, userPool string) *Issuer {
	name := "https://cognito-idp." + region + ".amazonaws.com/" + userPool
	return &Issuer{
		Name: name, Keys: &RemoteKeySet{URL: name + "/.well-known/jwks.json", Client: client},
		Algorithms: []string{"RS256"},
		Profile:    Profile{Types: jwtTypes(), Claims: map[string]string{"token_use": "access"}, Absent: idTokenClaims()},
	}
}

// Auth0 returns the issuer that an Auth0 tenant is; the domain is like
// example.eu.auth0.com or a custom one. Both of its token profiles are
// accepted: the one of RFC 9068, and its own, whose client is in azp.
func Auth0(client *http.Client, domain string) *Issuer {
	name := "https://" + domain + "/"
	return &Issuer{
		Name: name, Keys: &RemoteKeySet{URL: name + ".well-known/jwks.json", Client: client},
		Algorithms: []string{"RS256", "PS256"},
		Profile: Profile{
			Types: jwtTypes(), Lacks: []string{"jti", "client_id"}, Absent: idTokenClaims(),
			ClientID: []string{"client_id", "azp"},
		},
	}
}

// Keycloak returns the issuer that a Keycloak realm is; the URL is like
// https://sso.example/realms/name. A token without an audience mapper has no
// aud of ours: add the mapper, or list clients in Clients.
func Keycloak(client *http.Client, realm string) *Issuer {
	return &Issuer{
		Name: realm, Keys: &RemoteKeySet{URL: realm + "/protocol/openid-connect/certs", Client: client},
		Profile: Profile{
			Types: jwtTypes(), Lacks: []string{"sub", "client_id", "jti"},
			Claims: map[string]string{"typ": "Bearer"}, Absent: []string{"nonce", "c_hash", "s_hash", "events"},
			ClientID: []string{"client_id", "azp"},
		},
	}
}

// OIDC returns an issuer of which only its identifier is known: its keys are
// found by its metadata (RFC 8414 §3, OpenID Connect Discovery 1.0). Its access
// tokens need an aud, and nothing else but that they are no ID tokens.
func OIDC(client *http.Client, issuer string) *Issuer {
	return &Issuer{
		Name: issuer, Keys: &RemoteKeySet{Issuer: issuer, Client: client},
		Profile: Profile{
			Types: jwtTypes(), Lacks: []string{"sub", "client_id", "iat", "jti"}, Absent: idTokenClaims(),
			ClientID: []string{"client_id", "azp", "cid", "appid"},
		},
	}
}

// takesType says whether tokens of i may have this typ (RFC 9068 §4).
func (i *Issuer) takesType(typ string) bool {
	if jose.TypeIs(typ, accessTokenType) {
		return true
	}
	if i.InsecureUntyped && (typ == "" || jose.TypeIs(typ, "JWT")) {
		return true
	}
	for _, t := range i.Profile.Types {
		if typ == "" && t == "" || typ != "" && t != "" && jose.TypeIs(typ, t) {
			return true
		}
	}
	return false
}

// missing returns the name of a claim that RFC 9068 §2.2 demands, the profile
// does not spare, and t lacks.
func (i *Issuer) missing(t *Token) string {
	if i.InsecureUntyped {
		return ""
	}
	for _, c := range []struct {
		name  string
		there bool
	}{
		{"sub", t.Subject != ""},
		{"client_id", t.ClientID != ""},
		{"iat", t.IssuedAt != 0},
		{"jti", t.ID != ""},
	} {
		if !c.there && !slices.Contains(i.Profile.Lacks, c.name) {
			return c.name
		}
	}
	return ""
}

// check says what of the profile the claims do not have.
func (p *Profile) check(doc strictjson.Value) error {
	for name, want := range p.Claims {
		v, _ := doc.Lookup(name)
		if got, _ := v.Str(); got != want {
			return fmt.Errorf("claim %s is not that of an access token", name)
		}
	}
	for _, name := range p.Absent {
		if _, ok := doc.Lookup(name); ok {
			return fmt.Errorf("claim %s belongs to another kind of token", name)
		}
	}
	return nil
}

// client reads the client's identifier.
func (p *Profile) client(c *claims) string {
	if len(p.ClientID) == 0 {
		return c.text("client_id")
	}
	for _, name := range p.ClientID {
		if id := c.text(name); id != "" {
			return id
		}
	}
	return ""
}

// wellKnown returns where the metadata of an issuer is: inserted before its
// path (RFC 8414 §3), and as OpenID Connect Discovery 1.0 §4 appends it.
func wellKnown(issuer string) ([]string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return nil, fmt.Errorf("the issuer identifier has a query or a fragment")
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	return []string{
		origin + path + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + path,
	}, nil
}
