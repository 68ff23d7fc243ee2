package manage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
)

// NeededAlgs returns the algorithms, sorted, for which a tenant may need a
// key to sign or seal with: its default, what its dialects state, and what its
// resource servers and clients want.
func NeededAlgs(t *mintage.Tenant, servers []*mintage.ResourceServer, ofClients []mintage.TokenSettings) []string {
	algs := []string{mintage.DefaultTokenAlg}
	want := func(s mintage.TokenSettings) {
		if s.Alg != "" {
			algs = append(algs, s.Alg)
		}
		if s.Format == mintage.FormatSealed {
			algs = append(algs, mintage.SealingAlg)
		}
	}
	want(t.Token)
	for _, name := range t.TokenPaths {
		if d, ok := mintage.DialectByName(name); ok {
			want(d.Token)
		}
	}
	for _, rs := range servers {
		want(rs.Token)
	}
	for _, set := range ofClients {
		want(set)
	}
	slices.Sort(algs)
	return slices.Compact(algs)
}

// EnsureNeededKeys makes the keys that tenants need by now, and returns when
// they exist.
func (m *Manager) EnsureNeededKeys(ctx context.Context, by By, tenants ...string) error {
	for _, tenant := range tenants {
		if err := m.ensureNeededKeys(ctx, by, tenant); err != nil {
			return err
		}
	}
	return nil
}

// ensureNeededKeys makes the keys that a tenant needs by now.
func (m *Manager) ensureNeededKeys(ctx context.Context, by By, tenant string) error {
	t, err := m.Store.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	servers, err := m.Store.ResourceServers(ctx, tenant, store.Page{})
	if err != nil {
		return err
	}
	own, err := m.Store.ClientTokenSettings(ctx, tenant)
	if err != nil {
		return err
	}
	return m.EnsureKeys(ctx, by, tenant, NeededAlgs(t, servers, own)...)
}

// EnsureKeys makes a signing key for each algorithm in which the tenant has
// none that signs now, and returns when they exist. Keys are made outside the
// transaction, since an RSA key can take a second.
func (m *Manager) EnsureKeys(ctx context.Context, by By, tenant string, algs ...string) error {
	for _, alg := range algs {
		have, err := m.Store.SigningKeys(ctx, tenant)
		if err != nil {
			return err
		}
		if signs(have, alg, m.now()) {
			continue
		}
		// Whoever waits must not lose the key because the first caller left.
		making := context.WithoutCancel(ctx)
		_, err, _ = m.making.Do(tenant+" "+alg, func() (any, error) { return nil, m.ensureKey(making, by, tenant, alg) })
		if err != nil {
			return fmt.Errorf("make a signing key of tenant %q: %w", tenant, err)
		}
	}
	return nil
}

// MakeMissingKey is EnsureKeys for the server, when a request wants a key that
// is not there. Calls at the same time share the work.
func (m *Manager) MakeMissingKey(ctx context.Context, tenant, alg string) error {
	return m.EnsureKeys(ctx, Server(), tenant, alg)
}

func (m *Manager) ensureKey(ctx context.Context, by By, tenant, alg string) error {
	k, err := keys.Make(m.Vault, tenant, alg, m.now())
	if err != nil {
		return err
	}
	return m.update(ctx, func(tx store.Tx) error {
		have, err := tx.SigningKeys(ctx, tenant)
		if err != nil {
			return err
		}
		if signs(have, alg, m.now()) {
			return nil // another node was faster
		}
		return m.createKey(ctx, tx, by, k)
	})
}

func signs(ks []*mintage.SigningKey, alg string, now time.Time) bool {
	return slices.ContainsFunc(ks, func(k *mintage.SigningKey) bool { return k.Alg == alg && k.State(now) == mintage.KeyActive })
}

func (m *Manager) createKey(ctx context.Context, tx store.Tx, by By, k *mintage.SigningKey) error {
	e, err := m.event(by, ofKey(k), "create", nil, viewKey(k))
	if err != nil {
		return err
	}
	if err := tx.CreateSigningKey(ctx, k); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, e)
}

