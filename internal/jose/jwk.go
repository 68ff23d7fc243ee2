package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// maxSetKeys bounds the work that somebody else's JWK Set makes: an issuer
// publishes a handful.
const maxSetKeys = 128

// privateMembers are those of RFC 7518 §6 that no public key has, and k, the
// secret of a symmetric one.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// PrivateMember reports whether a member of that name is secret in a JWK.
func PrivateMember(name string) bool { return slices.Contains(privateMembers, name) }

// ParseKey reads a public JWK for signatures (RFC 7517). A JWK with private
// members is refused, for a key that somebody has shown is no secret any more.
// Without alg, a key on a curve gets the curve's algorithm; an RSA key gets none
// and needs WithAlg. Errors wrap ErrInvalidKey or ErrUnsupportedKey.
func ParseKey(jwk []byte) (*Key, error) {
	v, err := strictjson.Parse(jwk, strictjson.Options{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidKey, err)
	}
	return ParseKeyValue(v)
}

// ParseKeyValue is ParseKey for a JWK inside another document, such as the
// header of a DPoP proof.
func ParseKeyValue(v strictjson.Value) (*Key, error) {
	j := jwk{v: v}
	kid, alg := j.common()
	for _, name := range privateMembers {
		if _, ok := v.Lookup(name); ok && j.kty != "oct" {
			j.fail(ErrInvalidKey, "private member in a public key")
		}
	}
	if j.err != nil {
		return nil, j.err
	}
	var pub crypto.PublicKey
	switch j.kty {
	case "EC":
		pub = j.ec()
	case "RSA":
		pub = j.rsa()
	case "OKP":
		pub = j.okp()
	default:
		j.fail(ErrUnsupportedKey, "kty")
	}
	if j.err != nil {
		return nil, j.err
	}
	return newKey(pub, kid, alg)
}

// ParseKeySet reads a JWK Set. Keys that ParseKey refuses are left out
// (RFC 7517 §5). Two keys for signatures with the same kid make the whole set
// ambiguous, which is an error; so is a set of more than 128 keys.
func ParseKeySet(set []byte) ([]*Key, error) { return parseKeySet(set, ParseKeyValue) }

