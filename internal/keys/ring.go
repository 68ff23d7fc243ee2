package keys

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// ErrNoKey says that a tenant has no key of an algorithm that signs now: it is
// still being made, or the last one ran out.
var ErrNoKey = errors.New("no signing key is active")

// Ring is the signing keys of one tenant. It never changes and is safe for
// concurrent use; what state a key is in follows from the time that is asked
// about.
type Ring struct {
	keys    []*ringKey // that sign, oldest first
	sealers []*Sealer  // oldest first
}

// ringKey is a key of a Ring.
type ringKey struct {
	row    *mintage.SigningKey
	public *jose.Key
	signer *Signer
}

// NewRing returns the ring of ks, which belong to one tenant and are not
// changed afterwards by anybody. Public halves are checked now, private ones
// are unsealed when they first sign.
func NewRing(v *Vault, ks []*mintage.SigningKey) (*Ring, error) {
	r := &Ring{keys: make([]*ringKey, 0, len(ks))}
	for _, k := range ks {
		if k.Alg == mintage.SealingAlg {
			r.sealers = append(r.sealers, newSealer(v, k))
			continue
		}
		public, err := publicKey(k)
		if err != nil {
			return nil, fmt.Errorf("signing key %q of tenant %q: %w", k.ID, k.Tenant, err)
		}
		r.keys = append(r.keys, &ringKey{row: k, public: public, signer: newSigner(v, k, public)})
	}
	return r, nil
}

// publicKey reads the public half, which must be what the row says.
func publicKey(k *mintage.SigningKey) (*jose.Key, error) {
	key, err := jose.ParseKey(k.JWK)
	if err != nil {
		return nil, err
	}
	if key.ID() != k.ID || string(key.Alg()) != k.Alg {
		return nil, errors.New("the stored JWK is another key's, or of another algorithm")
	}
	return key, nil
}

// Signer returns the key that signs with alg at now: of several, the one that
// began last. The error is ErrNoKey, wrapped, when there is none; any other
// says that the private half does not open.
func (r *Ring) Signer(alg string, now time.Time) (*Signer, error) {
	var best *ringKey
	for _, k := range r.keys {
		if k.row.Alg == alg && k.row.State(now) == mintage.KeyActive && (best == nil || !k.row.SignsFrom.Before(best.row.SignsFrom)) {
			best = k
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w for %q", ErrNoKey, alg)
	}
	if err := best.signer.unseal(); err != nil {
		return nil, err
	}
	return best.signer, nil
}

// Sealer returns the key that seals tokens at now: of several, the one that
// began last. Errors are those of Signer.
func (r *Ring) Sealer(now time.Time) (*Sealer, error) {
	var best *Sealer
	for _, s := range r.sealers {
		if s.row.State(now) == mintage.KeyActive && (best == nil || !s.row.SignsFrom.Before(best.row.SignsFrom)) {
			best = s
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w for %q", ErrNoKey, mintage.SealingAlg)
	}
	if err := best.unseal(); err != nil {
		return nil, err
	}
	return best, nil
}

// Opener returns the key that a sealed token names, which opens it. The error
// is mintage.ErrNotFound, wrapped, when the ring has none, or it is gone at
// now; any other says that the key itself does not open.
func (r *Ring) Opener(ref Ref, now time.Time) (*Sealer, error) {
	for _, s := range r.sealers {
		if s.Ref != ref || s.row.State(now) == mintage.KeyGone {
			continue
		}
		if err := s.unseal(); err != nil {
			return nil, err
		}
		return s, nil
	}
	return nil, fmt.Errorf("sealing key: %w", mintage.ErrNotFound)
}

// Public returns what is published at now, which no sealing key is: keys that sign, then those that will,
// then those that did. The first is one that signs, for consumers that look at
// no other.
func (r *Ring) Public(now time.Time) []*jose.Key {
	var ks []*jose.Key
	for _, state := range []mintage.KeyState{mintage.KeyActive, mintage.KeyNext, mintage.KeyRetiring} {
		for _, k := range slices.Backward(r.keys) {
			if k.row.State(now) == state {
				ks = append(ks, k.public)
			}
		}
	}
	return ks
}

// Key returns the public key with that kid, unless it is gone at now.
func (r *Ring) Key(kid string, now time.Time) (*jose.Key, bool) {
	for _, k := range r.keys {
		if k.row.ID == kid && k.row.State(now) != mintage.KeyGone {
			return k.public, true
		}
	}
	return nil, false
}
