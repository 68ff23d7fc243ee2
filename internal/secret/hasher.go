package secret

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
)

// PepperSize is the least size of a pepper in bytes.
const PepperSize = 32

// MaxLength is the longest secret in bytes that anybody may bring or present.
const MaxLength = 512

// generatedPrefix is how hashes of generated secrets begin.
const generatedPrefix = "hmac-sha256$"

// Hasher hashes and checks secrets. It is safe for concurrent use. Make one per
// process with New: what it remembers and bounds, it does per Hasher.
type Hasher struct {
	// Behind a pointer, so that nothing that prints a Hasher prints them.
	keys  *hashKeys
	macs  sync.Pool // of *generatedMAC
	slots *slots
	right *memory[identity, [sha256.Size]byte]
	wrong *memory[[sha256.Size]byte, struct{}]
	// nobody stands in for the secrets of a client that has none: two, since most
	// have one to three, and made once, since an unknown client must cost no
	// allocation that a known one does not.
	nobody []mintage.Secret

	// Observe is told how long each slow hash took, by the name of its scheme;
	// nil: nobody is. Set it before the first use.
	Observe func(scheme string, took time.Duration) `json:"-"`
}

// hashKeys are the MAC keys: a value made for one purpose is none for another.
type hashKeys struct {
	generated [sha256.Size]byte
	digest    [sha256.Size]byte
	remember  [sha256.Size]byte // of this process alone
}

// nobodysHash is no candidate's hash, for all its length: the last character of
// 32 bytes in base64url has two spare bits, which are zero.
const nobodysHash = generatedPrefix + "___________________________________________"

// New returns a Hasher with the given pepper, of which the hashes of generated
// secrets and the digests depend for ever. It panics when the pepper is shorter
// than PepperSize. Slow hashes use at most half of the cores.
func New(pepper []byte) *Hasher {
	return newHasher(pepper, max(1, runtime.GOMAXPROCS(0)/2), remembered)
}

func newHasher(pepper []byte, slots, memorySize int) *Hasher {
	if len(pepper) < PepperSize {
		panic("secret: the pepper is too short")
	}
	k := &hashKeys{
		generated: mac(pepper, "mintage generated secret"),
		digest:    mac(pepper, "mintage secret digest"),
	}
	rand.Read(k.remember[:])
	return &Hasher{
		keys: k, slots: newSlots(slots),
		nobody: []mintage.Secret{{Hash: nobodysHash}, {Hash: nobodysHash}},
		right:  newMemory[identity, [sha256.Size]byte](memorySize),
		wrong:  newMemory[[sha256.Size]byte, struct{}](min(memorySize, rememberedWrong)),
	}
}

func mac(key []byte, s string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	h.Sum(sum[:0])
	return sum
}

// generatedMAC computes MACs of generated secrets, with the key set up.
type generatedMAC struct {
	hash.Hash
	in  [MaxLength]byte
	sum [sha256.Size]byte
}

// generatedHash is a hash of a generated secret, as it is stored.
type generatedHash [len(generatedPrefix) + 43]byte

// hashGenerated is HashGenerated without garbage.
func (h *Hasher) hashGenerated(s string) (out generatedHash) {
	m, ok := h.macs.Get().(*generatedMAC)
	if !ok {
		m = &generatedMAC{Hash: hmac.New(sha256.New, h.keys.generated[:])}
	}
	m.Reset()
	for len(s) > 0 {
		n := copy(m.in[:], s)
		_, _ = m.Write(m.in[:n]) // it never fails
		clear(m.in[:n])
		s = s[n:]
	}
	copy(out[:], generatedPrefix)
	base64.RawURLEncoding.Encode(out[len(generatedPrefix):], m.Sum(m.sum[:0]))
	clear(m.sum[:])
	h.macs.Put(m)
	return out
}

// HashGenerated returns the hash to store of a secret that Generate made: a
// keyed MAC, which is as strong as a slow hash for 256 random bits. Any other
// secret needs HashBrought.
func (h *Hasher) HashGenerated(s string) string {
	out := h.hashGenerated(s)
	return string(out[:])
}

// HashBrought returns the hash to store of a secret that somebody chose:
// argon2id, which takes about 25 ms in a slot. The error wraps ErrBusy, or says
// that the secret is empty or longer than MaxLength.
func (h *Hasher) HashBrought(ctx context.Context, s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("the secret is empty")
	case len(s) > MaxLength:
		return "", fmt.Errorf("the secret is longer than %d bytes", MaxLength)
	}
	taken, err := h.slots.take(ctx, asker{})
	if err != nil {
		return "", err
	}
	defer h.slots.release(taken)
	return hashArgon2id(s), nil
}

// Rehash is HashBrought for a secret that was right just now, under the hash
// that s has: this process does not pay for the new hash again.
func (h *Hasher) Rehash(ctx context.Context, tenant, client string, s *mintage.Secret, candidate string) (string, error) {
	hashed, err := h.HashBrought(ctx, candidate)
	if err != nil {
		return "", err
	}
	h.right.put(identity{tenant: tenant, client: client, secret: s.ID, hash: hashed}, mac(h.keys.remember[:], candidate))
	return hashed, nil
}

// Digest returns a keyed digest of s, by which apply sees whether a reference
// still holds the same secret. It is of no use without the pepper.
func (h *Hasher) Digest(s string) []byte {
	sum := mac(h.keys.digest[:], s)
	return sum[:]
}

// String hides what a Hasher holds.
func (h *Hasher) String() string { return "secret hasher" }

// GoString is String.
func (h *Hasher) GoString() string { return h.String() }

// LogValue is String.
func (h *Hasher) LogValue() slog.Value { return slog.StringValue(h.String()) }
