package mint

import (
	"encoding/binary"
	"math/bits"
)

const base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// A block of a token's number has 264 bits, which are 45 base62 digits. They are
// handled in five limbs of nine digits each, for 62^9 fits 64 bits well.
const (
	base62Length = 45
	limbDigits   = 9
	limbCount    = base62Length / limbDigits
	limbBase     = 13_537_086_546_263_552 // 62^9
	wordCount    = 5                      // of 64 bits, for 33 bytes
)

// appendBase62 appends the 45 digits of raw, most significant first.
func appendBase62(dst []byte, raw *[blockLength]byte) []byte {
	words := toWords(raw)
	var digits [base62Length]byte
	for limb := limbCount - 1; limb >= 0; limb-- {
		var rest uint64
		// What is left has 53 bits fewer after each limb, and so a word fewer.
		for i := limbCount - 1 - limb; i < wordCount; i++ {
			words[i], rest = bits.Div64(rest, words[i], limbBase)
		}
		at := digits[limb*limbDigits : (limb+1)*limbDigits]
		for i := limbDigits - 2; i > 0; i -= 2 { // two digits at a time
			two := rest % (62 * 62)
			rest /= 62 * 62
			at[i], at[i+1] = base62Digits[two/62], base62Digits[two%62]
		}
		at[0] = base62Digits[rest]
	}
	return append(dst, digits[:]...)
}

// parseBase62 reads what appendBase62 writes. ok is false for anything else:
// each number has one spelling, and each spelling one number.
func parseBase62(s string) (raw [blockLength]byte, ok bool) {
	if len(s) != base62Length {
		return raw, false
	}
	var words [wordCount]uint64
	for limb := range limbCount {
		var carry uint64
		for i := range limbDigits {
			d := base62Value(s[limb*limbDigits+i])
			if d > 61 {
				return raw, false
			}
			carry = carry*62 + uint64(d)
		}
		for i := wordCount - 1; i >= 0; i-- {
			high, low := bits.Mul64(words[i], limbBase)
			var c uint64
			words[i], c = bits.Add64(low, carry, 0)
			carry = high + c
		}
	}
	if words[0] > 0xff { // more than 33 bytes
		return raw, false
	}
	raw[0] = byte(words[0]) //nolint:gosec // it was compared just now
	for i := 1; i < wordCount; i++ {
		binary.BigEndian.PutUint64(raw[8*i-7:], words[i])
	}
	return raw, true
}

func toWords(raw *[blockLength]byte) (words [wordCount]uint64) {
	words[0] = uint64(raw[0])
	for i := 1; i < wordCount; i++ {
		words[i] = binary.BigEndian.Uint64(raw[8*i-7:])
	}
	return words
}

func base62Value(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'Z':
		return c - 'A' + 10
	case 'a' <= c && c <= 'z':
		return c - 'a' + 36
	}
	return 0xff
}
