package mint

import (
	"encoding/hex"
	"errors"

	"github.com/mintage-auth/mintage"
)

// RawLength is the length of a stored token's number in bytes.
const RawLength = blockLength

// AppendBase62 and ParseBase62 are the spelling of an opaque token's number.
var (
	AppendBase62 = appendBase62
	ParseBase62  = parseBase62
)

// ParseOpaque returns the number of a token of one block.
func ParseOpaque(token string) (raw [RawLength]byte, ok bool) {
	t, ok := parseOpaque(nil, token)
	if !ok || len(t.raw) != RawLength {
		return raw, false
	}
	return [RawLength]byte(t.raw), true
}

// Contents is what a box holds for a decision and a jti.
func Contents(az *mintage.Authorization, jti string) (string, error) {
	id, ok := parseJTI(jti)
	if !ok {
		return "", errors.New("the jti is no UUID")
	}
	dst, err := appendContents(nil, &order{az: az, jti: id})
	return string(dst), err
}

// parseJTI reads what formatJTI writes.
func parseJTI(s string) (id [16]byte, ok bool) {
	const groups = 4 // end with a hyphen
	var digits [2 * len(id)]byte
	if len(s) != len(digits)+groups {
		return id, false
	}
	n := 0
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return id, false
			}
			continue
		}
		digits[n] = s[i]
		n++
	}
	_, err := hex.Decode(id[:], digits[:])
	return id, err == nil
}

// ReadContents reads it.
var ReadContents = readContents
