package jose

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// Param is one header parameter of a HeaderForm. The values of "alg", "kid" and
// "jwk" (the public key, for DPoP proofs) are the Signer's to fill in and must
// be empty here.
type Param struct {
	Name, Value string
}

// HeaderForm is a header's parameters in their order. nil means alg, then kid
// when there is one.
type HeaderForm []Param

// Signer makes compact JWS with one key and one header. It is safe for
// concurrent use when its crypto.Signer is; those of the standard library are.
type Signer struct {
	key    *Key
	priv   crypto.Signer
	opts   crypto.SignerOpts
	alg    algorithm
	prefix string // the encoded header and its dot
}

// NewSigner returns a Signer of priv, which may be a key of the standard
// library or stand for one elsewhere. The form must have alg; it must have kid
// exactly when kid is not empty, unless it has jwk.
func NewSigner(priv crypto.Signer, alg Alg, kid string, form HeaderForm) (*Signer, error) {
	if priv == nil {
		return nil, fmt.Errorf("%w: no private key", ErrInvalidKey)
	}
	key, err := NewKey(priv.Public(), kid, alg)
	if err != nil {
		return nil, err
	}
	header, err := form.header(key)
	if err != nil {
		return nil, fmt.Errorf("header form: %w", err)
	}
	a := algorithms[key.alg]
	s := &Signer{key: key, priv: priv, alg: a, opts: a.hash}
	if a.family == familyPSS {
		s.opts = pssOptions(a.hash)
	}
	s.prefix = base64.RawURLEncoding.EncodeToString(header) + "."
	return s, nil
}

// header builds the JSON of the header.
func (f HeaderForm) header(key *Key) ([]byte, error) {
	if f == nil {
		f = HeaderForm{{Name: "alg"}, {Name: "kid"}}
		if key.kid == "" {
			f = f[:1]
		}
	}
	has := func(name string) bool {
		return slices.ContainsFunc(f, func(p Param) bool { return p.Name == name })
	}
	switch {
	case !has("alg"):
		return nil, errors.New("alg is missing")
	case has("kid") && key.kid == "":
		return nil, errors.New("kid is in the form and the key has none")
	case !has("kid") && key.kid != "" && !has("jwk"):
		return nil, errors.New("kid is missing")
	}
	h := []byte("{")
	for i, p := range f {
		if slices.ContainsFunc(f[:i], func(q Param) bool { return p.Name == q.Name }) {
			return nil, fmt.Errorf("%s is there twice", p.Name)
		}
		if i > 0 {
			h = append(h, ',')
		}
		h = append(strictjson.AppendString(h, p.Name), ':')
		var err error
		if h, err = p.append(h, key); err != nil {
			return nil, err
		}
	}
	return append(h, '}'), nil
}

// append appends the parameter's value.
func (p Param) append(h []byte, key *Key) ([]byte, error) {
	filled := p.Name == "alg" || p.Name == "kid" || p.Name == "jwk"
	if filled != (p.Value == "") {
		return nil, fmt.Errorf("%q has a value that the signer fills in, or lacks one", p.Name)
	}
	switch p.Name {
	case "alg":
		return strictjson.AppendString(h, string(key.alg)), nil
	case "kid":
		return strictjson.AppendString(h, key.kid), nil
	case "jwk":
		return key.appendCanonical(h), nil
	case "typ", "cty", "x5t#S256":
		return strictjson.AppendString(h, p.Value), nil
	}
	return nil, fmt.Errorf("%q is not a header parameter that we write", p.Name)
}

// Key returns the public half.
func (s *Signer) Key() *Key { return s.key }

// AppendSign appends the compact serialization of payload to dst and returns
// the longer slice, or dst and an error. payload and dst must not overlap.
func (s *Signer) AppendSign(dst, payload []byte) ([]byte, error) {
	enc := base64.RawURLEncoding
	start := len(dst)
	out := slices.Grow(dst, len(s.prefix)+enc.EncodedLen(len(payload))+1+maxSignature)
	out = append(out, s.prefix...)
	out = enc.AppendEncode(out, payload)
	signed := out[start:]
	if s.alg.family != familyEd25519 {
		signed = digest(s.alg.hash, new([64]byte), signed)
	}
	sig, err := s.priv.Sign(rand.Reader, signed, s.opts)
	if err != nil {
		return dst, fmt.Errorf("sign with %s: %w", s.key, err)
	}
	if s.alg.family == familyEC {
		var fixed [2 * 66]byte
		if !fixedSignature(fixed[:2*s.alg.size], sig) {
			return dst, fmt.Errorf("sign with %s: the signer's answer is no ECDSA signature", s.key)
		}
		out = enc.AppendEncode(append(out, '.'), fixed[:2*s.alg.size])
	} else {
		out = enc.AppendEncode(append(out, '.'), sig)
	}
	if len(out)-start > MaxSize {
		return dst, fmt.Errorf("sign with %s: the token would be longer than %d bytes", s.key, MaxSize)
	}
	return out, nil
}

// maxSignature is the room for an encoded signature of RSA-2048, the longest
// that is common.
const maxSignature = 342

// String returns the key's algorithm and kid.
func (s *Signer) String() string { return "signer of " + s.key.String() }

// GoString is String, so that %#v does not show the private key.
func (s *Signer) GoString() string { return s.String() }

// LogValue hides the private key.
func (s *Signer) LogValue() slog.Value { return s.key.LogValue() }
