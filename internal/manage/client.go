package manage

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// Credentials are a client and the secret that was just made for it. The
// secret is in no other place.
type Credentials struct {
	Client *mintage.Client
	Label  mintage.Secret // what is kept of the secret
	Secret string
}

// String hides the secret.
func (c *Credentials) String() string { return "client " + c.Client.ID + ", secret " + c.Label.Name }

// CreateClient makes a client and its first secret, which it has none of where no
// method of its takes one. The identifier is drawn
// here: a caller-chosen one could look like another client's (RFC 9700
// §4.15.1), so only declared state brings its own. Nil GrantTypes are
// client_credentials, and a client with grants at one resource server that
// says nothing of its default scope gets all.
func (m *Manager) CreateClient(ctx context.Context, by By, c *mintage.Client, s NewSecret) (*Credentials, error) {
	if c.ID != "" {
		return nil, &mintage.FieldError{Pointer: "/client_id", Message: "the server chooses the identifier; only declared state brings its own"}
	}
	now := m.now()
	fresh := cloneClient(c)
	fresh.ID = secret.NewClientID()
	fresh.Meta = mintage.Meta{ManagedBy: c.ManagedBy, Version: 1, Created: now, Updated: now}
	fresh.Secrets = nil
	if fresh.GrantTypes == nil {
		fresh.GrantTypes = []oauth.GrantType{oauth.ClientCredentials}
	}
	if fresh.DefaultScope.Mode == mintage.DefaultScopeUnset && len(fresh.Grants) == 1 {
		fresh.DefaultScope.Mode = mintage.DefaultScopeAll
	}
	if err := by.confineNew(fresh); err != nil {
		return nil, err
	}
	made, err := m.firstSecret(ctx, by, fresh, s)
	if err != nil {
		return nil, err
	}
	err = m.update(ctx, func(tx store.Tx) error {
		if err := m.createClient(ctx, tx, by, fresh); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, made)
	})
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", fresh.Name, err)
	}
	m.ensureKeyOf(ctx, by, fresh)
	return made, nil
}

// firstSecret gives a new client its first secret, unless it authenticates by
// none.
func (m *Manager) firstSecret(ctx context.Context, by By, c *mintage.Client, s NewSecret) (*Credentials, error) {
	t, err := m.Store.Tenant(ctx, c.Tenant)
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", c.Tenant, err)
	}
	if !c.AuthenticatesBySecret() {
		if s != (NewSecret{}) {
			return nil, &mintage.FieldError{Pointer: "/secret", Message: noSecrets}
		}
		return &Credentials{Client: c}, nil
	}
	label, plain, err := m.drawSecret(by, t, c, s)
	if err != nil {
		return nil, mintage.Under("/secret", err)
	}
	c.Secrets = []mintage.Secret{*label}
	return &Credentials{Client: c, Label: *label, Secret: plain}, nil
}

// createClient writes a client as it is.
func (m *Manager) createClient(ctx context.Context, tx store.Tx, by By, c *mintage.Client) error {
	if err := m.checkClient(ctx, tx, c); err != nil {
		return err
	}
	if err := cmp.Or(mayHandOn(by, c), m.keepConfined(ctx, tx, by, nil, c)); err != nil {
		return err
	}
	e, err := m.event(by, ofClient(c), "create", nil, viewClient(c))
	if err != nil {
		return err
	}
	if err := tx.CreateClient(ctx, c); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// UpdateClient changes a client; see UpdateOrganization for change and
// version. Its identifier and its secrets stay. Disabling a client ends its
// tokens; enabling one takes back that apply wants it gone.
func (m *Manager) UpdateClient(
	ctx context.Context, by By, tenant, id string, version int64, change func(*mintage.Client) error,
) (*mintage.Client, error) {
	var out *mintage.Client
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := clientOf(ctx, tx, by, tenant, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		fresh := cloneClient(old)
		if err := change(fresh); err != nil {
			return err
		}
		fresh.Tenant, fresh.ID, fresh.Secrets = old.Tenant, old.ID, old.Secrets
		out = fresh
		return m.writeClient(ctx, tx, by, old, out)
	})
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", id, err)
	}
	m.ensureKeyOf(ctx, by, out)
	return out, nil
}

