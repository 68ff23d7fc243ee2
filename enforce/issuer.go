package enforce

import (
	"context"
	"errors"
	"fmt"
)

// ErrUnknownIssuer says that an issuer is not one whose tokens are accepted.
var ErrUnknownIssuer = errors.New("unknown issuer")

// IssuerSet is the issuers whose tokens are accepted.
type IssuerSet interface {
	// Issuer returns the issuer with exactly this identifier. The error wraps
	// ErrUnknownIssuer where it is not accepted; any other says that it cannot
	// be told for now. The identifier comes from a token that nobody has
	// verified: never fetch what it points to.
	Issuer(ctx context.Context, name string) (*Issuer, error)
}

// Issuer is one authorization server whose tokens are accepted. It is an
// IssuerSet: that of itself alone.
type Issuer struct {
	Name string // issuer identifier, compared byte for byte (RFC 9068 §4)
	Keys KeySet // the keys of this issuer and of nobody else

	// Algorithms are the JWS algorithms that are accepted; empty means
	// DefaultAlgorithms. A key verifies with its own algorithm only, whatever
	// is listed here.
	Algorithms []string

	// InsecureUntyped also accepts tokens whose header says JWT or says no type
	// at all, and which lack claims that RFC 9068 §2.2 demands, for issuers
	// that do not follow it. Every other JWT that the issuer signs for the same
	// audience, such as an ID token, may then pass for an access token.
	InsecureUntyped bool
}

// DefaultAlgorithms returns the algorithms of an Issuer that lists none: those
// that authorization servers sign access tokens with.
func DefaultAlgorithms() []string { return []string{"ES256", "RS256", "PS256", "EdDSA"} }

// Issuer returns i if that is its name.
func (i *Issuer) Issuer(_ context.Context, name string) (*Issuer, error) {
	if i == nil || name == "" || i.Name != name {
		return nil, fmt.Errorf("issuer: %w", ErrUnknownIssuer)
	}
	return i, nil
}

// Issuers is an IssuerSet of several issuers.
type Issuers []*Issuer

// Issuer returns the one with this name.
func (is Issuers) Issuer(ctx context.Context, name string) (*Issuer, error) {
	for _, i := range is {
		if found, err := i.Issuer(ctx, name); err == nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("issuer: %w", ErrUnknownIssuer)
}
