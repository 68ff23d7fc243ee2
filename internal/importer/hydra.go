package importer

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/secret"
)

// hydraClient is a client of Ory Hydra's admin API, or a row of its table
// hydra_client as JSON, which has the hash of the secret.
type hydraClient struct {
	Items []json.RawMessage `json:"items"` // of a list of the command line

	ID         string          `json:"client_id"`
	Name       string          `json:"client_name"`
	Secret     apply.Sensitive `json:"client_secret"`
	Scope      string          `json:"scope"`
	GrantTypes []string        `json:"grant_types"`
	Audience   []string        `json:"audience"`
	AuthMethod string          `json:"token_endpoint_auth_method"`
	Life       string          `json:"client_credentials_grant_access_token_lifespan"`
}

func readHydra(b *builder, data []byte) error {
	return documents(data, b.hydraDocument)
}

func (b *builder) hydraDocument(doc json.RawMessage) error {
	var c hydraClient
	if err := decode(doc, &c); err != nil {
		return err
	}
	for _, item := range c.Items {
		if err := b.hydraDocument(item); err != nil {
			return err
		}
	}
	switch {
	case c.ID == "":
	case !slices.Contains(c.GrantTypes, "client_credentials"):
		b.skip(c.ID, c.Name, "it does not use client credentials")
	case c.AuthMethod != "" && !strings.HasPrefix(c.AuthMethod, "client_secret_") || c.AuthMethod == "client_secret_jwt":
		b.skip(c.ID, c.Name, "it authenticates by "+c.AuthMethod)
	default:
		b.add(c.found())
	}
	return nil
}

func (c *hydraClient) found() found {
	f := found{id: c.ID, name: c.Name, secret: c.Secret, scopes: map[string][]string{}}
	f.hashed = secret.CheckImported(c.Secret.Reveal()) == nil
	f.life, _ = time.ParseDuration(c.Life) // null and nothing mean the server's own
	scopes := strings.Fields(c.Scope)
	for _, audience := range c.Audience {
		f.scopes[audience] = scopes
	}
	if len(c.Audience) == 0 && len(scopes) > 0 {
		f.scopes[""] = scopes
	}
	return f
}
