package mint

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mintage-auth/mintage"
)

// The number of an opaque token: version, milliseconds, random bits.
const (
	versionStored = 1

	millisLength = 6  // bytes
	randomLength = 26 // bytes: 208 bits
	rawLength    = 1 + millisLength + randomLength
)

// opaquePrefix begins tokens in base62, for people and scanners.
const opaquePrefix = "mt_"

// mintStored makes a random token and returns when its row is on disk.
func (m *Minter) mintStored(ctx context.Context, o *order) error {
	var raw [rawLength]byte
	raw[0] = versionStored
	putMillis(raw[1:], o.now)
	rand.Read(raw[1+millisLength:])
	if o.az.Dialect == mintage.DialectDoorkeeper {
		o.tok.Value = hex.EncodeToString(raw[:])
	} else {
		o.tok.Value = string(appendBase62([]byte(opaquePrefix), &raw))
	}
	err := m.Tokens.CreateToken(ctx, &mintage.TokenRecord{
		Tenant: o.az.Tenant.ID, Key: recordKey(&raw, o.tok.Value), JTI: o.tok.JTI,
		ClientID: o.az.Client.ID, Subject: o.az.Subject, Scope: o.az.Scope, Audience: o.az.Audience,
		IssuedAt: o.tok.IssuedAt, Expires: o.tok.Expires,
	})
	return away(err)
}

// Lookup finds the row of a stored token that has not expired. For one that
// has, and for whatever is no stored token of the tenant, the error wraps
// mintage.ErrNotFound, without a read if it does not even look like one. Other
// errors wrap ErrUnavailable. Whether the token was revoked is not known here.
func (m *Minter) Lookup(ctx context.Context, tenant, token string) (*mintage.TokenRecord, error) {
	raw, ok := parseOpaque(token)
	if !ok || raw[0] != versionStored {
		return nil, fmt.Errorf("stored token: %w", mintage.ErrNotFound)
	}
	rec, err := m.Tokens.Token(ctx, tenant, recordKey(&raw, token))
	if err != nil {
		return nil, fmt.Errorf("stored token: %w", away(err))
	}
	if !m.Now().Before(rec.Expires) {
		return nil, fmt.Errorf("stored token that has expired: %w", mintage.ErrNotFound)
	}
	return rec, nil
}

// parseOpaque reads either spelling of an opaque token of any version.
func parseOpaque(token string) (raw [rawLength]byte, ok bool) {
	if digits, ok := strings.CutPrefix(token, opaquePrefix); ok {
		return parseBase62(digits)
	}
	if len(token) != hex.EncodedLen(rawLength) {
		return raw, false
	}
	for i := range len(token) {
		if c := token[i]; ('0' > c || c > '9') && ('a' > c || c > 'f') {
			return raw, false
		}
	}
	_, err := hex.Decode(raw[:], []byte(token))
	return raw, err == nil
}

// recordKey returns the key of a token's row. It covers the token as it is
// spelled, so that no other spelling finds the row.
func recordKey(raw *[rawLength]byte, token string) (key [38]byte) {
	copy(key[:millisLength], raw[1:])
	sum := sha256.Sum256([]byte(token))
	copy(key[millisLength:], sum[:])
	return key
}
