package mint

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
