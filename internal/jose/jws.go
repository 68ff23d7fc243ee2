package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"unicode"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// MaxSize is the longest token that is read or made, in bytes. HTTP servers
// refuse header lines long before it.
const MaxSize = 16 << 10

// maxKeyID bounds a kid, in bytes: it is compared, logged and looked up.
const maxKeyID = 256

// b64 refuses spare bits that are not zero. It skips line breaks, so whatever
// is decoded with it must have passed isBase64URL.
var b64 = base64.RawURLEncoding.Strict()

// JWS is a parsed token. Nothing in it may be believed before Verify has
// returned nil.
type JWS struct {
	Alg    Alg              // EdDSA whichever name the header has
	KeyID  string           // kid, "" when there is none; printable and at most 256 bytes
	Type   string           // typ as written; compare with TypeIs
	Header strictjson.Value // the whole header

	// Payload is the decoded payload, of any form; often it is JSON.
	Payload []byte

	signed    []byte // what the signature covers
	signature []byte
}

// Parse reads a compact JWS without verifying it. Errors are *Error.
func Parse(token string) (*JWS, error) {
	if len(token) > MaxSize {
		return nil, malformed("longer than 16384 bytes")
	}
	first, second, err := split(token)
	if err != nil {
		return nil, err
	}
	head, payload, sig := token[:first], token[first+1:second], token[second+1:]
	if head == "" || sig == "" {
		return nil, malformed("header or signature is empty")
	}
	// One allocation holds what is signed, the payload and the signature.
	buf := make([]byte, 0, len(token)+base64.RawURLEncoding.DecodedLen(len(payload)+len(sig)))
	buf = append(buf, token...)
	j := &JWS{signed: buf[:second:second]}
	if j.Payload, buf, err = decode(buf, buf[first+1:second]); err != nil {
		return nil, err
	}
	if j.signature, _, err = decode(buf, buf[second+1:len(token)]); err != nil {
		return nil, err
	}
	var header [512]byte
	raw, _, err := decode(header[:0], j.signed[:first])
	if err != nil {
		return nil, err
	}
	if err := j.readHeader(string(raw)); err != nil {
		return nil, err
	}
	return j, nil
}

// split finds the two dots, and refuses any byte that has no business in a
// token before anything is decoded (RFC 8725bis §3.14).
func split(token string) (first, second int, err error) {
	dots := 0
	for i := range len(token) {
		switch c := token[i]; {
		case c != '.':
			if !isBase64URL(c) {
				return 0, 0, malformed("a character that base64url does not have")
			}
		case dots == 0:
			first, dots = i, 1
		default:
			if dots == 1 {
				second = i
			}
			if dots++; dots > 4 {
				return 0, 0, malformed("not three parts")
			}
		}
	}
	switch dots {
	case 2:
		return first, second, nil
	case 4:
		return 0, 0, &Error{Reason: Encrypted, Msg: "five parts: an encrypted token"}
	}
	return 0, 0, malformed("not three parts")
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// decode appends the decoded part to buf and returns both the part and buf.
func decode(buf, part []byte) (decoded, grown []byte, err error) {
	grown, err = b64.AppendDecode(buf, part)
	if err != nil {
		return nil, nil, malformed("not base64url without padding")
	}
	return grown[len(buf):len(grown):len(grown)], grown, nil
}

func (j *JWS) readHeader(raw string) error {
	var err error
	if j.Header, err = strictjson.ParseString(raw, strictjson.Options{}); err != nil || j.Header.Kind() != strictjson.Object {
		return malformed("the header is not a JSON object with each name once")
	}
	var alg string
	for _, m := range j.Header.Members() {
		switch m.Name {
		case "alg":
			err = text(m.Value, &alg)
		case "kid":
			err = text(m.Value, &j.KeyID)
		case "typ":
			err = text(m.Value, &j.Type)
		case "crit": // RFC 7515 §4.1.11: we understand no extension, and an empty list is an error
			return &Error{Reason: Unsupported, Msg: "header parameter crit"}
		case "b64", "zip", "enc":
			return &Error{Reason: Unsupported, Msg: "header parameter b64, zip or enc"}
		default:
			err = registered(m)
		}
		if err != nil {
			return err
		}
	}
	if !validKeyID(j.KeyID) {
		return malformed("kid is too long or not printable")
	}
	var ok bool
	if j.Alg, ok = ParseAlg(alg); !ok {
		return &Error{Reason: BadAlgorithm, Msg: "unknown algorithm, or none"}
	}
	return nil
}

// registered refuses parameters of RFC 7515 §4.1 that have the wrong type. Their
// content is not ours to use: keys come from the caller.
func registered(m strictjson.Member) error {
	want := strictjson.String
	switch m.Name {
	case "jwk":
		want = strictjson.Object
	case "x5c":
		want = strictjson.Array
	case "jku", "x5u", "x5t", "x5t#S256", "cty", "nonce":
	default:
		return nil
	}
	if m.Value.Kind() != want {
		return malformed("a registered header parameter has the wrong type")
	}
	return nil
}

func text(v strictjson.Value, to *string) error {
	s, ok := v.Str()
	if !ok {
		return malformed("alg, kid or typ is not a string")
	}
	*to = s
	return nil
}

func validKeyID(kid string) bool {
	return len(kid) <= maxKeyID && strings.IndexFunc(kid, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Verify returns nil when k's private half signed the token with k's algorithm,
// and an *Error otherwise. That k is the right issuer's key is the caller's to
// know.
func (j *JWS) Verify(k *Key) error {
	if k == nil || k.alg == "" || j.Alg != k.alg {
		return &Error{Reason: BadAlgorithm, Msg: "the token's algorithm is not the key's"}
	}
	if !k.verify(j.signed, j.signature) {
		return &Error{Reason: BadSignature, Msg: "the signature does not match"}
	}
	return nil
}

func (k *Key) verify(signed, sig []byte) bool {
	a := algorithms[k.alg]
	if k.secret != nil {
		mac := hmac.New(a.hash.New, k.secret)
		mac.Write(signed)
		return hmac.Equal(mac.Sum(nil), sig)
	}
	var buf [64]byte
	switch pub := k.public.(type) {
	case *ecdsa.PublicKey:
		var der [maxDER]byte
		asn1, ok := appendDER(der[:0], sig, a.size)
		return ok && ecdsa.VerifyASN1(pub, digest(a.hash, &buf, signed), asn1)
	case *rsa.PublicKey:
		sum := digest(a.hash, &buf, signed)
		if a.family == familyPSS {
			return rsa.VerifyPSS(pub, a.hash, sum, sig, pssOptions(a.hash)) == nil
		}
		return rsa.VerifyPKCS1v15(pub, a.hash, sum, sig) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(pub, signed, sig)
	}
	return false
}

// pssOptions says that the salt is as long as the hash (RFC 7518 §3.5).
func pssOptions(h crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}

// TypeIs reports whether typ, as a header has it, is the media type want, as in
// "at+jwt": letter case does not matter, and "application/" may stand before
// either (RFC 7515 §4.1.9).
func TypeIs(typ, want string) bool {
	return equalFold(trimApplication(typ), trimApplication(want))
}

func trimApplication(typ string) string {
	const prefix = "application/"
	if len(typ) >= len(prefix) && equalFold(typ[:len(prefix)], prefix) && !strings.Contains(typ[len(prefix):], "/") {
		return typ[len(prefix):]
	}
	return typ
}

// equalFold is strings.EqualFold for ASCII alone: U+017F is no s here.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