// RotateKey makes a new signing key, published now and signing after wait, and
// returns it. The keys of its algorithm that sign until then are kept for as
// long as a token of the tenant can live. An empty alg is the tenant's
// default.
func (m *Manager) RotateKey(ctx context.Context, by By, tenant, alg string, wait time.Duration) (*mintage.SigningKey, error) {
	t, err := m.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if alg == "" {
		alg = defaultAlg(t)
	}
	if alg != mintage.SealingAlg && !slices.Contains(mintage.SigningAlgs(), alg) {
		return nil, &mintage.FieldError{
			Pointer: "/alg", Message: "a key is of " + strings.Join(append(mintage.SigningAlgs(), mintage.SealingAlg), ", "),
		}
	}
	if wait < 0 {
		return nil, &mintage.FieldError{Pointer: "/wait", Message: "the wait is a number of seconds, zero or more"}
	}
	return m.rotateIf(ctx, by, t, alg, wait, func([]*mintage.SigningKey) bool { return true })
}

// rotateIf is RotateKey, if due says so of the keys that are there when it
// comes to writing; if not, the key is nil.
func (m *Manager) rotateIf(
	ctx context.Context, by By, t *mintage.Tenant, alg string, wait time.Duration, due func([]*mintage.SigningKey) bool,
) (*mintage.SigningKey, error) {
	keep, err := m.longestLifetime(ctx, t)
	if err != nil {
		return nil, err
	}
	now := m.now()
	fresh, err := keys.Make(m.Vault, t.ID, alg, now)
	if err != nil {
		return nil, err
	}
	var made *mintage.SigningKey
	err = m.update(ctx, func(tx store.Tx) error {
		made = nil
		have, err := tx.SigningKeys(ctx, t.ID)
		if err != nil || !due(have) {
			return err
		}
		if made, err = m.writeKeys(ctx, tx, by, have, keys.Rotate(have, fresh, now, keys.Plan{Wait: wait, Keep: keep})); err != nil {
			return err
		}
		return m.keep(ctx, tx, by, made)
	})
	if err != nil {
		return nil, fmt.Errorf("rotate the %s key of tenant %q: %w", alg, t.ID, err)
	}
	return made, nil
}

func sameDates(a, b *mintage.SigningKey) bool {
	return a.SignsFrom.Equal(b.SignsFrom) && a.SignsUntil.Equal(b.SignsUntil) && a.VerifiesUntil.Equal(b.VerifiesUntil)
}

func defaultAlg(t *mintage.Tenant) string {
	if t.Token.Alg != "" {
		return t.Token.Alg
	}
	return mintage.DefaultTokenAlg
}

// longestLifetime returns the longest life that a token of t can have by the
// settings in force: those of the tenant, of the dialects at its token paths,
// of its resource servers and of its clients.
func (m *Manager) longestLifetime(ctx context.Context, t *mintage.Tenant) (time.Duration, error) {
	longest := max(mintage.DefaultTokenLifetime, t.Token.Lifetime)
	for _, name := range t.TokenPaths {
		if d, ok := mintage.DialectByName(name); ok {
			longest = max(longest, d.Token.Lifetime)
		}
	}
	servers, err := m.Store.ResourceServers(ctx, t.ID, store.Page{})
	if err != nil {
		return 0, err
	}
	for _, rs := range servers {
		longest = max(longest, rs.Token.Lifetime)
	}
	own, err := m.Store.ClientTokenSettings(ctx, t.ID)
	for _, set := range own {
		longest = max(longest, set.Lifetime)
	}
	return longest, err
}

// eachClient calls f with each client of a tenant, some at a time.
func eachClient(ctx context.Context, r store.Clients, tenant string, f func(*mintage.Client)) error {
	const some = 500
	for page := (store.Page{Limit: some}); ; {
		cs, err := r.Clients(ctx, tenant, page)
		if err != nil {
			return err
		}
		for _, c := range cs {
			f(c)
		}
		if len(cs) < some {
			return nil
		}
		page.After = cs[len(cs)-1].ID
	}
}

func ofKey(k *mintage.SigningKey) object {
	return object{tenant: k.Tenant, noun: "key", id: k.ID, name: k.Alg}
}
