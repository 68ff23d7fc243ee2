package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
)

// Alg is a JWS algorithm as RFC 7518 §3.1 and RFC 8037 §3.1 name it. The zero
// value is no algorithm; nothing verifies with it.
type Alg string

// The algorithms. EdDSA is Ed25519 only. Ed25519 is its name since RFC 9864; it
// is read wherever EdDSA is, and turned into EdDSA. The symmetric ones verify
// test vectors and nothing else.
const (
	ES256   Alg = "ES256"
	ES384   Alg = "ES384"
	ES512   Alg = "ES512"
	RS256   Alg = "RS256"
	RS384   Alg = "RS384"
	RS512   Alg = "RS512"
	PS256   Alg = "PS256"
	PS384   Alg = "PS384"
	PS512   Alg = "PS512"
	EdDSA   Alg = "EdDSA"
	Ed25519 Alg = "Ed25519"
	HS256   Alg = "HS256"
	HS384   Alg = "HS384"
	HS512   Alg = "HS512"
)

type family uint8

const (
	familyEC family = iota + 1
	familyRSA
	familyPSS
	familyEd25519
	familyHMAC
)

type algorithm struct {
	family family
	hash   crypto.Hash
	curve  elliptic.Curve // of familyEC
	size   int            // of familyEC: bytes of a coordinate and of r and s
}

var algorithms = map[Alg]algorithm{
	ES256: {family: familyEC, hash: crypto.SHA256, curve: elliptic.P256(), size: 32},
	ES384: {family: familyEC, hash: crypto.SHA384, curve: elliptic.P384(), size: 48},
	ES512: {family: familyEC, hash: crypto.SHA512, curve: elliptic.P521(), size: 66},
	RS256: {family: familyRSA, hash: crypto.SHA256},
	RS384: {family: familyRSA, hash: crypto.SHA384},
	RS512: {family: familyRSA, hash: crypto.SHA512},
	PS256: {family: familyPSS, hash: crypto.SHA256},
	PS384: {family: familyPSS, hash: crypto.SHA384},
	PS512: {family: familyPSS, hash: crypto.SHA512},
	EdDSA: {family: familyEd25519},
	HS256: {family: familyHMAC, hash: crypto.SHA256},
	HS384: {family: familyHMAC, hash: crypto.SHA384},
	HS512: {family: familyHMAC, hash: crypto.SHA512},
}

// ParseAlg returns the algorithm with exactly that name, EdDSA for both of its
// names; ok is false for anything else, "none" included.
func ParseAlg(name string) (alg Alg, ok bool) {
	alg = Alg(name).normal()
	_, ok = algorithms[alg]
	return alg, ok
}

// Symmetric reports whether alg uses a shared secret.
func (a Alg) Symmetric() bool { return algorithms[a].family == familyHMAC }

// normal folds the two names of one algorithm (RFC 9864 §2.2).
func (a Alg) normal() Alg {
	if a == Ed25519 {
		return EdDSA
	}
	return a
}

// GenerateKey makes a private key for alg; RSA keys have 2048 bits and take up
// to seconds.
func GenerateKey(alg Alg) (crypto.Signer, error) {
	const rsaBits = 2048 // what every consumer takes; more costs the signer 3 to 7 times as much
	a := algorithms[alg.normal()]
	switch a.family {
	case familyEC:
		return ecdsa.GenerateKey(a.curve, rand.Reader)
	case familyRSA, familyPSS:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case familyEd25519:
		_, priv, err := ed25519.GenerateKey(rand.Reader)
		return priv, err
	case familyHMAC:
	}
	return nil, fmt.Errorf("%w: no key pair can be made for algorithm %q", ErrUnsupportedKey, alg)
}

// digest returns data's hash, in buf.
func digest(h crypto.Hash, buf *[64]byte, data []byte) []byte {
	if h == crypto.SHA256 {
		sum := sha256.Sum256(data)
		return append(buf[:0], sum[:]...)
	}
	if h == crypto.SHA384 {
		sum := sha512.Sum384(data)
		return append(buf[:0], sum[:]...)
	}
	sum := sha512.Sum512(data)
	return append(buf[:0], sum[:]...)
}
