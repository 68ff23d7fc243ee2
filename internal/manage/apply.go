package manage

import (
	"context"
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// Declared is declared state on its way to the live one.
type Declared struct {
	State       *apply.State
	Source      string // names the file for ever; see apply.Options
	AllowDelete bool   // lets prune remove from protected tenants
	// KeysLater makes Apply return without the keys beside a tenant's first; a
	// request that needs one has it made.
	KeysLater bool
	// Hash is that of the plan that somebody looked at and said yes to; another
	// one is mintage.ErrConflict. Empty: whatever it comes to.
	Hash string

	// ownOnly leaves out of the live state the clients that the file neither
	// declares nor manages, of which there may be millions.
	ownOnly bool
}

// Plan says what Apply would do.
func (m *Manager) Plan(ctx context.Context, by By, d Declared) (*apply.Plan, error) {
	return m.plan(ctx, m.Store, by, d)
}

// Apply makes the live state what is declared, in one transaction, and returns
// the plan that it carried out once the signing keys exist that it needs. The
// same state twice changes nothing. Secrets are hashed before the transaction;
// if the world moves meanwhile, that is mintage.ErrConflict.
func (m *Manager) Apply(ctx context.Context, by By, d Declared) (*apply.Plan, error) {
	by.Via = "apply"
	p, err := m.plan(ctx, m.Store, by, d)
	if err != nil {
		return nil, err
	}
	if d.Hash != "" && d.Hash != p.Hash {
		return nil, fmt.Errorf("the plan is another one by now: %w", mintage.ErrConflict)
	}
	keep, err := m.remember(ctx, by, d)
	if err != nil {
		return nil, err
	}
	switch {
	case !p.Empty():
		err = m.carryOut(ctx, by, d, p, keep)
	case keep != nil:
		err = m.Store.Update(ctx, func(tx store.Tx) error { return keep(ctx, tx) })
	}
	if err != nil {
		return nil, err
	}
	if d.KeysLater {
		return p, nil
	}
	if err := m.EnsureNeededKeys(ctx, by, d.State.TenantIDs()...); err != nil {
		return nil, err
	}
	return p, nil
}

// carryOut writes what a plan comes to.
func (m *Manager) carryOut(ctx context.Context, by By, d Declared, p *apply.Plan, keep func(context.Context, store.Tx) error) error {
	out, err := p.Outcome(func(s apply.NewSecret) (mintage.Secret, error) { return m.hashNew(ctx, s) })
	if err != nil {
		return mintage.Under("/state", err)
	}
	w := writer{m: m, by: by, out: out, first: map[string]*mintage.SigningKey{}}
	for _, t := range out.Tenants {
		if t.Before == nil {
			if w.first[t.After.ID], err = keys.Make(m.Vault, t.After.ID, mintage.DefaultTokenAlg, m.now()); err != nil {
				return err
			}
		}
	}
	return m.update(ctx, func(tx store.Tx) error {
		// What was planned outside has to hold inside.
		again, err := m.plan(ctx, tx, by, d)
		if err != nil {
			return err
		}
		if again.Hash != p.Hash {
			return fmt.Errorf("the plan changed while it was carried out: %w", mintage.ErrConflict)
		}
		if err := w.write(ctx, tx, d.Source, p); err != nil {
			return err
		}
		if keep != nil {
			if err := keep(ctx, tx); err != nil {
				return err
			}
		}
		return m.keep(ctx, tx, by, p)
	})
}

// plan compares what is declared with what r has.
func (m *Manager) plan(ctx context.Context, r store.Reader, by By, d Declared) (*apply.Plan, error) {
	if d.Source == "" {
		return nil, &mintage.FieldError{Pointer: "/source", Message: "the state has to say what file or folder it comes from"}
	}
	if err := mayDeclare(by, d.State); err != nil {
		return nil, err
	}
	live, err := readLive(ctx, r, by, d)
	if err != nil {
		return nil, err
	}
	p, err := apply.MakePlan(live, d.State, apply.Options{
		Source: d.Source, Now: m.now(), Digest: m.Secrets.Digest, CheckHash: secret.CheckImported, AllowDelete: d.AllowDelete,
		BuiltIn: func(tenant string) *mintage.ResourceServer { return adminServer(tenant, mintage.Meta{}) },
	})
	if err != nil {
		return nil, mintage.Under("/state", err)
	}
	return p, nil
}

// ownTenant returns the one tenant that the actor administers, and whether it
// is only one.
func ownTenant(by By) (string, bool) {
	return by.Actor.Tenant, by.Actor.Tenant != "" && by.Actor.Tenant != mintage.BuiltInTenant
}

// mayDeclare refuses state of tenants that the actor does not administer. To
// an administrator of one tenant the others are not there, and the tenant
// itself is not for it to change: an issuer decides which requests a tenant
// gets.
func mayDeclare(by By, s *apply.State) error {
	if by.confined() {
		return fmt.Errorf("declared state: %w", mintage.ErrNotFound)
	}
	own, one := ownTenant(by)
	if !one {
		return nil
	}
	if len(s.Tenants) > 0 {
		return &Refusal{
			Reason: "token.other_tenant", Denied: true,
			Message: "the state declares tenants, which only an administrator of the whole server may",
		}
	}
	if slices.ContainsFunc(s.TenantIDs(), func(id string) bool { return id != own }) {
		return fmt.Errorf("a tenant of the state: %w", mintage.ErrNotFound)
	}
	return nil
}

// hashNew makes what is kept of a secret that a file brings.
func (m *Manager) hashNew(ctx context.Context, s apply.NewSecret) (mintage.Secret, error) {
	kept := mintage.Secret{ID: newSecretID()}
	var err error
	switch plain := s.Value.Reveal(); {
	case s.Hash != "":
		kept.Hash = s.Hash.Reveal()
		if err := secret.CheckImported(kept.Hash); err != nil {
			return kept, &mintage.FieldError{Message: err.Error()}
		}
	case s.Generated:
		// The fast hash is for 256 random bits alone.
		if !secret.WellFormed(plain) {
			return kept, &mintage.FieldError{Message: "the generated secret is not one that Mintage generates"}
		}
		kept.Hash, kept.Hint = m.Secrets.HashGenerated(plain), secret.Hint(plain)
	default:
		if err := mintage.ValidateSecret(plain); err != nil {
			return kept, err
		}
		kept.Hint = secret.Hint(plain)
		kept.Hash, err = m.Secrets.HashBrought(ctx, plain)
	}
	return kept, err
}