// writeClient writes what became of old.
func (m *Manager) writeClient(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.Client) error {
	if !fresh.Disabled {
		fresh.DisabledReason, fresh.PurgeAt = "", time.Time{}
	}
	if err := m.checkClient(ctx, tx, fresh); err != nil {
		return err
	}
	// Who takes a right away needs it too: the client was more than the actor.
	if err := cmp.Or(mayHandOn(by, old), mayHandOn(by, fresh), m.keepConfined(ctx, tx, by, old, fresh)); err != nil {
		return err
	}
	if err := m.keepAdmin(ctx, tx, old, fresh); err != nil {
		return err
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	e, err := m.event(by, ofClient(fresh), "update", viewClient(old), viewClient(fresh))
	if err != nil {
		return err
	}
	if err := tx.UpdateClient(ctx, fresh); err != nil {
		return err
	}
	if err := tx.AppendEvent(ctx, e); err != nil {
		return err
	}
	if fresh.Disabled && !old.Disabled {
		return m.endTokensOf(ctx, tx, by, fresh)
	}
	return nil
}

// DeleteClient deletes a client with its secrets, and ends its tokens.
func (m *Manager) DeleteClient(ctx context.Context, by By, tenant, id string, version int64) error {
	err := m.update(ctx, func(tx store.Tx) error {
		old, err := clientOf(ctx, tx, by, tenant, id)
		if err != nil {
			return err
		}
		if err := atVersion(version, old.Version); err != nil {
			return err
		}
		return m.deleteClient(ctx, tx, by, old)
	})
	if err != nil {
		return fmt.Errorf("client %q: %w", id, err)
	}
	return nil
}

func (m *Manager) deleteClient(ctx context.Context, tx store.Tx, by By, old *mintage.Client) error {
	if err := cmp.Or(mayHandOn(by, old), m.keepAdmin(ctx, tx, old, nil)); err != nil {
		return err
	}
	e, err := m.event(by, ofClient(old), "delete", viewClient(old), nil)
	if err != nil {
		return err
	}
	if err := tx.DeleteClient(ctx, old.Tenant, old.ID); err != nil {
		return err
	}
	if err := tx.AppendEvent(ctx, e); err != nil {
		return err
	}
	return m.endTokensOf(ctx, tx, by, old)
}

// endTokensOf ends what a client holds, in the transaction that ends the
// client.
func (m *Manager) endTokensOf(ctx context.Context, tx store.Tx, by By, c *mintage.Client) error {
	before := m.Now().UTC().Truncate(time.Millisecond)
	return m.writeRevocation(ctx, tx, by, revocationOf(c.Tenant, c.ID, before, m.now()), c.ID, c.Organization)
}

// ensureKeyOf makes the keys that a client's own settings need. A client is
// made either way: without the key its requests are answered 503, and want it
// made again.
func (m *Manager) ensureKeyOf(ctx context.Context, by By, c *mintage.Client) {
	var algs []string
	if c.Token.Alg != "" {
		algs = append(algs, c.Token.Alg)
	}
	if c.Token.Format == mintage.FormatSealed {
		algs = append(algs, mintage.SealingAlg)
	}
	if err := m.EnsureKeys(ctx, by, c.Tenant, algs...); err != nil {
		m.Log.LogAttrs(ctx, slog.LevelWarn, "no signing key for a client's algorithm yet", slog.String("error", err.Error()))
	}
}

// cloneClient returns a copy that shares nothing that a caller may change.
func cloneClient(c *mintage.Client) *mintage.Client {
	out := *c
	out.Dialects, out.GrantTypes = slices.Clone(c.Dialects), slices.Clone(c.GrantTypes)
	out.AuthMethods = slices.Clone(c.AuthMethods)
	out.Ladder, out.Labels = maps.Clone(c.Ladder), maps.Clone(c.Labels)
	out.AllowFrom, out.Secrets = slices.Clone(c.AllowFrom), slices.Clone(c.Secrets)
	out.DefaultScope.Scopes = slices.Clone(c.DefaultScope.Scopes)
	out.Grants = cloneGrants(c.Grants)
	return &out
}

func cloneGrants(grants []mintage.Grant) []mintage.Grant {
	out := slices.Clone(grants)
	for i := range out {
		out[i].Scopes = slices.Clone(out[i].Scopes)
	}
	return out
}

func ofClient(c *mintage.Client) object {
	return object{tenant: c.Tenant, noun: "client", id: c.ID, name: c.Name, organization: c.Organization}
}
