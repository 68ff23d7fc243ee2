package mint

import "github.com/mintage-auth/mintage"

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
	b, err := appendContents(nil, &order{az: az, tok: &mintage.AccessToken{JTI: jti}})
	return string(b), err
}

// ReadContents reads it.
var ReadContents = readContents
