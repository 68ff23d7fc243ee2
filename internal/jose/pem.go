package jose

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// ParsePEM reads the public keys of a PEM file: blocks PUBLIC KEY
// (SubjectPublicKeyInfo) and CERTIFICATE, whose key alone counts. They have no
// kid, and RSA keys no algorithm. A block of a private key is refused. Errors
// wrap ErrInvalidKey or ErrUnsupportedKey.
func ParsePEM(data []byte) ([]*Key, error) {
	var keys []*Key
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		pub, err := publicBlock(block)
		if err != nil {
			return nil, err
		}
		k, err := newKey(pub, "", "")
		if err != nil {
			return nil, err
		}
		if keys = append(keys, k); len(keys) > maxSetKeys {
			return nil, fmt.Errorf("%w: more than %d keys", ErrInvalidKey, maxSetKeys)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: there is no public key in PEM in it", ErrInvalidKey)
	}
	return keys, nil
}

func publicBlock(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		pub, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalidKey, err)
		}
		return pub, nil
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalidKey, err)
		}
		return cert.PublicKey, nil
	case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, fmt.Errorf("%w: it is a private key", ErrInvalidKey)
	}
	return nil, fmt.Errorf("%w: a PEM block that is no public key", ErrUnsupportedKey)
}
