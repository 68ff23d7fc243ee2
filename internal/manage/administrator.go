package manage

import (
	"context"
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// administers reports whether c can administer the whole server now: a client
// of the built-in tenant that may do everything and has a secret that is live.
func (m *Manager) administers(c *mintage.Client) bool {
	if c.Tenant != mintage.BuiltInTenant || c.Disabled || !slices.Contains(c.GrantTypes, oauth.ClientCredentials) ||
		live(c.Secrets, m.now()) == 0 {
		return false
	}
	return slices.ContainsFunc(c.Grants, func(g mintage.Grant) bool {
		return g.ResourceServer == mintage.AdminResource && len(AdminScope().Without(adminGrant(g))) == 0
	})
}

// keepAdmin refuses a change, from old to fresh or to nothing, after which
// nobody could administer the server any more.
func (m *Manager) keepAdmin(ctx context.Context, tx store.Tx, old, fresh *mintage.Client) error {
	if !m.administers(old) || fresh != nil && m.administers(fresh) {
		return nil
	}
	others := false
	err := eachClient(ctx, tx, mintage.BuiltInTenant, func(c *mintage.Client) {
		others = others || c.ID != old.ID && m.administers(c)
	})
	if err != nil || others {
		return err
	}
	return &Refusal{
		Reason:  "admin.last",
		Message: "nobody could administer the whole server after the change, nor take it back",
	}
}

// RecoverAdministrator makes another client that may do everything, for when
// the credentials of the others are lost or do not work any more. Keep is
// called in the transaction, as Bootstrap does. It is mintage.ErrNotFound when
// the server was never set up.
func (m *Manager) RecoverAdministrator(ctx context.Context, keep func(url string, made *Credentials) error) error {
	t, err := m.Store.Tenant(ctx, mintage.BuiltInTenant)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", mintage.BuiltInTenant, err)
	}
	made, err := m.newAdministrator(t, "Recovered administrator")
	if err != nil {
		return err
	}
	err = m.update(ctx, func(tx store.Tx) error {
		if err := m.createClient(ctx, tx, Server(), made.Client); err != nil {
			return err
		}
		return keep(t.Issuer, made)
	})
	if err != nil {
		return fmt.Errorf("recover the administrator: %w", err)
	}
	return nil
}

// newAdministrator returns a client that may do everything, and its secret. It
// writes nothing.
func (m *Manager) newAdministrator(t *mintage.Tenant, name string) (*Credentials, error) {
	now := m.now()
	c := &mintage.Client{
		Tenant: t.ID, ID: secret.NewClientID(), Name: name,
		GrantTypes:   []oauth.GrantType{oauth.ClientCredentials},
		DefaultScope: mintage.DefaultScope{Mode: mintage.DefaultScopeAll},
		Grants:       []mintage.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{mintage.AllScopes}}},
		Meta:         mintage.Meta{Version: 1, Created: now, Updated: now},
	}
	label, plain, err := m.drawSecret(Server(), t, c, NewSecret{Name: "first", Forever: true})
	if err != nil {
		return nil, err
	}
	c.Secrets = []mintage.Secret{*label}
	return &Credentials{Client: c, Label: *label, Secret: plain}, nil
}
