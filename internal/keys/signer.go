package keys

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// Signer is a signing key with its private half. It is safe for concurrent
// use.
type Signer struct {
	ID      string        // kid
	Alg     string        // JWS alg
	Private crypto.Signer // set once a Ring has handed out the Signer

	vault  *Vault
	row    *mintage.SigningKey
	public *jose.Key

	once sync.Once
	err  error

	mu       sync.RWMutex
	prepared map[string]*jose.Signer
}

func newSigner(v *Vault, k *mintage.SigningKey, public *jose.Key) *Signer {
	return &Signer{ID: k.ID, Alg: k.Alg, vault: v, row: k, public: public}
}

// unseal opens the private half, once.
func (s *Signer) unseal() error {
	s.once.Do(func() {
		if s.Private, s.err = unsealPrivate(s.vault, s.row, s.public); s.err != nil {
			s.err = fmt.Errorf("signing key %q of tenant %q: %w", s.row.ID, s.row.Tenant, s.err)
		}
	})
	return s.err
}

// unsealPrivate returns the private half of k, which must be that of public.
func unsealPrivate(v *Vault, k *mintage.SigningKey, public *jose.Key) (crypto.Signer, error) {
	der, err := v.Open(privatePurpose(k.Tenant, k.ID), k.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("the private half is no PKCS #8") // err might quote it
	}
	priv, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private half cannot sign")
	}
	half, ok := priv.Public().(interface{ Equal(x crypto.PublicKey) bool })
	if !ok || !half.Equal(public.Public()) {
		return nil, errors.New("the private half is another key's")
	}
	return priv, nil
}

// privatePurpose binds a sealed private key to its row. Neither part can have a
// slash, so that no two rows share one.
func privatePurpose(tenant, kid string) string { return "signing-key/" + tenant + "/" + kid }

// Prepared returns the Signer as one of tokens with a header of that form,
// which is built once per name. A name must always come with the same form.
func (s *Signer) Prepared(name string, form jose.HeaderForm) (*jose.Signer, error) {
	s.mu.RLock()
	p := s.prepared[name]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := jose.NewSigner(s.Private, jose.Alg(s.Alg), s.ID, form)
	if err != nil {
		return nil, fmt.Errorf("signing key %q: %w", s.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared == nil {
		s.prepared = map[string]*jose.Signer{}
	}
	s.prepared[name] = p
	return p, nil
}

// String returns the algorithm and the kid.
func (s *Signer) String() string { return fmt.Sprintf("%s signer %q", s.Alg, s.ID) }

// GoString is String, so that %#v does not show the private key.
func (s *Signer) GoString() string { return s.String() }

// LogValue returns the algorithm and the kid.
func (s *Signer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("alg", s.Alg), slog.String("kid", s.ID))
}