func parseKeySet(set []byte, parse func(strictjson.Value) (*Key, error)) ([]*Key, error) {
	v, err := strictjson.Parse(set, strictjson.Options{})
	if err != nil {
		return nil, fmt.Errorf("key set: %w: %w", ErrInvalidKey, err)
	}
	list, _ := v.Lookup("keys")
	if list.Kind() != strictjson.Array {
		return nil, fmt.Errorf("key set: %w: no array keys", ErrInvalidKey)
	}
	if list.Len() > maxSetKeys {
		return nil, fmt.Errorf("key set: %w: more than %d keys", ErrInvalidKey, maxSetKeys)
	}
	var keys []*Key
	var kids []string
	for _, elem := range list.Elems() {
		k, err := parse(elem)
		if errors.Is(err, ErrUnsupportedKey) {
			continue
		}
		// A wrong key counts here: the issuer may mean it by that kid.
		member, _ := elem.Lookup("kid")
		if kid, _ := member.Str(); kid != "" {
			if slices.Contains(kids, kid) {
				return nil, fmt.Errorf("key set: %w: two keys with the kid %q", ErrInvalidKey, kid)
			}
			kids = append(kids, kid)
		}
		if err == nil {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// parseSecretKeyValue reads a symmetric JWK. Only tests can call it.
func parseSecretKeyValue(v strictjson.Value) (*Key, error) {
	j := jwk{v: v}
	kid, alg := j.common()
	if j.kty != "oct" || !alg.Symmetric() {
		j.fail(ErrUnsupportedKey, "not for HMAC")
	}
	secret := j.bytes("k")
	// RFC 7518 §3.2: a key of the hash's size or larger.
	if j.err == nil && len(secret) < algorithms[alg].hash.Size() {
		j.fail(ErrInvalidKey, "secret shorter than the hash")
	}
	if j.err != nil {
		return nil, j.err
	}
	return &Key{kid: kid, alg: alg, secret: secret}, nil
}

// jwk reads members and keeps the first error.
type jwk struct {
	v   strictjson.Value
	kty string
	err error
}

func (j *jwk) fail(kind error, msg string) {
	if j.err == nil {
		j.err = fmt.Errorf("%w: %s", kind, msg)
	}
}

// common reads what JWKs of all types have, and refuses those that are not for
// verifying.
func (j *jwk) common() (kid string, alg Alg) {
	if j.v.Kind() != strictjson.Object {
		j.fail(ErrInvalidKey, "not an object")
	}
	j.kty = j.text("kty")
	if use, ok := j.optional("use"); ok && use != "sig" {
		j.fail(ErrUnsupportedKey, "use is not sig")
	}
	if ops, ok := j.v.Lookup("key_ops"); ok {
		names, ok := ops.Strings()
		if !ok {
			j.fail(ErrInvalidKey, "key_ops is not an array of strings")
		} else if !slices.Contains(names, "verify") {
			j.fail(ErrUnsupportedKey, "key_ops without verify")
		}
	}
	if name, ok := j.optional("alg"); ok {
		var known bool
		if alg, known = ParseAlg(name); !known {
			j.fail(ErrUnsupportedKey, "alg")
		}
	}
	kid, _ = j.optional("kid")
	if !validKeyID(kid) {
		j.fail(ErrInvalidKey, "kid is too long or not printable")
	}
	return kid, alg
}

func (j *jwk) optional(name string) (s string, ok bool) {
	v, ok := j.v.Lookup(name)
	if !ok {
		return "", false
	}
	s, isString := v.Str()
	if !isString {
		j.fail(ErrInvalidKey, name+" is not a string")
	}
	return s, true
}

func (j *jwk) text(name string) string {
	s, ok := j.optional(name)
	if !ok {
		j.fail(ErrInvalidKey, name+" is missing")
	}
	return s
}

func (j *jwk) bytes(name string) []byte {
	s := j.text(name)
	for i := range len(s) {
		if !isBase64URL(s[i]) {
			j.fail(ErrInvalidKey, name+" is not base64url")
			return nil
		}
	}
	b, err := b64.DecodeString(s)
	if err != nil {
		j.fail(ErrInvalidKey, name+" is not base64url")
	}
	return b
}

// number reads a Base64urlUInt: no leading zero byte (RFC 7518 §2).
func (j *jwk) number(name string) *big.Int {
	b := j.bytes(name)
	if len(b) == 0 || b[0] == 0 {
		j.fail(ErrInvalidKey, name+" is empty or begins with a zero byte")
	}
	if len(b) > maxRSABits/8 {
		j.fail(ErrInvalidKey, name+" is too large")
		return new(big.Int)
	}
	return new(big.Int).SetBytes(b)
}

func (j *jwk) ec() *ecdsa.PublicKey {
	var curve elliptic.Curve
	switch j.text("crv") {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		j.fail(ErrUnsupportedKey, "crv")
		return nil
	}
	x, y := j.bytes("x"), j.bytes("y")
	// RFC 7518 §6.2.1.2: coordinates have their full length.
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
		j.fail(ErrInvalidKey, "x or y has the wrong length")
		return nil
	}
	const uncompressed = 4
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{uncompressed}, x, y))
	if err != nil {
		j.fail(ErrInvalidKey, "not a point on the curve")
	}
	return pub
}

func (j *jwk) rsa() *rsa.PublicKey {
	n, e := j.number("n"), j.number("e")
	if !e.IsInt64() || e.Int64() > maxRSAExponent {
		j.fail(ErrInvalidKey, "e is too large")
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

func (j *jwk) okp() ed25519.PublicKey {
	// RFC 8037 §2; Ed448 and the X curves are not for us.
	if j.text("crv") != "Ed25519" {
		j.fail(ErrUnsupportedKey, "crv")
	}
	return j.bytes("x")
}
