package dpop

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
)

// Bounds of proofs.
const (
	// DefaultWindow is how old a proof may be where nobody says otherwise, and
	// MaxWindow the most that anybody can say.
	DefaultWindow = time.Minute
	MaxWindow     = 5 * time.Minute

	minFuture  = 10 * time.Second // clients' clocks are often a little ahead
	maxSize    = 8 << 10
	maxID      = 256
	latestTime = 253402300799 // the end of the year 9999, the last that RFC 3339 can write
)

// proofType is the typ of RFC 9449 §4.2.
const proofType = "dpop+jwt"

// ErrNone says that a request carries no proof, and ErrNonce that its proof
// lacks the nonce of the server or has an old one.
var (
	ErrNone  = errors.New("the request carries no DPoP proof")
	ErrNonce = errors.New("the DPoP proof has not the nonce of this server")
)

// Error says what is wrong with a proof, in words for whoever made it: ASCII
// without quote and backslash, and nothing of what was sent.
type Error struct {
	Description string
	Cause       error // for the log; may be nil
}

// Error returns all that is known.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Description
	}
	return e.Description + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Proof is a proof whose form is right (RFC 9449 §4.2). Until Check says so it
// proves nothing.
type Proof struct {
	Thumbprint string // of its key, as cnf.jkt has it (RFC 7638)
	ID         string // jti
	Method     string // htm
	URI        string // htu
	TokenHash  string // ath; empty: none
	Nonce      string // empty: none
	Issued     int64  // iat, seconds since 1970
	Expires    int64  // exp; zero: none
	NotBefore  int64  // nbf; zero: none

	jws *jose.JWS
	key *jose.Key
}

// Read reads the values of the header DPoP of a request. The error is ErrNone or
// an *Error.
func Read(values, algorithms []string) (*Proof, error) {
	switch {
	case len(values) == 0:
		return nil, ErrNone
	case len(values) > 1:
		return nil, &Error{Description: "the DPoP header is repeated"}
	case len(values[0]) > maxSize:
		return nil, &Error{Description: "the DPoP proof is too long"}
	}
	j, err := jose.Parse(values[0])
	if err != nil {
		return nil, &Error{"the DPoP proof is malformed", err}
	}
	if !jose.TypeIs(j.Type, proofType) {
		return nil, &Error{Description: "the DPoP proof has another type than dpop+jwt"}
	}
	if !allowed(algorithms, j.Alg) {
		return nil, &Error{"the DPoP proof is signed in a way that is not accepted", fmt.Errorf("algorithm %q", j.Alg)}
	}
	p := &Proof{jws: j}
	if p.key, err = proofKey(j); err != nil {
		return nil, &Error{"the key of the DPoP proof cannot be used", err}
	}
	p.Thumbprint = p.key.Thumbprint()
	if err := p.readClaims(j.Payload); err != nil {
		return nil, &Error{"the DPoP proof is malformed", err}
	}
	return p, nil
}

// allowed says whether alg is one of names and asymmetric.
func allowed(names []string, alg jose.Alg) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		a, ok := jose.ParseAlg(name)
		return ok && a == alg && !a.Symmetric()
	})
}

// proofKey returns the public key in the header of a proof. It proves nothing
// but that the sender has it; a token says whose it has to be.
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

func (p *Proof) readClaims(payload []byte) error {
	doc, err := strictjson.Parse(payload, strictjson.Options{})
	if err != nil || doc.Kind() != strictjson.Object {
		return errors.New("the payload is not a JSON object with each name once")
	}
	c := claims{doc: doc}
	p.ID, p.Method, p.URI = c.text("jti"), c.text("htm"), c.text("htu")
	p.TokenHash, p.Nonce = c.text("ath"), c.text("nonce")
	p.Issued, p.Expires, p.NotBefore = c.time("iat"), c.time("exp"), c.time("nbf")
	switch {
	case c.bad != "":
		return fmt.Errorf("claim %s has the wrong form", c.bad)
	case len(p.ID) > maxID:
		return errors.New("claim jti is too long")
	case p.ID == "" || p.Method == "" || p.URI == "" || p.Issued == 0:
		return errors.New("one of the claims jti, htm, htu and iat is missing")
	}
	return nil
}

// claims reads members of a payload, and keeps the name of one that has the
// wrong form.
type claims struct {
	doc strictjson.Value
	bad string
}

func (c *claims) text(name string) string {
	v, ok := c.doc.Lookup(name)
	if !ok {
		return ""
	}
	s, ok := v.Str()
	if !ok {
		c.bad = name
	}
	return s
}

// time reads a NumericDate (RFC 7519 §2) of whole seconds. Zero stands for one
// that is missing.
func (c *claims) time(name string) int64 {
	v, ok := c.doc.Lookup(name)
	if !ok {
		return 0
	}
	n, ok := v.Int64()
	if !ok || n <= 0 || n > latestTime {
		c.bad = name
	}
	return n
}

// Request is what a proof has to be for.
type Request struct {
	Method string
	URLs   []string // by one of which the request came; query and fragment do not count
	Now    time.Time
	Window time.Duration // how old the proof may be; zero means DefaultWindow, and more than MaxWindow is MaxWindow
	Leeway time.Duration // between the clocks; a proof may be from the future by it, and by 10 seconds at least
	Nonces *Nonces       // of which the proof has to carry one; nil: none
}

// Check says whether p is for r and signed with its key. What costs most comes
// last. The error is ErrNonce or an *Error.
func (p *Proof) Check(r *Request) error {
	switch {
	case p.Method != r.Method:
		return &Error{Description: "the DPoP proof is for another method"}
	case !p.isFor(r.URLs):
		return &Error{Description: "the DPoP proof is for another URL"}
	case !p.inTime(r):
		return &Error{Description: "the DPoP proof is too old or from the future"}
	case r.Nonces != nil && !r.Nonces.takes(p.Nonce, r.Now):
		return ErrNonce
	}
	if err := p.jws.Verify(p.key); err != nil {
		return &Error{"the signature of the DPoP proof does not match", err}
	}
	return nil
}

func (p *Proof) isFor(urls []string) bool {
	sent, ok := normalURI(p.URI)
	return ok && slices.ContainsFunc(urls, func(url string) bool {
		want, ok := normalURI(url)
		return ok && want == sent
	})
}

func (p *Proof) inTime(r *Request) bool {
	issued, future := time.Unix(p.Issued, 0), r.future()
	return r.Now.Sub(issued) <= r.window() && issued.Sub(r.Now) <= future &&
		(p.Expires == 0 || r.Now.Before(time.Unix(p.Expires, 0).Add(r.Leeway))) &&
		(p.NotBefore == 0 || time.Unix(p.NotBefore, 0).Sub(r.Now) <= future)
}

func (r *Request) window() time.Duration {
	if r.Window <= 0 {
		return DefaultWindow
	}
	return min(r.Window, MaxWindow)
}

func (r *Request) future() time.Duration { return max(r.Leeway, minFuture) }

// Keep returns for how long from now a proof that passed Check could pass it
// again: for so long it has to be remembered (RFC 9449 §11.1).
func (r *Request) Keep() time.Duration { return r.window() + r.future() }
