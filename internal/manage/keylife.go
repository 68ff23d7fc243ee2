package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

// KilledKey is what KillKey did.
type KilledKey struct {
	Killed *mintage.SigningKey
	// Heir signs instead, at once or, where Killed did not sign yet, after the
	// usual wait. Nil when no other key is needed.
	Heir *mintage.SigningKey
}

// KillKey ends a key at once, for emergencies: it neither signs nor verifies,
// its private half is destroyed, a revocation ends its tokens on every node and
// with every reader of the feed, and another key takes over, all in one
// transaction. Killing a key that is gone writes the revocation alone.
func (m *Manager) KillKey(ctx context.Context, by By, tenant, kid string) (*KilledKey, error) {
	t, err := m.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	have, err := m.Store.SigningKeys(ctx, tenant)
	if err != nil {
		return nil, err
	}
	old, err := keyByID(have, kid)
	if err != nil {
		return nil, err
	}
	keep, err := m.longestLifetime(ctx, t)
	if err != nil {
		return nil, err
	}
	now := m.now()
	// It may not be needed, but making one takes too long for a transaction.
	fresh, err := keys.Make(m.Vault, tenant, old.Alg, now)
	if err != nil {
		return nil, err
	}
	plan := keys.Plan{Wait: keys.DefaultWait, Keep: keep}
	var out *KilledKey
	err = m.update(ctx, func(tx store.Tx) error {
		have, err := tx.SigningKeys(ctx, tenant)
		if err != nil {
			return err
		}
		if _, err := keyByID(have, kid); err != nil {
			return err
		}
		after, heir := keys.Kill(have, kid, fresh, now, plan)
		killed, err := keyByID(after, kid)
		if err != nil {
			return err
		}
		out = &KilledKey{Killed: killed, Heir: heir}
		if _, err := m.writeKeys(ctx, tx, by, have, after); err != nil {
			return err
		}
		err = m.writeRevocation(ctx, tx, by, &mintage.Revocation{
			Tenant: tenant, ID: "key:" + kid, KeyID: kid, Created: now, Expires: now.Add(mintage.LongestTokenLifetime),
		}, kid, "")
		if err != nil {
			return err
		}
		return m.keep(ctx, tx, by, out)
	})
	if err != nil {
		return nil, fmt.Errorf("kill the key %q of tenant %q: %w", kid, tenant, err)
	}
	return out, nil
}

func keyByID(ks []*mintage.SigningKey, kid string) (*mintage.SigningKey, error) {
	i := slices.IndexFunc(ks, func(k *mintage.SigningKey) bool { return k.ID == kid })
	if i < 0 {
		return nil, fmt.Errorf("signing key %q: %w", kid, mintage.ErrNotFound)
	}
	return ks[i], nil
}

// writeKeys writes what changed from before to after, each key with its audit
// row, and returns the one that is new, if any.
func (m *Manager) writeKeys(ctx context.Context, tx store.Tx, by By, before, after []*mintage.SigningKey) (made *mintage.SigningKey, err error) {
	for _, k := range after {
		old, err := keyByID(before, k.ID)
		switch {
		case err != nil:
			made = k
			err = m.createKey(ctx, tx, by, k)
		case sameDates(old, k) && len(old.Sealed) == len(k.Sealed):
			err = nil
		default:
			err = m.updateKey(ctx, tx, by, keyVerb(old, k), old, k)
		}
		if err != nil {
			return nil, err
		}
	}
	return made, nil
}

// keyVerb says what became of a key.
func keyVerb(old, k *mintage.SigningKey) string {
	switch {
	case len(old.Sealed) > 0 && len(k.Sealed) == 0:
		return "kill"
	case k.SignsFrom.Before(old.SignsFrom):
		return "activate"
	}
	return "retire"
}

