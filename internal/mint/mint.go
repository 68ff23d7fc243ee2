package mint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
)

// ErrUnavailable says that the store could not be asked or did not take a
// token, so that the same request may succeed later. It wraps the cause.
var ErrUnavailable = errors.New("storage is not available")

// Rings finds the signing keys of a tenant.
type Rings interface {
	Ring(ctx context.Context, tenant string) (*keys.Ring, error)
}

// Tokens keeps stored tokens; a store.Store has it.
type Tokens interface {
	CreateToken(ctx context.Context, rec *mintage.TokenRecord) error
	Token(ctx context.Context, tenant string, key [38]byte) (*mintage.TokenRecord, error)
}

// Minter makes tokens. All fields but Signed must be set. It is safe for
// concurrent use.
type Minter struct {
	Now    func() time.Time
	Rings  Rings
	Tokens Tokens
	// Signed is told how long each signature took; nil: nobody is.
	Signed func(alg string, took time.Duration)
}

// formats says how a token of each format is made. Value, Alg and whatever is
// stored are its to see to.
var formats = map[mintage.TokenFormat]func(*Minter, context.Context, *order) error{
	mintage.FormatJWT:    (*Minter).mintJWT,
	mintage.FormatStored: (*Minter).mintStored,
	mintage.FormatSealed: (*Minter).mintSealed,
}

// order is one token in the making.
type order struct {
	az  *mintage.Authorization
	now time.Time // with milliseconds
	jti uuid
	tok mintage.AccessToken
}

// Mint makes the token that az says, issued now and expiring exactly its
// lifetime after that. The error wraps keys.ErrNoKey when no key can sign yet,
// ErrUnavailable when storage fails, and is our own fault otherwise.
func (m *Minter) Mint(ctx context.Context, az *mintage.Authorization) (*mintage.AccessToken, error) {
	mint, ok := formats[az.Token.Format]
	if !ok {
		return nil, fmt.Errorf("mint: unknown token format %q", az.Token.Format)
	}
	if az.Token.Lifetime <= 0 || az.Token.Lifetime%time.Second != 0 {
		return nil, fmt.Errorf("mint: a lifetime of %s is not a number of seconds", az.Token.Lifetime)
	}
	if az.DPoPBound && az.KeyThumbprint == "" {
		return nil, errors.New("mint: the token has to be bound to a key, and the decision names none")
	}
	now := m.Now().UTC()
	issued := now.Truncate(time.Second)
	jti := newJTI(now)
	o := &order{az: az, now: now, jti: jti, tok: mintage.AccessToken{
		JTI: formatJTI(jti), Format: az.Token.Format, Scope: az.Scope,
		IssuedAt: issued, Expires: issued.Add(az.Token.Lifetime), KeyThumbprint: az.KeyThumbprint,
	}}
	if err := mint(m, ctx, o); err != nil {
		return nil, fmt.Errorf("mint a %s token: %w", az.Token.Format, err)
	}
	return &o.tok, nil
}

// away marks an error of storage, but for "not found", which is an answer.
func away(err error) error {
	if err == nil || errors.Is(err, mintage.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
