package mint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/oauth"
)

// The number of a sealed token: version, Ref of the key, nonce, box. The box
// holds, in order:
//
//   - checkLength zero bytes. The tag of a guess fits with a chance of 2^-128;
//     with these it is 2^-160 (RFC 6749 §10.10)
//   - the jti, 16 bytes, in which is when the token was issued
//   - its life in seconds, as a varint
//   - client, subject (empty: the client) and scope, each after its length
//   - how many audiences, and each after its length
//   - of a token that is bound to a DPoP key: boundToKey and the key's
//     thumbprint, 32 bytes
//   - zeros up to a multiple of blockLength
//
// Tenant and spelling are authenticated with the box and not in it: both are
// known to whoever opens it.
const (
	versionSealed = 2

	sealedHeader   = 1 + keys.RefSize
	sealedOverhead = sealedHeader + keys.SealNonce + keys.SealTag
	checkLength    = 4
	jtiLength      = 16

	// boundToKey tells a thumbprint from the zeros at the end. A version that does
	// not know it takes such a token for none.
	boundToKey = 1

	// sealedSize is what nearly all sealed tokens fit into, in bytes.
	sealedSize = 8 * blockLength
)

// scratch is where a sealed token is put together. What is in it is no secret
// of another tenant's request: it is overwritten before it is read.
type scratch struct{ plain, raw, bound []byte }

var scratches = sync.Pool{New: func() any {
	return &scratch{plain: make([]byte, 0, sealedSize), raw: make([]byte, 0, sealedSize), bound: make([]byte, 0, boundSize)}
}}

// mintSealed encrypts what a stored token keeps in its row. No row is written.
func (m *Minter) mintSealed(ctx context.Context, o *order) error {
	ring, err := m.Rings.Ring(ctx, o.az.Tenant.ID)
	if err != nil {
		return fmt.Errorf("keys of tenant %q: %w", o.az.Tenant.ID, away(err))
	}
	sealer, err := ring.Sealer(o.now)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", o.az.Tenant.ID, err)
	}
	sc, ok := scratches.Get().(*scratch)
	if !ok {
		sc = &scratch{}
	}
	defer scratches.Put(sc)
	plain, err := appendContents(sc.plain[:0], o)
	if err != nil {
		return err
	}
	if n := (sealedOverhead + len(plain)) % blockLength; n > 0 {
		var zeros [blockLength]byte
		plain = append(plain, zeros[n:]...)
	}
	how := spellingOf(o.az.Dialect)
	if how.length(sealedOverhead+len(plain)) > jose.MaxSize {
		return fmt.Errorf("the token would be longer than %d bytes", jose.MaxSize)
	}
	raw := append(append(sc.raw[:0], versionSealed), sealer.Ref[:]...)
	bound := appendBound(sc.bound[:0], raw, how, o.az.Tenant.ID)
	raw = sealer.Seal(raw, plain, bound)
	o.tok.Value = how.spell(raw)
	if len(raw) <= 2*sealedSize { // a long one would be kept for ever
		*sc = scratch{plain: plain, raw: raw, bound: bound}
	}
	return nil
}

// boundSize is what nearly all of what is bound fits into, in bytes.
const boundSize = 128

// appendBound appends what is authenticated with the box: the header, how the
// token is spelled, so that no other spelling of it is a token, and the tenant.
func appendBound(dst, header []byte, how spelling, tenant string) []byte {
	dst = append(dst, header[:sealedHeader]...)
	return append(append(dst, byte(how)), tenant...)
}

func appendContents(dst []byte, o *order) ([]byte, error) {
	var check [checkLength]byte
	dst = append(dst, check[:]...)
	dst = append(dst, o.jti[:]...)
	dst = binary.AppendUvarint(dst, uint64(o.az.Token.Lifetime/time.Second)) //nolint:gosec // Mint refuses a negative one
	dst = appendText(dst, o.az.Client.ID)
	subject := o.az.Subject
	if subject == o.az.Client.ID {
		subject = ""
	}
	dst = appendText(dst, subject)
	dst = appendText(dst, o.az.Scope.String())
	dst = binary.AppendUvarint(dst, uint64(len(o.az.Audience)))
	for _, aud := range o.az.Audience {
		dst = appendText(dst, aud)
	}
	if o.az.KeyThumbprint == "" {
		return dst, nil
	}
	start := len(dst) + 1
	dst, err := thumbprints.AppendDecode(append(dst, boundToKey), []byte(o.az.KeyThumbprint))
	if err != nil || len(dst)-start != sha256.Size {
		return nil, errors.New("the thumbprint of the key is none")
	}
	return dst, nil
}

