package attack

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/mintage-auth/mintage/internal/jose"
)

// Keys are the public keys of the issuer, each in the forms that a careless
// verifier may take for a shared secret.
type Keys struct{ Secrets [][]byte }

// MaxKeySet bounds a key set, in bytes.
const MaxKeySet = 256 << 10

// ReadKeys reads a key set (RFC 7517 §5).
func ReadKeys(set []byte) (Keys, error) {
	if len(set) > MaxKeySet {
		return Keys{}, fmt.Errorf("the key set is longer than %d bytes", MaxKeySet)
	}
	keys, err := jose.ParseKeySet(set)
	if err != nil {
		return Keys{}, err
	}
	var k Keys
	for _, key := range keys {
		text, err := key.PEM()
		if err != nil {
			return Keys{}, err
		}
		k.Secrets = append(k.Secrets, text, bytes.TrimSpace(text), der(text), key.AppendJWK(nil), []byte(key.Thumbprint()))
	}
	return k, nil
}

// der returns what is inside of a PEM block.
func der(text []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "-") {
			b.WriteString(strings.TrimSpace(line))
		}
	}
	raw, err := base64.StdEncoding.DecodeString(b.String())
	if err != nil {
		return nil
	}
	return raw
}

// forgery is one way to make a token that must be refused out of a good one.
type forgery struct {
	name, about, sources string
	forge                func(good string, k Keys) string
}

// parts are what a compact JWS holds; claims and header are JSON.
type parts struct {
	header, claims map[string]any
	raw            [3]string
}

// split takes a token apart; a token that is no JWT has no parts.
func split(token string) (p parts, ok bool) {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return p, false
	}
	copy(p.raw[:], segments)
	return p, decode(segments[0], &p.header) && decode(segments[1], &p.claims)
}

func decode(segment string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	return err == nil && json.Unmarshal(raw, into) == nil
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// object encodes a JSON object as a segment.
func object(m map[string]any) string {
	raw, err := json.Marshal(m)
	if err != nil { // it came out of JSON
		return ""
	}
	return encode(string(raw))
}

// with returns m with some members changed; nil removes one.
func with(m, changes map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, m)
	for name, value := range changes {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

// flipped changes one bit of the signature of a token.
func flipped(token string, _ Keys) string {
	head, sig, ok := cutLast(token)
	if raw, err := base64.RawURLEncoding.DecodeString(sig); ok && err == nil && len(raw) > 8 {
		raw[7] ^= 1
		return head + base64.RawURLEncoding.EncodeToString(raw)
	}
	if len(token) < 8 {
		return ""
	}
	last := byte('0')
	if token[len(token)-4] == last {
		last = '1'
	}
	return token[:len(token)-4] + string(last) + token[len(token)-3:]
}

// cutLast cuts a token behind its last dot.
func cutLast(token string) (head, signature string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	return token[:i+1], token[i+1:], i >= 0
}

// hs256 signs a header and the claims of p with a secret.
func hs256(p parts, header map[string]any, secret []byte) string {
	text := object(header) + "." + p.raw[1]
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// es256 signs a header and claims with a key that was made for it.
func es256(header, claims map[string]any, key *ecdsa.PrivateKey) string {
	text := object(header) + "." + object(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil { // rand.Reader does not fail
		return ""
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// stranger makes a key and its public JWK.
func stranger() (*ecdsa.PrivateKey, map[string]any) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil { // rand.Reader does not fail
		return nil, nil
	}
	point, err := key.PublicKey.Bytes()
	if err != nil { // it was made on a curve that has the form
		return nil, nil
	}
	coordinate := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	return key, map[string]any{"kty": "EC", "crv": "P-256", "x": coordinate(point[1:33]), "y": coordinate(point[33:])}
}

// ofJWT makes a forgery of what needs the parts of a JWT.
func ofJWT(forge func(p parts, k Keys) string) func(string, Keys) string {
	return func(good string, k Keys) string {
		p, ok := split(good)
		if !ok {
			return ""
		}
		return forge(p, k)
	}
}
