package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"slices"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// Key verifies signatures of one algorithm. It is never changed and safe for
// concurrent use.
type Key struct {
	kid    string
	alg    Alg              // "" only for an RSA key whose JWK did not say
	public crypto.PublicKey // *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey, ours alone
	secret []byte           // of symmetric keys, instead of public
}

// NewKey returns pub as a Key, for exactly that algorithm. pub is an
// *ecdsa.PublicKey, an *rsa.PublicKey or an ed25519.PublicKey and is copied. kid
// may be empty.
func NewKey(pub crypto.PublicKey, kid string, alg Alg) (*Key, error) {
	if alg == "" {
		return nil, fmt.Errorf("%w: no algorithm", ErrInvalidKey)
	}
	return newKey(pub, kid, alg)
}

// newKey is NewKey, but for alg: without one a key gets that of its curve, and
// an RSA key stays without.
func newKey(pub crypto.PublicKey, kid string, alg Alg) (*Key, error) {
	if !validKeyID(kid) {
		return nil, fmt.Errorf("%w: kid is too long or not printable", ErrInvalidKey)
	}
	k := &Key{kid: kid, alg: alg.normal()}
	var err error
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		err = k.setEC(pub)
	case *rsa.PublicKey:
		err = k.setRSA(pub)
	case ed25519.PublicKey:
		err = k.setEd25519(pub)
	default:
		err = fmt.Errorf("%w: a %T", ErrUnsupportedKey, pub)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

func (k *Key) setEC(pub *ecdsa.PublicKey) error {
	for alg, a := range algorithms {
		if a.family != familyEC || a.curve != pub.Curve {
			continue
		}
		if k.alg == "" {
			k.alg = alg
		}
		if k.alg != alg {
			return k.mismatch(pub.Curve.Params().Name)
		}
		point, err := pub.Bytes()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalidKey, err)
		}
		k.public, err = ecdsa.ParseUncompressedPublicKey(a.curve, point)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalidKey, err)
		}
		return nil
	}
	return fmt.Errorf("%w: curve", ErrUnsupportedKey)
}

func (k *Key) setRSA(pub *rsa.PublicKey) error {
	if f := algorithms[k.alg].family; k.alg != "" && f != familyRSA && f != familyPSS {
		return k.mismatch("RSA")
	}
	if err := checkRSA(pub); err != nil {
		return err
	}
	k.public = &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
	return nil
}

func (k *Key) setEd25519(pub ed25519.PublicKey) error {
	if k.alg == "" {
		k.alg = EdDSA
	}
	if k.alg != EdDSA {
		return k.mismatch("Ed25519")
	}
	if err := checkEd25519(pub); err != nil {
		return err
	}
	k.public = slices.Clone(pub)
	return nil
}

func (k *Key) mismatch(kind string) error {
	return fmt.Errorf("%w: algorithm %q with a key of kind %s", ErrInvalidKey, k.alg, kind)
}

// WithAlg returns k for alg, for RSA keys whose JWK did not say. A key that has
// an algorithm keeps it: asking for another is an error.
func (k *Key) WithAlg(alg Alg) (*Key, error) {
	alg = alg.normal()
	if k.alg == alg && alg != "" {
		return k, nil
	}
	if k.alg != "" {
		return nil, fmt.Errorf("%w: the key is for %s", ErrInvalidKey, k.alg)
	}
	return NewKey(k.public, k.kid, alg)
}

// Named returns k under another kid.
func (k *Key) Named(kid string) (*Key, error) {
	if !validKeyID(kid) {
		return nil, fmt.Errorf("%w: kid is too long or not printable", ErrInvalidKey)
	}
	named := *k
	named.kid = kid
	return &named, nil
}

// ID returns the kid, "" when the key has none.
func (k *Key) ID() string { return k.kid }

// Alg returns the algorithm, "" for an RSA key that needs WithAlg.
func (k *Key) Alg() Alg { return k.alg }

