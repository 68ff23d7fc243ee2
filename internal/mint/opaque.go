package mint

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
)

// blockLength is what the length of an opaque token's number is a multiple of,
// in bytes. The first byte says of which kind the token is; no length does.
const blockLength = 33

// opaquePrefix begins tokens in base62, for people and scanners.
const opaquePrefix = "mt_"

// spelling is how an opaque token's number is written.
type spelling byte

const (
	spelledHex spelling = iota + 1
	spelledBase62
)

// spellingOf returns the spelling of a dialect's opaque tokens.
func spellingOf(dialect string) spelling {
	if dialect == mintage.DialectDoorkeeper {
		return spelledHex
	}
	return spelledBase62
}

// spell writes a number of whole blocks.
func (s spelling) spell(raw []byte) string {
	if s == spelledHex {
		return hex.EncodeToString(raw)
	}
	out := append(make([]byte, 0, 4*base62Length), opaquePrefix...) // nearly all fit
	for ; len(raw) >= blockLength; raw = raw[blockLength:] {
		out = appendBase62(out, (*[blockLength]byte)(raw))
	}
	return string(out)
}

// length returns how long the spelling of n bytes is.
func (s spelling) length(n int) int {
	if s == spelledHex {
		return hex.EncodedLen(n)
	}
	return len(opaquePrefix) + n/blockLength*base62Length
}

// opaque is an opaque token that somebody showed.
type opaque struct {
	text string
	how  spelling
	raw  []byte
}

// kinds says how a token of each version is looked up.
var kinds = map[byte]func(*Minter, context.Context, string, opaque) (*mintage.TokenRecord, error){
	versionStored: (*Minter).findStored,
	versionBound:  (*Minter).findStored,
	versionSealed: (*Minter).openSealed,
}

// Lookup finds out what an opaque token stands for that has not expired. For
// one that has, and for whatever is no opaque token of the tenant, the error
// wraps mintage.ErrNotFound, without a read if it does not even look like one.
// Other errors wrap ErrUnavailable. Whether the token was revoked is not known
// here.
func (m *Minter) Lookup(ctx context.Context, tenant, token string) (*mintage.TokenRecord, error) {
	var room [sealedSize]byte
	t, ok := parseOpaque(room[:0], token)
	if !ok {
		return nil, fmt.Errorf("opaque token: %w", mintage.ErrNotFound)
	}
	find, ok := kinds[t.raw[0]]
	if !ok {
		return nil, fmt.Errorf("opaque token of an unknown kind: %w", mintage.ErrNotFound)
	}
	rec, err := find(m, ctx, tenant, t)
	if err != nil {
		return nil, fmt.Errorf("opaque token: %w", err)
	}
	if !m.Now().Before(rec.Expires) {
		return nil, fmt.Errorf("opaque token that has expired: %w", mintage.ErrNotFound)
	}
	return rec, nil
}

// parseOpaque reads either spelling of an opaque token of any kind. Its number
// is appended to dst.
func parseOpaque(dst []byte, token string) (opaque, bool) {
	if len(token) > jose.MaxSize {
		return opaque{}, false
	}
	if digits, ok := strings.CutPrefix(token, opaquePrefix); ok {
		raw, ok := parseBlocks(dst, digits)
		return opaque{text: token, how: spelledBase62, raw: raw}, ok
	}
	if token == "" || len(token)%hex.EncodedLen(blockLength) != 0 {
		return opaque{}, false
	}
	for i := range len(token) {
		if c := token[i]; ('0' > c || c > '9') && ('a' > c || c > 'f') {
			return opaque{}, false
		}
	}
	raw, err := hex.AppendDecode(dst, []byte(token))
	return opaque{text: token, how: spelledHex, raw: raw}, err == nil
}

func parseBlocks(dst []byte, digits string) ([]byte, bool) {
	if digits == "" || len(digits)%base62Length != 0 {
		return nil, false
	}
	for ; digits != ""; digits = digits[base62Length:] {
		block, ok := parseBase62(digits[:base62Length])
		if !ok {
			return nil, false
		}
		dst = append(dst, block[:]...)
	}
	return dst, true
}

// The number of a stored token: version, milliseconds, random bits. One that is
// bound to a key has a version of its own: to a server that knows nothing of
// keys, and would take it for a bearer token, it is none.
const (
	versionStored = 1
	versionBound  = 3

	millisLength = 6 // bytes, and 26 random ones: 208 bits
)

// mintStored makes a random token and returns when its row is on disk.
func (m *Minter) mintStored(ctx context.Context, o *order) error {
	var raw [blockLength]byte
	raw[0] = versionStored
	if o.az.KeyThumbprint != "" {
		raw[0] = versionBound
	}
	putMillis(raw[1:], o.now)
	rand.Read(raw[1+millisLength:])
	o.tok.Value = spellingOf(o.az.Dialect).spell(raw[:])
	err := m.Tokens.CreateToken(ctx, &mintage.TokenRecord{
		Tenant: o.az.Tenant.ID, Key: recordKey(raw[:], o.tok.Value), JTI: o.tok.JTI,
		ClientID: o.az.Client.ID, Subject: o.az.Subject, Scope: o.az.Scope, Audience: o.az.Audience,
		IssuedAt: o.tok.IssuedAt, Expires: o.tok.Expires, KeyThumbprint: o.az.KeyThumbprint,
	})
	return away(err)
}

// findStored finds the row of a stored token.
func (m *Minter) findStored(ctx context.Context, tenant string, t opaque) (*mintage.TokenRecord, error) {
	if len(t.raw) != blockLength {
		return nil, mintage.ErrNotFound
	}
	rec, err := m.Tokens.Token(ctx, tenant, recordKey(t.raw, t.text))
	if err == nil && (t.raw[0] == versionBound) != (rec.KeyThumbprint != "") {
		return nil, mintage.ErrNotFound // whatever happened to the row, nobody takes it for a bearer token
	}
	return rec, away(err)
}

// recordKey returns the key of a token's row. It covers the token as it is
// spelled, so that no other spelling finds the row.
func recordKey(raw []byte, token string) (key [38]byte) {
	copy(key[:millisLength], raw[1:])
	sum := sha256.Sum256([]byte(token))
	copy(key[millisLength:], sum[:])
	return key
}
