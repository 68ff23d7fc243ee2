package keys

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

// RefSize is the length of a Ref in bytes.
const RefSize = 8

// Ref is how a sealed token names its key: the beginning of the SHA-256 of the
// kid. A tenant has few keys, so that two of them with one Ref will not be;
// were there two, the tokens of one of them would not open.
type Ref [RefSize]byte

func refOf(kid string) (ref Ref) {
	sum := sha256.Sum256([]byte(kid))
	copy(ref[:], sum[:])
	return ref
}

// Sealer seals and opens tokens under one key of a tenant: XChaCha20-Poly1305,
// whose nonces are long enough to be random. It is safe for concurrent use.
type Sealer struct {
	ID  string // kid
	Ref Ref

	vault *Vault
	row   *mintage.SigningKey

	once sync.Once
	box  cipher.AEAD
	err  error
}

// Sizes of what Seal adds.
const (
	SealNonce = nonceSize
	SealTag   = 16
)

func newSealer(v *Vault, k *mintage.SigningKey) *Sealer {
	return &Sealer{ID: k.ID, Ref: refOf(k.ID), vault: v, row: k}
}

// Seal appends a fresh nonce and the box of plain to dst. The data is
// authenticated with it; neither may overlap with dst.
func (s *Sealer) Seal(dst, plain, data []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, SealNonce)...)
	rand.Read(dst[start:])
	return s.box.Seal(dst, dst[start:start+SealNonce], plain, data)
}

// Open appends to dst what Seal sealed with the same data. The error is
// ErrSealed.
func (s *Sealer) Open(dst, sealed, data []byte) ([]byte, error) {
	if len(sealed) < SealNonce+SealTag {
		return nil, ErrSealed
	}
	plain, err := s.box.Open(dst, sealed[:SealNonce], sealed[SealNonce:], data)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// unseal opens the key, once.
func (s *Sealer) unseal() error {
	s.once.Do(func() {
		if s.box, s.err = s.open(); s.err != nil {
			s.err = fmt.Errorf("sealing key %q of tenant %q: %w", s.row.ID, s.row.Tenant, s.err)
		}
	})
	return s.err
}

func (s *Sealer) open() (cipher.AEAD, error) {
	key, err := s.vault.Open(sealingPurpose(s.row.Tenant, s.row.ID), s.row.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	if len(key) != keySize {
		return nil, errors.New("the key has another length")
	}
	return newBox(key)
}

// String returns the kid.
func (s *Sealer) String() string { return fmt.Sprintf("sealer %q", s.ID) }

// GoString is String, so that %#v does not show the key.
func (s *Sealer) GoString() string { return s.String() }

// LogValue returns the kid.
func (s *Sealer) LogValue() slog.Value { return slog.GroupValue(slog.String("kid", s.ID)) }

// sealingPurpose binds a sealing key to its row, as privatePurpose does.
func sealingPurpose(tenant, kid string) string { return "sealing-key/" + tenant + "/" + kid }

// makeSealing makes a key that seals tokens.
func makeSealing(v *Vault, tenant string, now time.Time) (*mintage.SigningKey, error) {
	kid := newKeyID()
	key := make([]byte, keySize)
	defer clear(key)
	rand.Read(key)
	sealed, err := v.Seal(sealingPurpose(tenant, kid), key)
	if err != nil {
		return nil, fmt.Errorf("make a sealing key: %w", err)
	}
	return &mintage.SigningKey{
		Tenant: tenant, ID: kid, Alg: mintage.SealingAlg, Sealed: sealed, Created: now, SignsFrom: now, Version: 1,
	}, nil
}

// newKeyID returns a kid: 80 bits, to be unique among a tenant's few keys.
func newKeyID() string {
	const length = 16 // base32
	return strings.ToLower(rand.Text()[:length])
}
