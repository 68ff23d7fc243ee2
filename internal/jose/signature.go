package jose

import "bytes"

// maxDER is the longest ASN.1 form of an ECDSA signature: P-521, both integers
// of 66 bytes with their headers.
const maxDER = 3 + 2*(2+66)

const (
	tagInteger  = 0x02
	tagSequence = 0x30
	longForm    = 0x81 // one byte of length follows
)

// appendDER appends an ECDSA signature, given as r and s of size bytes each
// (RFC 7518 §3.4), in the ASN.1 form that crypto/ecdsa reads.
func appendDER(dst, sig []byte, size int) (der []byte, ok bool) {
	if len(sig) != 2*size {
		return nil, false
	}
	r, s := bytes.TrimLeft(sig[:size], "\x00"), bytes.TrimLeft(sig[size:], "\x00")
	if len(r) == 0 || len(s) == 0 {
		return nil, false // neither may be zero
	}
	length := 4 + len(r) + int(r[0]>>7) + len(s) + int(s[0]>>7)
	dst = append(dst, tagSequence)
	if length >= 0x80 {
		dst = append(dst, longForm)
	}
	dst = append(dst, byte(length)) //nolint:gosec // at most 138
	return appendInteger(appendInteger(dst, r), s), true
}

func appendInteger(dst, v []byte) []byte {
	n := len(v) + int(v[0]>>7)
	dst = append(dst, tagInteger, byte(n)) //nolint:gosec // at most 67
	if v[0] >= 0x80 {
		dst = append(dst, 0)
	}
	return append(dst, v...)
}

// fixedSignature writes into dst, whose halves are r and s, the ECDSA signature
// that a crypto.Signer answered in ASN.1.
func fixedSignature(dst, der []byte) (ok bool) {
	if len(der) < 2 || der[0] != tagSequence {
		return false
	}
	der = der[1:]
	if der[0] == longForm {
		der = der[1:]
	}
	if len(der) == 0 || int(der[0]) != len(der)-1 {
		return false
	}
	half := len(dst) / 2
	rest, ok1 := readInteger(dst[:half], der[1:])
	rest, ok2 := readInteger(dst[half:], rest)
	return ok1 && ok2 && len(rest) == 0
}

// readInteger fills dst with the integer that der begins with.
func readInteger(dst, der []byte) (rest []byte, ok bool) {
	if len(der) < 2 || der[0] != tagInteger || len(der)-2 < int(der[1]) {
		return nil, false
	}
	v, rest := bytes.TrimLeft(der[2:2+int(der[1])], "\x00"), der[2+int(der[1]):]
	if len(v) > len(dst) {
		return nil, false
	}
	clear(dst)
	copy(dst[len(dst)-len(v):], v)
	return rest, true
}
