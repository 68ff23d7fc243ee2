package mint

// RawLength is the length of an opaque token's number in bytes.
const RawLength = rawLength

// AppendBase62 and ParseBase62 are the spelling of an opaque token's number.
var (
	AppendBase62 = appendBase62
	ParseBase62  = parseBase62
	ParseOpaque  = parseOpaque
)
