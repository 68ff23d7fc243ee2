package secret

import (
	stdpbkdf2 "crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"hash"
	"strings"
)

// Bounds of the iterations: 2,000,000 take about a third of a second.
const (
	minIterations = 1_000
	maxIterations = 2_000_000
)

type pbkdf2 struct {
	hash       func() hash.Hash
	iterations int
	salt, sum  []byte
}

// parsePBKDF2 reads Hydra's form: $pbkdf2-sha256$i=25000,l=32$salt$hash.
func parsePBKDF2(text string) (checker, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return nil, errForm
	}
	p := pbkdf2{hash: sha256.New}
	if parts[1] == "pbkdf2-sha512" {
		p.hash = sha512.New
	}
	n, err := numbers(parts[2], "i", "l")
	if err != nil {
		return nil, err
	}
	if p.salt, p.sum, err = saltAndSum(parts[3], parts[4]); err != nil {
		return nil, err
	}
	if n[1] != len(p.sum) {
		return nil, errors.New("l is not the length of the hash")
	}
	p.iterations = n[0]
	return p, between("i", p.iterations, minIterations, maxIterations)
}

func (p pbkdf2) matches(candidate string) bool {
	sum, err := stdpbkdf2.Key(p.hash, candidate, p.salt, p.iterations, len(p.sum))
	return err == nil && subtle.ConstantTimeCompare(sum, p.sum) == 1
}

func (pbkdf2) input(candidate string) string { return candidate }
