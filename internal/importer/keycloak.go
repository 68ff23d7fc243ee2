package importer

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage/internal/apply"
)

// keycloakRealm is a realm as Keycloak exports it.
type keycloakRealm struct {
	Clients      []keycloakClient `json:"clients"`
	ClientScopes []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"clientScopes"`
}

type keycloakClient struct {
	ID              string            `json:"clientId"`
	Name            string            `json:"name"`
	Secret          apply.Sensitive   `json:"secret"`
	Enabled         *bool             `json:"enabled"`
	Public          bool              `json:"publicClient"`
	BearerOnly      bool              `json:"bearerOnly"`
	ServiceAccounts bool              `json:"serviceAccountsEnabled"`
	Authenticator   string            `json:"clientAuthenticatorType"`
	DefaultScopes   []string          `json:"defaultClientScopes"`
	OptionalScopes  []string          `json:"optionalClientScopes"`
	Attributes      map[string]string `json:"attributes"`
}

// keycloakOwn are client scopes of every realm, which say what is in a token
// and grant nothing.
var keycloakOwn = []string{
	"acr", "address", "basic", "email", "microprofile-jwt", "offline_access", "organization", "phone", "profile", "role_list", "roles",
	"saml_organization", "service_account", "web-origins",
}

// masked is what a partial export has in the place of a secret.
const masked = "**********"

func readKeycloak(b *builder, data []byte) error {
	return documents(data, func(doc json.RawMessage) error {
		var realm keycloakRealm
		if err := decode(doc, &realm); err != nil {
			return err
		}
		for _, c := range realm.Clients {
			b.keycloakClient(c)
		}
		for _, s := range realm.ClientScopes {
			if rs := b.servers[b.opts.API]; rs != nil {
				if _, asked := rs.Scopes[s.Name]; asked {
					rs.Scopes[s.Name] = oneLine(s.Description)
				}
			}
		}
		return nil
	})
}

func (b *builder) keycloakClient(c keycloakClient) {
	switch {
	case !c.ServiceAccounts || c.Public || c.BearerOnly:
		b.skip(c.ID, c.Name, "it has no service account, and does not use client credentials")
		return
	case c.Authenticator != "" && c.Authenticator != "client-secret":
		b.skip(c.ID, c.Name, "it authenticates by "+c.Authenticator)
		return
	}
	f := found{id: c.ID, name: c.Name, secret: c.Secret, disabled: c.Enabled != nil && !*c.Enabled, scopes: map[string][]string{}}
	if c.Secret == masked {
		f.secret = ""
	}
	if seconds, err := strconv.Atoi(c.Attributes["access.token.lifespan"]); err == nil {
		f.life = time.Duration(seconds) * time.Second
	}
	for _, s := range slices.Concat(c.DefaultScopes, c.OptionalScopes) {
		if !slices.Contains(keycloakOwn, s) {
			f.scopes[""] = append(f.scopes[""], s)
		}
	}
	b.add(f)
}
