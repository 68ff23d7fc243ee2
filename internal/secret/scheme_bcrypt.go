package secret

import (
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptLength  = 60
	maxBcryptCost = 14 // about a second
	// bcryptInput is all that bcrypt reads of a secret, in bytes. Whoever made
	// the hash of a longer one cut it there, so we cut the candidate too.
	bcryptInput = 72
)

type bcryptHash []byte

func parseBcrypt(hash string) (checker, error) {
	if len(hash) != bcryptLength {
		return nil, errForm
	}
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for i := len("$2b$10$"); i < len(hash); i++ {
		if strings.IndexByte(alphabet, hash[i]) < 0 {
			return nil, errForm
		}
	}
	cost, err := strconv.ParseUint(hash[len("$2b$"):len("$2b$10")], 10, 8)
	if err != nil || hash[len("$2b$10")] != '$' {
		return nil, errForm
	}
	if err := between("the cost", int(cost), bcrypt.MinCost, maxBcryptCost); err != nil {
		return nil, err
	}
	return bcryptHash(hash), nil
}

func (h bcryptHash) matches(candidate string) bool {
	in := h.input(candidate)
	// bcrypt repeats the secret with a zero byte after it to fill its key: with
	// one inside, "a" and "a\x00a" would be the same.
	clean := !strings.Contains(in, "\x00")
	return bcrypt.CompareHashAndPassword(h, []byte(in)) == nil && clean
}

func (bcryptHash) input(candidate string) string { return candidate[:min(len(candidate), bcryptInput)] }