// thumbprints is how thumbprints are written (RFC 7638 §3).
var thumbprints = base64.RawURLEncoding.Strict()

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// openSealed returns what a sealed token of the tenant holds. Errors are those
// of Lookup.
func (m *Minter) openSealed(ctx context.Context, tenant string, t opaque) (*mintage.TokenRecord, error) {
	if len(t.raw) <= sealedOverhead {
		return nil, mintage.ErrNotFound
	}
	ring, err := m.Rings.Ring(ctx, tenant)
	if err != nil {
		return nil, away(err)
	}
	sealer, err := ring.Opener(keys.Ref(t.raw[1:sealedHeader]), m.Now())
	if err != nil {
		return nil, away(err)
	}
	plain, err := sealer.Open(make([]byte, 0, len(t.raw)), t.raw[sealedHeader:], appendBound(make([]byte, 0, boundSize), t.raw, t.how, tenant))
	if err != nil {
		return nil, mintage.ErrNotFound
	}
	rec, ok := readContents(string(plain))
	if !ok {
		return nil, mintage.ErrNotFound
	}
	rec.Tenant, rec.KeyID = tenant, sealer.ID
	return rec, nil
}

// readContents reads what appendContents wrote, and refuses anything else.
func readContents(plain string) (*mintage.TokenRecord, bool) {
	r := contents{rest: plain, ok: true}
	var check [checkLength]byte
	jti := r.take(checkLength + jtiLength)
	if !r.ok || jti[:checkLength] != string(check[:]) {
		return nil, false
	}
	id := [jtiLength]byte([]byte(jti[checkLength:]))
	issued := time.UnixMilli(millisOf(id[:])).UTC().Truncate(time.Second)
	life := r.number(uint64(mintage.LongestTokenLifetime / time.Second))
	rec := &mintage.TokenRecord{
		JTI: formatJTI(id), IssuedAt: issued, Expires: issued.Add(time.Duration(life) * time.Second), //nolint:gosec // it is bounded
		ClientID: r.text(), Subject: r.text(),
	}
	if rec.Subject == "" {
		rec.Subject = rec.ClientID
	}
	if wire := r.text(); wire != "" {
		scope, err := oauth.ParseScope(wire)
		if err != nil {
			return nil, false
		}
		rec.Scope = scope
	}
	for range r.number(math.MaxUint8) {
		rec.Audience = append(rec.Audience, r.text())
	}
	if r.ok && r.rest != "" && r.rest[0] == boundToKey {
		r.take(1)
		rec.KeyThumbprint = thumbprints.EncodeToString([]byte(r.take(sha256.Size)))
	}
	return rec, r.ok && r.padding() && rec.ClientID != "" && life > 0
}

// contents is what is left to read of a box. Once something is amiss it reads
// zeros.
type contents struct {
	rest string
	ok   bool
}

func (r *contents) take(n int) string {
	if !r.ok || n > len(r.rest) {
		r.ok = false
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// number reads a varint that is at most most.
func (r *contents) number(most uint64) uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.take(1)
		if !r.ok {
			return 0
		}
		n |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			r.ok = n <= most
			return min(n, most)
		}
	}
	r.ok = false
	return 0
}

func (r *contents) text() string {
	return r.take(int(r.number(jose.MaxSize))) //nolint:gosec // it is bounded
}

// padding reports whether the rest is what fills the last block.
func (r *contents) padding() bool {
	var zeros [blockLength]byte
	return len(r.rest) < blockLength && r.rest == string(zeros[:len(r.rest)])
}
