package enforce

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/mintage-auth/mintage/internal/jose"
)

// ErrUnknownKey says that an issuer has no key with a kid.
var ErrUnknownKey = errors.New("unknown key")

// KeySet is the public keys of one issuer.
type KeySet interface {
	// Key returns the key with this kid, which is empty for a token that names
	// none. The error wraps ErrUnknownKey where the issuer has no such key; any
	// other says that it cannot be told for now. The kid comes from a token
	// that nobody has verified; it is printable and at most 256 bytes.
	Key(ctx context.Context, kid string) (*Key, error)
}

// Key is a public key that verifies signatures of one algorithm. It is never
// changed and safe for concurrent use.
type Key struct{ key *jose.Key }

// NewKey returns pub, an *ecdsa.PublicKey, an *rsa.PublicKey or an
// ed25519.PublicKey, as a Key for exactly that JWS algorithm. The kid may be
// empty. Weak keys are refused, such as RSA keys of fewer than 2048 bits.
func NewKey(pub crypto.PublicKey, kid, alg string) (*Key, error) {
	if k, ok := pub.(*jose.Key); ok { // ours: checked when it was made, which takes a while for RSA
		if k.ID() != kid || string(k.Alg()) != alg {
			return nil, fmt.Errorf("key %q: another kid or algorithm is asked for", kid)
		}
		return &Key{key: k}, nil
	}
	a, ok := jose.ParseAlg(alg)
	if !ok || a.Symmetric() {
		return nil, fmt.Errorf("key %q: algorithm %q is not one that we verify", kid, alg)
	}
	k, err := jose.NewKey(pub, kid, a)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", kid, err)
	}
	return &Key{key: k}, nil
}

// ParseKey reads a public JWK (RFC 7517). An RSA key that does not say its
// algorithm is for RS256. A JWK with a private member is refused, for such a
// key is no secret any more.
func ParseKey(jwk []byte) (*Key, error) {
	k, err := jose.ParseKey(jwk)
	if err != nil {
		return nil, err
	}
	return complete(k)
}

func complete(k *jose.Key) (*Key, error) {
	if k.Alg() != "" {
		return &Key{key: k}, nil
	}
	k, err := k.WithAlg(jose.RS256)
	if err != nil {
		return nil, err
	}
	return &Key{key: k}, nil
}

// ID returns the kid, "" when the key has none.
func (k *Key) ID() string { return k.key.ID() }

// Algorithm returns the JWS algorithm.
func (k *Key) Algorithm() string { return string(k.key.Alg()) }

// equal says whether k and o are the same key for the same algorithm.
func (k *Key) equal(o *Key) bool {
	return k == o || k.key.ID() == o.key.ID() && k.key.Alg() == o.key.Alg() && k.key.Thumbprint() == o.key.Thumbprint()
}

// String returns the algorithm and the kid.
func (k *Key) String() string { return k.key.String() }

// StaticKeySet is a KeySet of keys that are known beforehand.
type StaticKeySet []*Key

// ParseKeySet reads a JWK Set (RFC 7517 §5). Keys that cannot be used are left
// out: encryption keys, unknown types, weak keys. Two usable keys with the same
// kid make the set ambiguous, which is an error.
func ParseKeySet(jwks []byte) (StaticKeySet, error) {
	ks, err := jose.ParseKeySet(jwks)
	if err != nil {
		return nil, err
	}
	set := make(StaticKeySet, 0, len(ks))
	for _, k := range ks {
		key, err := complete(k)
		if err != nil {
			continue
		}
		set = append(set, key)
	}
	return set, nil
}

// Key returns the key with this kid. A token without a kid gets the one key
// without one, if there is just one.
func (s StaticKeySet) Key(_ context.Context, kid string) (*Key, error) {
	var found *Key
	for _, k := range s {
		if k.ID() != kid {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("kid %q is not unique: %w", kid, ErrUnknownKey)
		}
		found = k
	}
	if found == nil {
		return nil, fmt.Errorf("kid %q: %w", kid, ErrUnknownKey)
	}
	return found, nil
}
