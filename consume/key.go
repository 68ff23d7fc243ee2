package consume

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mintage-auth/mintage/internal/jose"
)

// SigningKey is a private key that signs assertions or proofs. Printing or
// logging it does not show it.
type SigningKey struct {
	// Signer is an ECDSA, Ed25519 or RSA key, or stands for one that is kept
	// elsewhere. It must be set.
	Signer crypto.Signer

	// ID is the kid by which the server knows the key; empty means that it is
	// not named.
	ID string

	// Alg is the JWS algorithm; empty means ES256, ES384 or ES512 by the curve,
	// EdDSA, or RS256. PS256 is another for RSA keys.
	Alg string

	// Certificate is the key's, where the server knows it by that (x5t#S256, RFC
	// 7515 §4.1.8). It may be nil.
	Certificate *x509.Certificate
}

// Key returns the client's key. It is asked at each request for a token, so that
// a key that changes is noticed, and should be quick.
type Key func(ctx context.Context) (*SigningKey, error)

// KeyFile returns a Key that is read from a file at each request, as ParseKey
// reads it. Kid is its ID and may be empty.
func KeyFile(path, kid string) Key {
	return func(context.Context) (*SigningKey, error) {
		b, err := readFile(path)
		if err != nil {
			return nil, err
		}
		k, err := ParseKey(b, kid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return k, nil
	}
}

// KeyValue returns a Key that is known beforehand.
func KeyValue(k *SigningKey) Key {
	return func(context.Context) (*SigningKey, error) { return k, nil }
}

// ParseKey reads a private key in PEM (PKCS #8, PKCS #1 or SEC 1), and the first
// certificate beside it, if there is one. Kid becomes its ID.
func ParseKey(data []byte, kid string) (*SigningKey, error) {
	k := &SigningKey{ID: kid}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "CERTIFICATE":
			if k.Certificate == nil {
				k.Certificate, err = x509.ParseCertificate(block.Bytes)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("the %s cannot be read", block.Type) // the cause may quote it
		}
		if signer, ok := key.(crypto.Signer); ok && k.Signer == nil {
			k.Signer = signer
		}
	}
	if k.Signer == nil {
		return nil, errors.New("there is no private key in PEM in it")
	}
	if _, err := k.alg(); err != nil {
		return nil, err
	}
	return k, nil
}

// alg returns the algorithm.
func (k *SigningKey) alg() (jose.Alg, error) {
	if k.Alg != "" {
		a, ok := jose.ParseAlg(k.Alg)
		if !ok || a.Symmetric() {
			return "", fmt.Errorf("%q is not an algorithm for signatures", k.Alg)
		}
		return a, nil
	}
	switch pub := k.Signer.Public().(type) {
	case *ecdsa.PublicKey:
		if a, ok := map[int]jose.Alg{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[pub.Curve.Params().BitSize]; ok {
			return a, nil
		}
	case ed25519.PublicKey:
		return jose.EdDSA, nil
	case *rsa.PublicKey:
		return jose.RS256, nil
	}
	return "", errors.New("the key is of a type that signs no JWT")
}

// jwsSigner returns what signs JWTs of the given header type.
func (k *SigningKey) jwsSigner(typ string) (*jose.Signer, error) {
	alg, err := k.alg()
	if err != nil {
		return nil, err
	}
	head := jose.HeaderForm{{Name: "typ", Value: typ}, {Name: "alg"}}
	if k.ID != "" {
		head = append(head, jose.Param{Name: "kid"})
	}
	if k.Certificate != nil {
		sum := sha256.Sum256(k.Certificate.Raw)
		head = append(head, jose.Param{Name: "x5t#S256", Value: base64.RawURLEncoding.EncodeToString(sum[:])})
	}
	return jose.NewSigner(k.Signer, alg, k.ID, head)
}

// mark is another one for another key.
func (k *SigningKey) mark() ([sha256.Size]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.Signer.Public())
	return sha256.Sum256(append(der, k.ID...)), err
}

// String returns the ID and hides the key.
func (k *SigningKey) String() string { return "signing key " + k.ID + " (hidden)" }

// GoString is String, so that %#v hides the key too.
func (k *SigningKey) GoString() string { return k.String() }

// LogValue hides the key.
func (k *SigningKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// CertificateFiles returns a function for tls.Config.GetClientCertificate that
// reads the certificate and its key, both in PEM, at each handshake, so that new
// connections have a new one as soon as the files do.
func CertificateFiles(cert, key string) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("the client certificate: %w", err)
		}
		return &c, nil
	}
}
