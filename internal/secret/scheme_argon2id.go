package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What we hash brought secrets with: 19 MiB, 2 passes, 1 lane, as OWASP says.
// About 25 ms.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonSalt   = 16
	argonSum    = 32
)

// Bounds of imported hashes: with the most memory, passes are bounded by
// maxArgonWork too, to what takes about a second.
const (
	maxArgonMemory = 256 << 10 // KiB
	maxArgonPasses = 64
	maxArgonLanes  = 16
	maxArgonWork   = 1 << 20 // KiB times passes
)

// broughtPrefix is how our own argon2id hashes begin.
const broughtPrefix = "$argon2id$v=19$m=19456,t=2,p=1$"

type argon2id struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

func hashArgon2id(s string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	sum := argon2.IDKey([]byte(s), salt, argonPasses, argonMemory, argonLanes, argonSum)
	return broughtPrefix + phcBase64.EncodeToString(salt) + "$" + phcBase64.EncodeToString(sum)
}

func parseArgon2id(hash string) (checker, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return nil, errForm
	}
	if parts[2] != "v=19" {
		return nil, errors.New("only version 19 is supported")
	}
	n, err := numbers(parts[3], "m", "t", "p")
	if err != nil {
		return nil, err
	}
	memory, passes, lanes := n[0], n[1], n[2]
	if err := errors.Join(
		between("m in KiB", memory, 8, maxArgonMemory),
		between("t", passes, 1, maxArgonPasses),
		between("p", lanes, 1, maxArgonLanes),
	); err != nil {
		return nil, err
	}
	if memory < 8*lanes {
		return nil, errors.New("m is below eight times p")
	}
	if memory*passes > maxArgonWork {
		return nil, fmt.Errorf("m times t is %d, above %d", memory*passes, maxArgonWork)
	}
	salt, sum, err := saltAndSum(parts[4], parts[5])
	if err != nil {
		return nil, err
	}
	//nolint:gosec // all three were bounded above
	return argon2id{memory: uint32(memory), passes: uint32(passes), lanes: uint8(lanes), salt: salt, sum: sum}, nil
}

func (a argon2id) matches(candidate string) bool {
	sum := argon2.IDKey([]byte(candidate), a.salt, a.passes, a.memory, a.lanes, uint32(len(a.sum))) //nolint:gosec // saltAndSum bounds it
	return subtle.ConstantTimeCompare(sum, a.sum) == 1
}

func (argon2id) input(candidate string) string { return candidate }
