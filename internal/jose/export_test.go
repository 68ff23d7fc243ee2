package jose

import "github.com/mintage-auth/mintage/internal/strictjson"

// ParseSecretKeySet reads a set of symmetric keys, which only test vectors have.
func ParseSecretKeySet(set []byte) ([]*Key, error) { return parseKeySet(set, parseSecretKeyValue) }

// ParseSecretKey reads one symmetric key.
func ParseSecretKey(jwk []byte) (*Key, error) {
	v, err := strictjson.Parse(jwk, strictjson.Options{})
	if err != nil {
		return nil, err
	}
	return parseSecretKeyValue(v)
}

// VerifyRaw checks a signature that is in no token.
func (k *Key) VerifyRaw(signed, sig []byte) bool { return k.verify(signed, sig) }
