package secret

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// phcBase64 is that of the PHC string format and of Hydra: standard alphabet,
// no padding, no spare bits.
var phcBase64 = base64.RawStdEncoding.Strict()

var errForm = errors.New("malformed")

// Bounds of what PHC strings carry, in bytes. Anything else is a mistake.
const (
	minSalt, maxSalt = 8, 64
	minSum, maxSum   = 16, 64
)

// numbers reads name=value pairs in the given order, separated by commas.
func numbers(s string, names ...string) ([]int, error) {
	parts := strings.Split(s, ",")
	if len(parts) != len(names) {
		return nil, errForm
	}
	values := make([]int, len(names))
	for i, part := range parts {
		text, ok := strings.CutPrefix(part, names[i]+"=")
		if !ok || text == "" || text[0] < '0' || text[0] > '9' {
			return nil, errForm
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, errForm
		}
		values[i] = int(n)
	}
	return values, nil
}

// saltAndSum decodes the last two parts of a PHC string.
func saltAndSum(saltText, sumText string) (salt, sum []byte, err error) {
	if strings.ContainsAny(saltText+sumText, "\r\n") { // which package base64 skips
		return nil, nil, errForm
	}
	salt, errSalt := phcBase64.DecodeString(saltText)
	sum, errSum := phcBase64.DecodeString(sumText)
	if errSalt != nil || errSum != nil {
		return nil, nil, errForm
	}
	if err := between("the salt's length in bytes", len(salt), minSalt, maxSalt); err != nil {
		return nil, nil, err
	}
	return salt, sum, between("the hash's length in bytes", len(sum), minSum, maxSum)
}
