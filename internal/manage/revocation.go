package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

// RevokeToken ends one token before its time. Revoking it again changes
// nothing. A zero expires says that the token's end is not known. The client
// is for the audit log, and may be empty; the caller knows that the token is its.
func (m *Manager) RevokeToken(ctx context.Context, by By, tenant, jti, clientID string, expires time.Time) error {
	now := m.now()
	if expires.IsZero() {
		expires = now.Add(mintage.LongestTokenLifetime)
	}
	if !now.Before(expires) {
		return nil // it has ended by itself
	}
	organization := ""
	if by.confined() { // a member ends what they can show to be their organization's
		c, err := clientOf(ctx, m.Store, by, tenant, clientID)
		if err != nil {
			return fmt.Errorf("client %q: %w", clientID, err)
		}
		organization = c.Organization
	}
	r := &mintage.Revocation{Tenant: tenant, ID: "jti:" + jti, JTI: jti, Created: now, Expires: expires}
	if err := m.revoke(ctx, by, r, clientID, organization); err != nil {
		return fmt.Errorf("revoke a token of tenant %q: %w", tenant, err)
	}
	return nil
}

// RevokeClientTokens ends all tokens of a client that were issued up to the
// given instant, which has to be past: what is yet to be issued cannot be
// judged.
func (m *Manager) RevokeClientTokens(ctx context.Context, by By, tenant, clientID string, before time.Time) error {
	if before.After(m.Now().Add(clockTolerance)) {
		return &mintage.FieldError{Pointer: "/before", Message: "the instant is in the future: disable the client to keep it from getting tokens"}
	}
	before = before.UTC().Truncate(time.Millisecond)
	c, err := clientOf(ctx, m.Store, by, tenant, clientID)
	if err != nil {
		return fmt.Errorf("client %q: %w", clientID, err)
	}
	if err := m.revoke(ctx, by, revocationOf(tenant, clientID, before, m.now()), clientID, c.Organization); err != nil {
		return fmt.Errorf("revoke the tokens of client %q: %w", clientID, err)
	}
	return nil
}

// clockTolerance is how far the clock of an administrator who says now may be
// ahead of ours.
const clockTolerance = 10 * time.Second

// RevokeKeyTokens ends all tokens that a key signed or sealed. A key that still
// does is refused: each token that it makes from now on would be born dead. Kill
// it instead.
func (m *Manager) RevokeKeyTokens(ctx context.Context, by By, tenant, kid string) error {
	now := m.now()
	err := m.update(ctx, func(tx store.Tx) error {
		ks, err := tx.SigningKeys(ctx, tenant)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(ks, func(k *mintage.SigningKey) bool { return k.ID == kid })
		if i < 0 {
			return mintage.ErrNotFound
		}
		if state := ks[i].State(now); state == mintage.KeyActive || state == mintage.KeyNext {
			return &Refusal{Reason: "key.active", Message: "the key is in use, and the tokens that it makes from now on would end as well"}
		}
		err = m.writeRevocation(ctx, tx, by, &mintage.Revocation{
			Tenant: tenant, ID: "key:" + kid, KeyID: kid, Created: now, Expires: now.Add(mintage.LongestTokenLifetime),
		}, kid, "")
		if err != nil {
			return err
		}
		return m.keep(ctx, tx, by, nil)
	})
	if err != nil {
		return fmt.Errorf("revoke the tokens of key %q: %w", kid, err)
	}
	return nil
}

// revocationOf ends the tokens of a client for as long as one can live. The
// settings of today do not bound the life of a token of yesterday.
func revocationOf(tenant, clientID string, before, now time.Time) *mintage.Revocation {
	return &mintage.Revocation{
		Tenant: tenant, ID: fmt.Sprintf("client:%s:%d", clientID, before.UnixMilli()), ClientID: clientID,
		Before: before, Created: now, Expires: now.Add(mintage.LongestTokenLifetime),
	}
}

func (m *Manager) revoke(ctx context.Context, by By, r *mintage.Revocation, name, organization string) error {
	return m.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Tenant(ctx, r.Tenant); err != nil {
			return err
		}
		if err := m.writeRevocation(ctx, tx, by, r, name, organization); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, nil)
	})
}

// writeRevocation records r, unless it is recorded already. The organization is
// the client's whose tokens end.
func (m *Manager) writeRevocation(ctx context.Context, tx store.Tx, by By, r *mintage.Revocation, name, organization string) error {
	switch _, err := tx.Revocation(ctx, r.Tenant, r.ID); {
	case err == nil:
		return nil
	case !errors.Is(err, mintage.ErrNotFound):
		return err
	}
	e, err := m.event(by, object{tenant: r.Tenant, noun: "token", id: r.ID, name: name, organization: organization}, "revoke", nil, viewRevocation(r))
	if err != nil {
		return err
	}
	if err := tx.CreateRevocation(ctx, r); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}
