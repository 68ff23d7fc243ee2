package keys

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// Times of a rotation. A verifier may hold the key set for JWKSMaxAge, and
// Margin is for a fetch that began before the key was published and took its
// time. Skew is how far clocks and nodes may be apart: a node may sign that
// much past the end, and a verifier accept a token that much past its expiry.
const (
	JWKSMaxAge = 5 * time.Minute
	Margin     = time.Minute
	Skew       = 2 * time.Minute

	// DefaultWait is the Wait of a rotation that no verifier notices.
	DefaultWait = JWKSMaxAge + Margin
)

// Plan says how a rotation goes.
type Plan struct {
	// Wait is how long the new key is published before it signs. Zero is at
	// once, for emergencies: verifiers with a cached key set refuse its tokens
	// until they fetch again. DefaultWait is the usual.
	Wait time.Duration
	// Keep is the longest life of a token: so long, and Skew, a key verifies
	// after it last signed.
	Keep time.Duration
}

// Make makes a key of the tenant that signs, or for mintage.SealingAlg seals,
// from now on, with its private half sealed. An RSA key takes up to seconds.
func Make(v *Vault, tenant, alg string, now time.Time) (*mintage.SigningKey, error) {
	now = now.UTC().Truncate(time.Second)
	if alg == mintage.SealingAlg {
		return makeSealing(v, tenant, now)
	}
	kid := newKeyID()
	priv, err := jose.GenerateKey(jose.Alg(alg))
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	public, err := jose.NewKey(priv.Public(), kid, jose.Alg(alg))
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	defer clear(der)
	sealed, err := v.Seal(privatePurpose(tenant, kid), der)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return &mintage.SigningKey{
		Tenant: tenant, ID: kid, Alg: string(public.Alg()), JWK: public.AppendJWK(nil), Sealed: sealed,
		Created: now, SignsFrom: now, Version: 1,
	}, nil
}

// Rotate returns ks with fresh added as the next key of its algorithm; keys of
// other algorithms, and those that no longer sign, stay as they are. It is
// pure: what changes is a copy, and the states follow from the dates.
//
//   - fresh signs from now + Wait, or from now on if no key signs meanwhile;
//   - keys that sign now go on until then and verify for Keep + Skew after;
//   - a key that is next is replaced: it will never sign, and is gone at once,
//     unless its time to sign is so near that a node with a fast clock may have
//     begun; then it goes the way of one that signed until now.
func Rotate(ks []*mintage.SigningKey, fresh *mintage.SigningKey, now time.Time, plan Plan) []*mintage.SigningKey {
	now = now.UTC().Truncate(time.Second)
	active := func(k *mintage.SigningKey) bool { return k.Alg == fresh.Alg && k.State(now) == mintage.KeyActive }
	start := now
	if slices.ContainsFunc(ks, active) {
		start = now.Add(seconds(plan.Wait))
	}
	keep := seconds(plan.Keep) + Skew
	out := make([]*mintage.SigningKey, 0, len(ks)+1)
	for _, k := range ks {
		switch {
		case active(k):
			k = ended(k, start, start.Add(keep))
		case k.Alg == fresh.Alg && k.State(now) == mintage.KeyNext && k.SignsFrom.After(now.Add(Skew)):
			k = ended(k, now, now)
		case k.Alg == fresh.Alg && k.State(now) == mintage.KeyNext:
			k = ended(k, now, now.Add(keep))
		}
		out = append(out, k)
	}
	next := *fresh
	next.SignsFrom, next.SignsUntil, next.VerifiesUntil = start, time.Time{}, time.Time{}
	return append(out, &next)
}

// ended returns a copy of k with these ends.
func ended(k *mintage.SigningKey, signs, verifies time.Time) *mintage.SigningKey {
	c := *k
	c.SignsUntil, c.VerifiesUntil = signs, verifies
	return &c
}

// seconds rounds up to what rows can hold.
func seconds(d time.Duration) time.Duration {
	return max(0, (d + time.Second - 1).Truncate(time.Second))
}
