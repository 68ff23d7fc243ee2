package enforce

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/dpop"
	"github.com/mintage-auth/mintage/oauth"
)

// defaultMaxProofs makes a replay memory of some 60 MB when it is full.
const defaultMaxProofs = 1_000_000

// DPoP checks that who sends a token holds the key that it is bound to, by the
// proof in the header DPoP (RFC 9449 §4.3). A proof is good for one request: it
// is remembered for as long as it could be used again. The zero value is ready.
//
// Set the fields before the first use and not after. A DPoP is safe for
// concurrent use, may serve several Verifiers, and must not be copied.
type DPoP struct {
	// Algorithms are the JWS algorithms of proofs that are accepted; empty
	// means DefaultAlgorithms.
	Algorithms []string

	// Window is how old a proof may be; zero means 1 minute, and more than 5
	// minutes is 5 minutes. It may be from the future by the Verifier's Leeway,
	// and by 10 seconds at least.
	Window time.Duration

	// MaxProofs is how many proofs are remembered, for one to two windows each;
	// zero means 1,000,000. When there are more, requests with a proof are told
	// temporarily_unavailable: a proof that was forgotten too early could be
	// used again.
	MaxProofs int

	// Nonces demands that a proof has a nonce of this server, which a client
	// learns from the header DPoP-Nonce (RFC 9449 §9). Proofs that were made in
	// advance are then of no use. NonceKey is shared by the processes that take
	// one another's nonces, 32 bytes or more; empty: each has its own.
	Nonces   bool
	NonceKey []byte

	once   sync.Once
	nonces dpop.Nonces

	replay replayMemory
}

func (d *DPoP) algorithms() []string {
	if len(d.Algorithms) == 0 {
		return DefaultAlgorithms()
	}
	return d.Algorithms
}

// Nonce returns the nonce that proofs made now have to carry, for the header
// DPoP-Nonce, or "" where none is demanded. Nobody can tell it beforehand.
func (d *DPoP) Nonce(now time.Time) string {
	if n := d.demanded(); n != nil {
		return n.At(now)
	}
	return ""
}

// demanded returns the nonces of which proofs have to carry one; nil: none.
func (d *DPoP) demanded() *dpop.Nonces {
	if d == nil || !d.Nonces {
		return nil
	}
	d.once.Do(func() {
		d.nonces.Purpose = "mintage resource server DPoP nonce"
		if len(d.NonceKey) > 0 {
			d.nonces.Key = sha256.Sum256(d.NonceKey)
			return
		}
		_, _ = rand.Read(d.nonces.Key[:]) // never fails: the program ends instead
	})
	return &d.nonces
}

// check compares the proof of a call with the call and its token (RFC 9449
// §4.3).
func (d *DPoP) check(v *Verifier, c Call, t *Token) error {
	p, err := dpop.Read(c.Header["Dpop"], d.algorithms())
	if err != nil {
		return proofError(err)
	}
	sum := sha256.Sum256([]byte(t.value))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case p.TokenHash == "":
		return invalidProof("the DPoP proof is malformed", errors.New("claim ath is missing"))
	case p.Thumbprint != t.Confirmation.Key:
		return invalidProof("the DPoP proof is signed by another key than the token is bound to", nil)
	case subtle.ConstantTimeCompare([]byte(p.TokenHash), []byte(hash)) != 1:
		return invalidProof("the DPoP proof is for another token", nil)
	}
	r := &dpop.Request{
		Method: c.Method, URLs: []string{c.Scheme + "://" + c.Host + c.Path},
		Now: v.now(), Window: d.Window, Leeway: v.leeway(), Nonces: d.demanded(),
	}
	if v.Origin != "" {
		r.URLs[0] = v.Origin + c.Path
	}
	if err := p.Check(r); err != nil {
		return proofError(err)
	}
	return d.remember(p, r)
}

// remember lets a proof pass once.
func (d *DPoP) remember(p *dpop.Proof, r *dpop.Request) error {
	limit := d.MaxProofs
	if limit <= 0 {
		limit = defaultMaxProofs
	}
	switch fresh, full := d.replay.add(hashOfProof(p), r.Now, r.Keep(), limit); {
	case full:
		return oauth.TemporarilyUnavailable("dpop.replayed", "there are more DPoP proofs than can be remembered", nil)
	case !fresh:
		return oauth.InvalidDPoPProof("dpop.replayed", "the DPoP proof was used before", nil)
	}
	return nil
}

// proofError is what the caller is told of an error of package dpop.
func proofError(err error) error {
	switch {
	case errors.Is(err, dpop.ErrNone):
		return oauth.InvalidDPoPProof("dpop.missing", err.Error(), nil)
	case errors.Is(err, dpop.ErrNonce):
		return oauth.UseDPoPNonce(nil)
	}
	if e, ok := errors.AsType[*dpop.Error](err); ok {
		return invalidProof(e.Description, e.Cause)
	}
	return err
}

func invalidProof(description string, cause error) *oauth.Error {
	return oauth.InvalidDPoPProof("dpop.invalid", description, cause)
}

// hashOfProof is what a proof is remembered by: its key and its jti, each with
// its length before it.
func hashOfProof(p *dpop.Proof) proofHash {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%d:%s", len(p.Thumbprint), p.Thumbprint, len(p.ID), p.ID))
	return proofHash(sum[:len(proofHash{})])
}

// proofHash is short enough to remember a million, and long enough that nobody
// finds two proofs with the same.
type proofHash [16]byte

// replayMemory remembers proofs for at least a given time, in two generations
// that take turns. The zero value is empty.
type replayMemory struct {
	mu       sync.Mutex
	now, old map[proofHash]struct{}
	turned   time.Time // when now began
}

// add remembers a proof and says whether it is fresh, or that no more can be
// remembered.
func (m *replayMemory) add(h proofHash, at time.Time, keep time.Duration, limit int) (fresh, full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch age := at.Sub(m.turned); {
	case m.now == nil || age >= 2*keep:
		m.now, m.old, m.turned = map[proofHash]struct{}{}, nil, at
	case age >= keep:
		m.now, m.old, m.turned = map[proofHash]struct{}{}, m.now, at
	}
	if _, ok := m.now[h]; ok {
		return false, false
	}
	if _, ok := m.old[h]; ok {
		return false, false
	}
	if len(m.now)+len(m.old) >= limit {
		return false, true
	}
	m.now[h] = struct{}{}
	return true, false
}
