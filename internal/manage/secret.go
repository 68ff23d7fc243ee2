package manage

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// maxLiveSecrets bounds the secrets that a client can have at one time: each
// costs a comparison at every request of the client.
const maxLiveSecrets = 20

// keepDead is how long a secret that has ended stays in the client's list.
const keepDead = 90 * 24 * time.Hour

// noSecrets is what a client is that a secret would be of no use to.
const noSecrets = "the client authenticates by no secret: its auth_methods have none that takes one"

// NewSecret says what a secret that the server draws is to be.
type NewSecret struct {
	Name     string        // label, unique in the client; empty: today's date
	Lifetime time.Duration // zero: the tenant's default
	Forever  bool          // whether it has no end, whatever the tenant's default
	Hash     string        // of a secret that the client has already; empty: one is drawn
}

// AddSecret makes another secret for a client.
func (m *Manager) AddSecret(ctx context.Context, by By, tenant, client string, s NewSecret) (*Credentials, error) {
	t, err := m.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("tenant %q: %w", tenant, err)
	}
	c, err := clientOf(ctx, m.Store, by, tenant, client)
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", client, err)
	}
	label, plain, err := m.drawSecret(by, t, c, s)
	if err != nil {
		return nil, err
	}
	made := &Credentials{Label: *label, Secret: plain}
	err = m.update(ctx, func(tx store.Tx) error {
		old, err := clientOf(ctx, tx, by, tenant, client)
		if err != nil {
			return err
		}
		if made.Client, err = m.appendSecret(old, label); err != nil {
			return err
		}
		if err := m.writeSecrets(ctx, tx, by, old, made.Client, "add"); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, made)
	})
	if err != nil {
		return nil, fmt.Errorf("secret of client %q: %w", client, err)
	}
	return made, nil
}

// appendSecret returns old with one secret more.
func (m *Manager) appendSecret(old *mintage.Client, label *mintage.Secret) (*mintage.Client, error) {
	now := m.now()
	if !old.AuthenticatesBySecret() {
		return nil, &mintage.FieldError{Message: noSecrets}
	}
	fresh := cloneClient(old)
	fresh.Secrets = slices.DeleteFunc(fresh.Secrets, func(s mintage.Secret) bool { return diedBefore(&s, now.Add(-keepDead)) })
	if named(fresh.Secrets, label.Name) >= 0 {
		return nil, fmt.Errorf("a secret named %q: %w", label.Name, mintage.ErrExists)
	}
	if live(fresh.Secrets, now) >= maxLiveSecrets {
		return nil, &Refusal{
			Reason:  "secret.limit",
			Message: "the client has " + strconv.Itoa(maxLiveSecrets) + " active secrets, which is the limit: revoke one first",
		}
	}
	fresh.Secrets = append(fresh.Secrets, *label)
	return fresh, nil
}

// RevokeSecret ends a secret, named by its identifier or its label. The last
// one that is live is refused unless allowLast says that the client is meant
// to be locked out. A secret that has ended already is left as it is.
func (m *Manager) RevokeSecret(ctx context.Context, by By, tenant, client, which string, allowLast bool) error { //nolint:revive // consent that the caller passes on
	err := m.update(ctx, func(tx store.Tx) error {
		old, i, err := secretOf(ctx, tx, by, tenant, client, which)
		if err != nil {
			return err
		}
		now := m.now()
		if !old.Secrets[i].Live(now) {
			return nil
		}
		if !allowLast && live(old.Secrets, now) == 1 {
			return &Refusal{Reason: "secret.last", Message: "it is the client's last active secret: revoking it locks the client out, so that must be asked for"}
		}
		fresh := cloneClient(old)
		fresh.Secrets[i].Revoked = now
		return m.writeSecrets(ctx, tx, by, old, fresh, "revoke")
	})
	if err != nil {
		return fmt.Errorf("client %q: %w", client, err)
	}
	return nil
}

// writeSecrets writes a client whose secrets changed. Its audit row is about
// the secrets of the client that it names.
func (m *Manager) writeSecrets(ctx context.Context, tx store.Tx, by By, old, fresh *mintage.Client, verb string) error {
	if err := cmp.Or(mayHandOn(by, old), m.keepAdmin(ctx, tx, old, fresh)); err != nil {
		return err
	}
	fresh.Updated, fresh.Version = m.now(), old.Version+1
	of := ofClient(fresh)
	of.noun = "secret"
	e, err := m.event(by, of, verb, viewClient(old), viewClient(fresh))
	if err != nil {
		return err
	}
	if err := tx.UpdateClient(ctx, fresh); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// drawSecret makes a secret and what is kept of it. Of one whose hash was
// brought, the secret is empty.
func (m *Manager) drawSecret(by By, t *mintage.Tenant, c *mintage.Client, s NewSecret) (label *mintage.Secret, plain string, err error) {
	now := m.now()
	if err := checkSecret(s); err != nil {
		return nil, "", err
	}
	lifetime := s.Lifetime
	if lifetime == 0 && !s.Forever {
		lifetime = t.SecretLifetime
	}
	label = &mintage.Secret{ID: newSecretID(), Name: s.Name, Hash: s.Hash, CreatedBy: by.name(), Created: now}
	if s.Hash == "" {
		plain = secret.Generate(t.Protected)
		label.Hash, label.Hint = m.Secrets.HashGenerated(plain), secret.Hint(plain)
	}
	if label.Name == "" {
		label.Name = freeLabel(c.Secrets, now)
	}
	if lifetime > 0 {
		label.Expires = now.Add(lifetime)
	}
	return label, plain, nil
}

// newSecretID draws the identifier of a secret. It opens nothing.
func newSecretID() string { return "sec_" + strings.ToLower(rand.Text()[:16]) }

// freeLabel is the date, and a number behind it when a secret has that label.
func freeLabel(secrets []mintage.Secret, now time.Time) string {
	date := now.Format(time.DateOnly)
	for n := 2; ; n++ {
		if named(secrets, date) < 0 {
			return date
		}
		date = now.Format(time.DateOnly) + "-" + strconv.Itoa(n)
	}
}

// named returns the index of the secret with that label, or -1.
func named(secrets []mintage.Secret, name string) int {
	return slices.IndexFunc(secrets, func(s mintage.Secret) bool { return s.Name == name })
}

func live(secrets []mintage.Secret, now time.Time) int {
	n := 0
	for i := range secrets {
		if secrets[i].Live(now) {
			n++
		}
	}
	return n
}

// diedBefore reports whether s ended before t.
func diedBefore(s *mintage.Secret, t time.Time) bool {
	return !s.Revoked.IsZero() && s.Revoked.Before(t) || !s.Expires.IsZero() && s.Expires.Before(t)
}
