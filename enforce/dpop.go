package enforce

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// Bounds of DPoP.
const (
	defaultProofWindow = time.Minute
	maxProofWindow     = 5 * time.Minute
	minProofFuture     = 10 * time.Second // clients' clocks are often a little ahead
	maxProofSize       = 8 << 10
	maxProofID         = 256
	// defaultMaxProofs makes a replay memory of some 60 MB when it is full.
	defaultMaxProofs = 1_000_000
)

// proofType is the typ of RFC 9449 §4.2.
const proofType = "dpop+jwt"

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
	secret [sha256.Size]byte // that nonces are made with

	replay replayMemory
}

func (d *DPoP) algorithms() []string {
	if len(d.Algorithms) == 0 {
		return DefaultAlgorithms()
	}
	return d.Algorithms
}

func (d *DPoP) window() time.Duration {
	if d.Window <= 0 {
		return defaultProofWindow
	}
	return min(d.Window, maxProofWindow)
}

// proof is a DPoP proof whose form is right.
type proof struct {
	jws                      *jose.JWS
	key                      *jose.Key
	thumbprint               string
	id, method, uri          string
	tokenHash, nonce         string
	issued, expires, notTill int64
}

// check compares the proof of a call with the call and its token, in the order
// of RFC 9449 §4.3; what costs most comes last.
func (d *DPoP) check(v *Verifier, c Call, t *Token) error {
	p, err := d.read(c.Header["Dpop"])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(t.value))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	now := v.now()
	future := max(v.leeway(), minProofFuture)
	switch {
	case p.thumbprint != t.Confirmation.Key:
		return invalidProof("the DPoP proof is signed by another key than the token is bound to", nil)
	case p.method != c.Method:
		return invalidProof("the DPoP proof is for another method", nil)
	case !d.uriMatches(v, c, p.uri):
		return invalidProof("the DPoP proof is for another URL", nil)
	case subtle.ConstantTimeCompare([]byte(p.tokenHash), []byte(hash)) != 1:
		return invalidProof("the DPoP proof is for another token", nil)
	case now.Sub(time.Unix(p.issued, 0)) > d.window(), time.Unix(p.issued, 0).Sub(now) > future,
		p.expires != 0 && !now.Before(time.Unix(p.expires, 0).Add(v.leeway())),
		p.notTill != 0 && time.Unix(p.notTill, 0).Sub(now) > future:
		return invalidProof("the DPoP proof is too old or from the future", nil)
	case !d.nonceOK(p.nonce, now):
		return oauth.UseDPoPNonce(nil)
	}
	if err := p.jws.Verify(p.key); err != nil {
		return invalidProof("the signature of the DPoP proof does not match", err)
	}
	limit := d.MaxProofs
	if limit <= 0 {
		limit = defaultMaxProofs
	}
	switch fresh, full := d.replay.add(p.hash(), now, d.window()+future, limit); {
	case full:
		return oauth.TemporarilyUnavailable("dpop.replayed", "there are more DPoP proofs than can be remembered", nil)
	case !fresh:
		return oauth.InvalidDPoPProof("dpop.replayed", "the DPoP proof was used before", nil)
	}
	return nil
}

func invalidProof(description string, cause error) *oauth.Error {
	return oauth.InvalidDPoPProof("dpop.invalid", description, cause)
}

func (d *DPoP) uriMatches(v *Verifier, c Call, sent string) bool {
	want := c.Scheme + "://" + c.Host + c.Path
	if v.Origin != "" {
		want = v.Origin + c.Path
	}
	a, ok := normalURI(sent)
	b, ok2 := normalURI(want)
	return ok && ok2 && a == b
}

// read reads the one proof of a request and its form.
func (d *DPoP) read(values []string) (*proof, error) {
	switch {
	case len(values) == 0:
		return nil, oauth.InvalidDPoPProof("dpop.missing", "the request carries no DPoP proof", nil)
	case len(values) > 1:
		return nil, invalidProof("the DPoP header is repeated", nil)
	case len(values[0]) > maxProofSize:
		return nil, invalidProof("the DPoP proof is too long", nil)
	}
	j, err := jose.Parse(values[0])
	if err != nil {
		return nil, invalidProof("the DPoP proof is malformed", err)
	}
	if !jose.TypeIs(j.Type, proofType) {
		return nil, invalidProof("the DPoP proof has another type than dpop+jwt", nil)
	}
	if j.Alg.Symmetric() || !allowed(d.Algorithms, j.Alg) {
		return nil, invalidProof("the DPoP proof is signed in a way that is not accepted", fmt.Errorf("algorithm %q", j.Alg))
	}
	p := &proof{jws: j}
	if p.key, err = proofKey(j); err != nil {
		return nil, invalidProof("the key of the DPoP proof cannot be used", err)
	}
	p.thumbprint = p.key.Thumbprint()
	if err := p.readClaims(j.Payload); err != nil {
		return nil, invalidProof("the DPoP proof is malformed", err)
	}
	return p, nil
}

// proofKey returns the public key in the header of a proof. It proves nothing
// but that the sender has it; the token says whose it has to be.
func proofKey(j *jose.JWS) (*jose.Key, error) {
	v, ok := j.Header.Lookup("jwk")
	if !ok {
		return nil, errors.New("there is none")
	}
	k, err := jose.ParseKeyValue(v)
	if err != nil {
		return nil, err
	}
	if k.Alg() == "" {
		return k.WithAlg(j.Alg)
	}
	return k, nil
}

func (p *proof) readClaims(payload []byte) error {
	doc, err := strictjson.Parse(payload, strictjson.Options{})
	if err != nil || doc.Kind() != strictjson.Object {
		return errors.New("the payload is not a JSON object with each name once")
	}
	c := claims{doc: doc}
	p.id, p.method, p.uri = c.text("jti"), c.text("htm"), c.text("htu")
	p.tokenHash, p.nonce = c.text("ath"), c.text("nonce")
	p.issued, p.expires, p.notTill = c.time("iat"), c.time("exp"), c.time("nbf")
	switch {
	case c.bad != "":
		return fmt.Errorf("claim %s has the wrong form", c.bad)
	case len(p.id) > maxProofID:
		return errors.New("claim jti is too long")
	case slices.Contains([]string{p.id, p.method, p.uri, p.tokenHash}, "") || p.issued == 0:
		return errors.New("one of the claims jti, htm, htu, iat and ath is missing")
	}
	return nil
}

// hash is what a proof is remembered by: its key and its jti, each with its
// length before it.
func (p *proof) hash() proofHash {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%d:%s", len(p.thumbprint), p.thumbprint, len(p.id), p.id))
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