func (m *Manager) updateKey(ctx context.Context, tx store.Tx, by By, verb string, old, k *mintage.SigningKey) error {
	e, err := m.event(by, ofKey(k), verb, viewKey(old), viewKey(k))
	if err != nil {
		return err
	}
	if err := tx.UpdateSigningKey(ctx, k); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// RotateDue rotates the keys of all tenants that have signed for their period, as
// RotateKey would with the usual wait, and says how many it made. Nodes may do
// so at the same time: one of them makes the key. What fails for one tenant
// does not keep the others waiting.
func (m *Manager) RotateDue(ctx context.Context) (int, error) {
	return m.eachTenant(ctx, m.rotateDue)
}

// KeyPeriodOf returns how long a key of the tenant signs.
func (m *Manager) KeyPeriodOf(t *mintage.Tenant) time.Duration {
	period := cmp.Or(t.KeyPeriod, m.KeyPeriod, keys.DefaultPeriod)
	return min(max(period, mintage.ShortestKeyPeriod), keys.LongestPeriod)
}

// KeyDueAt returns when the server replaces a key of the tenant; the zero time
// for a key that has an end already.
func (m *Manager) KeyDueAt(t *mintage.Tenant, k *mintage.SigningKey) time.Time {
	return keys.DueAt(k, m.KeyPeriodOf(t))
}

func (m *Manager) rotateDue(ctx context.Context, t *mintage.Tenant) (int, error) {
	have, err := m.Store.SigningKeys(ctx, t.ID)
	if err != nil {
		return 0, err
	}
	made, period := 0, m.KeyPeriodOf(t)
	for _, alg := range keys.Due(have, m.now(), period) {
		k, err := m.rotateIf(ctx, Server(), t, alg, keys.DefaultWait, func(have []*mintage.SigningKey) bool {
			return slices.Contains(keys.Due(have, m.now(), period), alg)
		})
		if err != nil {
			return made, err
		}
		if k != nil {
			made++
		}
	}
	return made, nil
}

// PurgeKeys destroys the private halves of keys that are gone, and deletes the
// keys that have been gone for so long that no token can name them. It says how
// many keys it changed.
func (m *Manager) PurgeKeys(ctx context.Context) (int, error) {
	return m.eachTenant(ctx, m.purgeKeys)
}

func (m *Manager) purgeKeys(ctx context.Context, t *mintage.Tenant) (int, error) {
	now := m.now()
	spent := func(k *mintage.SigningKey) bool {
		destroy, forget := keys.Spent(k, now)
		return destroy || forget
	}
	have, err := m.Store.SigningKeys(ctx, t.ID)
	if err != nil || !slices.ContainsFunc(have, spent) {
		return 0, err
	}
	changed := 0
	err = m.update(ctx, func(tx store.Tx) error {
		have, err := tx.SigningKeys(ctx, t.ID)
		if err != nil {
			return err
		}
		changed = 0
		for _, k := range slices.DeleteFunc(have, func(k *mintage.SigningKey) bool { return !spent(k) }) {
			if err := m.purgeKey(ctx, tx, k, now); err != nil {
				return err
			}
			changed++
		}
		return nil
	})
	return changed, err
}

func (m *Manager) purgeKey(ctx context.Context, tx store.Tx, k *mintage.SigningKey, now time.Time) error {
	if _, forget := keys.Spent(k, now); !forget {
		bare := *k
		bare.Sealed = nil
		return m.updateKey(ctx, tx, Server(), "destroy", k, &bare)
	}
	e, err := m.event(Server(), ofKey(k), "delete", viewKey(k), nil)
	if err != nil {
		return err
	}
	if err := tx.DeleteSigningKey(ctx, k.Tenant, k.ID); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// eachTenant does something for each tenant and adds up what it says. It goes
// on after an error, but not after ctx.
func (m *Manager) eachTenant(ctx context.Context, do func(context.Context, *mintage.Tenant) (int, error)) (int, error) {
	const some = 500
	total := 0
	var errs []error
	for page := (store.Page{Limit: some}); ; {
		ts, err := m.Store.Tenants(ctx, page)
		if err != nil {
			return total, errors.Join(append(errs, err)...)
		}
		for _, t := range ts {
			n, err := do(ctx, t)
			total += n
			if err != nil {
				errs = append(errs, fmt.Errorf("tenant %q: %w", t.ID, err))
			}
			if ctx.Err() != nil {
				return total, errors.Join(errs...)
			}
		}
		if len(ts) < some {
			return total, errors.Join(errs...)
		}
		page.After = ts[len(ts)-1].ID
	}
}
