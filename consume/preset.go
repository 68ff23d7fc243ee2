package consume

import (
	"fmt"
	"slices"
	"strings"
)

// Preset is how one vendor's token endpoint is asked. It is data: nothing else
// about a vendor is known anywhere.
type Preset struct {
	Vendor string // its name in files, such as cognito

	// Base is where the vendor's server is; empty where each customer has one.
	Base string
	// Path is the token endpoint's, below Base.
	Path string

	Auth  Auth
	Scope []string // what is asked for where nothing else is said

	// Needs are fields of ClientCredentials without which the vendor refuses:
	// Scope or Audience.
	Needs []string
}

// presets are those there are.
var presets = []Preset{
	// Cognito's tokens are JWTs of an hour without an audience, for all scopes of
	// the client.
	{Vendor: "cognito", Path: "/oauth2/token", Auth: Basic},
	// Auth0's are JWTs of a day for one audience.
	{Vendor: "auth0", Path: "/oauth/token", Auth: JSON, Needs: []string{"Audience"}},
	// MyParcel's are JWTs of a day. Seed of the dialect of the same name.
	{Vendor: "myparcel", Base: "https://auth.myparcel.com", Path: "/access-token", Auth: JSON, Scope: []string{"*"}},
	{Vendor: "myparcel-sandbox", Base: "https://auth.sandbox.myparcel.com", Path: "/access-token", Auth: JSON, Scope: []string{"*"}},
	// SessionM's are opaque, for two weeks, and it reads the query alone.
	{Vendor: "sessionm", Path: "/oauth/token", Auth: Query},
	// Keycloak's Base is a realm: https://sso.example/realms/acme.
	{Vendor: "keycloak", Path: "/protocol/openid-connect/token", Auth: Basic},
	// Entra's Base is a tenant: https://login.microsoftonline.com/acme.example. Its
	// scope is that of an API: api://orders/.default.
	{Vendor: "entra", Path: "/oauth2/v2.0/token", Auth: Post, Needs: []string{"Scope"}},
}

// Presets returns those there are.
func Presets() []Preset { return slices.Clone(presets) }

// PresetOf returns a vendor's.
func PresetOf(vendor string) (Preset, error) {
	i := slices.IndexFunc(presets, func(p Preset) bool { return p.Vendor == vendor })
	if i < 0 {
		names := make([]string, len(presets))
		for i, p := range presets {
			names[i] = p.Vendor
		}
		return Preset{}, fmt.Errorf("there is no preset %q: the presets are %s", vendor, strings.Join(names, ", "))
	}
	return presets[i], nil
}

// preset returns a vendor's with a base.
func preset(vendor, base string) Preset {
	p, err := PresetOf(vendor)
	if err != nil {
		panic(err) // the names below are in the table
	}
	return p.At(base)
}

// Cognito returns the preset of AWS Cognito. The base is the user pool's domain,
// such as https://acme.auth.eu-central-1.amazoncognito.com.
func Cognito(base string) Preset { return preset("cognito", base) }

// Auth0 returns the preset of Auth0, which needs one Audience. The base is the
// tenant's domain, such as https://acme.eu.auth0.com.
func Auth0(base string) Preset { return preset("auth0", base) }

// MyParcel returns the preset of MyParcel.com.
func MyParcel() Preset { return preset("myparcel", "") }

// MyParcelSandbox returns the preset of MyParcel.com's sandbox.
func MyParcelSandbox() Preset { return preset("myparcel-sandbox", "") }

// SessionM returns the preset of SessionM. The base is the identity service's
// URL.
func SessionM(base string) Preset { return preset("sessionm", base) }

// Keycloak returns the preset of Keycloak. The base is the realm's URL, such as
// https://sso.example/realms/acme.
func Keycloak(base string) Preset { return preset("keycloak", base) }

// Entra returns the preset of Microsoft Entra, which needs the Scope of an API,
// such as api://orders/.default. The base is the tenant's URL, such as
// https://login.microsoftonline.com/acme.example. For a client with a certificate
// set Auth to PrivateKeyJWT, Issuer to the TokenURL, and Key to one with the
// Certificate.
func Entra(base string) Preset { return preset("entra", base) }

// At returns p at another base, or p itself where base is empty.
func (p Preset) At(base string) Preset {
	if base != "" {
		p.Base = strings.TrimSuffix(base, "/")
	}
	return p
}

// Client returns a new ClientCredentials of p. What is not in it yet, such as the
// HTTPClient, is the caller's to fill in.
func (p Preset) Client(id string, secret Secret) *ClientCredentials {
	return &ClientCredentials{
		TokenURL: p.Base + p.Path, ClientID: id, Secret: secret, Auth: p.Auth, Scope: slices.Clone(p.Scope), preset: p,
	}
}

// lacks says what a vendor needs and c has not.
func (p Preset) lacks(c *ClientCredentials) error {
	if p.Vendor != "" && p.Base == "" && c.TokenURL == p.Path {
		return fmt.Errorf("%s needs the base URL of the customer's server", p.Vendor)
	}
	for field, there := range map[string]bool{"Scope": len(c.Scope) > 0, "Audience": len(c.Audience) > 0} {
		if slices.Contains(p.Needs, field) && !there {
			return fmt.Errorf("%s gives no token without %s", p.Vendor, field)
		}
	}
	return nil
}