// Public returns the *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey. The
// caller must not change it.
func (k *Key) Public() crypto.PublicKey { return k.public }

// AppendJWK appends the key as a JWK: kty, kid when there is one, use, alg when
// there is one, then the key.
func (k *Key) AppendJWK(dst []byte) []byte {
	params := k.params()
	dst = append(dst, `{"kty":"`...)
	dst = append(dst, k.kty()...)
	if k.kid != "" {
		dst = append(dst, `","kid":`...)
		dst = strictjson.AppendString(dst, k.kid)
		dst = append(dst, `,"use":"sig`...)
	} else {
		dst = append(dst, `","use":"sig`...)
	}
	if k.alg != "" {
		dst = append(dst, `","alg":"`...)
		dst = append(dst, k.alg...)
	}
	for _, p := range params {
		dst = append(dst, `","`...)
		dst = append(dst, p[0]...)
		dst = append(dst, `":"`...)
		dst = append(dst, p[1]...)
	}
	return append(dst, `"}`...)
}

// MarshalJSON returns the key as a JWK.
func (k *Key) MarshalJSON() ([]byte, error) { return k.AppendJWK(nil), nil }

// AppendKeySet appends keys as a JWK Set, in their order.
func AppendKeySet(dst []byte, keys []*Key) []byte {
	dst = append(dst, `{"keys":[`...)
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = k.AppendJWK(dst)
	}
	return append(dst, `]}`...)
}

func (k *Key) kty() string {
	switch k.public.(type) {
	case *ecdsa.PublicKey:
		return "EC"
	case *rsa.PublicKey:
		return "RSA"
	case ed25519.PublicKey:
		return "OKP"
	}
	return "oct"
}

// params returns the members that are the key, in alphabetical order. All are
// plain ASCII. A symmetric key has none that may be written.
func (k *Key) params() [][2]string {
	enc := base64.RawURLEncoding.EncodeToString
	switch pub := k.public.(type) {
	case *ecdsa.PublicKey:
		a := algorithms[k.alg]
		point, err := pub.Bytes()
		if err != nil {
			panic("jose: a key that was checked is off its curve") // newKey parsed this very point
		}
		return [][2]string{
			{"crv", a.curve.Params().Name},
			{"x", enc(point[1 : 1+a.size])},
			{"y", enc(point[1+a.size:])},
		}
	case *rsa.PublicKey:
		return [][2]string{{"e", enc(big.NewInt(int64(pub.E)).Bytes())}, {"n", enc(pub.N.Bytes())}}
	case ed25519.PublicKey:
		return [][2]string{{"crv", "Ed25519"}, {"x", enc(pub)}}
	}
	return nil
}

// appendCanonical appends the JWK of required members only, in alphabetical
// order (RFC 7638 §3.2). It is also what a DPoP proof carries.
func (k *Key) appendCanonical(dst []byte) []byte {
	kty := [2]string{"kty", k.kty()}
	params := append(k.params(), kty)
	slices.SortFunc(params, func(a, b [2]string) int {
		if a[0] < b[0] {
			return -1
		}
		return 1
	})
	sep := `{"`
	for _, p := range params {
		dst = append(dst, sep+p[0]+`":"`+p[1]...)
		sep = `","`
	}
	return append(dst, `"}`...)
}

// Thumbprint returns the key's SHA-256 thumbprint in base64url (RFC 7638). It
// does not depend on kid or algorithm.
func (k *Key) Thumbprint() string {
	sum := sha256.Sum256(k.appendCanonical(nil))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PEM returns the key as a PEM block PUBLIC KEY (SubjectPublicKeyInfo).
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupportedKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// String returns the algorithm and the kid.
func (k *Key) String() string { return fmt.Sprintf("%s key %q", k.alg, k.kid) }

// GoString is String, so that %#v shows no secret either.
func (k *Key) GoString() string { return k.String() }

// LogValue returns the algorithm and the kid.
func (k *Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("alg", string(k.alg)), slog.String("kid", k.kid))
}
