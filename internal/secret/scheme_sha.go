package secret

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// digest is a plain digest in hex, as Doorkeeper and Passport keep them. It is
// fast, and so only as good as the secret is random.
type digest struct {
	hash func([]byte) []byte
	sum  []byte
}

func parseSHA256(hash string) (checker, error) {
	return parseDigest(strings.TrimPrefix(hash, "sha256:"), sha256.Size, func(b []byte) []byte {
		sum := sha256.Sum256(b)
		return sum[:]
	})
}

func parseSHA512(hash string) (checker, error) {
	return parseDigest(strings.TrimPrefix(hash, "sha512:"), sha512.Size, func(b []byte) []byte {
		sum := sha512.Sum512(b)
		return sum[:]
	})
}

func parseDigest(text string, size int, hash func([]byte) []byte) (checker, error) {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != size {
		return nil, errForm
	}
	return digest{hash: hash, sum: sum}, nil
}

func (d digest) matches(candidate string) bool {
	return subtle.ConstantTimeCompare(d.hash([]byte(candidate)), d.sum) == 1
}

func (digest) input(candidate string) string { return candidate }
