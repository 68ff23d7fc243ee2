package enforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

	// Opaque returns the issuer that is to be asked about an opaque token.
	// Errors are those of Issuer: there is nobody to ask, or it cannot be told.
	Opaque(ctx context.Context, token string) (*Issuer, error)
}

// Revocations says which tokens of an issuer ended before their time. A Feed is
// one.
type Revocations interface {
	// Ended reports whether the token was revoked. An error means that it cannot
	// be told for now.
	Ended(ctx context.Context, t *Token) (bool, error)

	// Changed returns a channel that is closed when Ended may answer otherwise
	// than before.
	Changed() <-chan struct{}
}

// Issuer is one authorization server whose tokens are accepted. It is an
// IssuerSet: that of itself alone. Cognito, Auth0, Keycloak and OIDC make those
// of other vendors.
type Issuer struct {
	Name string // issuer identifier, compared byte for byte (RFC 9068 §4)
	Keys KeySet // the keys of this issuer and of nobody else; nil: its JWTs are refused

	// Algorithms are the JWS algorithms that are accepted; empty means
	// DefaultAlgorithms. A key verifies with its own algorithm only, whatever
	// is listed here.
	Algorithms []string

	// Profile is how its tokens differ from RFC 9068. The zero value is that
	// they do not.
	Profile Profile

	// Clients are the clients whose tokens are accepted although they have no
	// aud, by their identifiers; empty: a token without aud is refused. A token
	// that has an aud needs the right one all the same.
	Clients []string

	// InsecureUntyped also accepts tokens whose header says JWT or says no type
	// at all, and which lack claims that RFC 9068 §2.2 demands, for issuers
	// that do not follow it. Every other JWT that the issuer signs for the same
	// audience, such as an ID token, may then pass for an access token. A
	// Profile says more exactly what is accepted.
	InsecureUntyped bool

	// Introspector asks the issuer about opaque tokens; nil: they are refused.
	Introspector *Introspector

	// IntrospectJWTs also asks it about each JWT that passed every other check,
	// as often as Introspector.Life says, so that a revoked one is refused.
	IntrospectJWTs bool

	// Revocations, where it is set, is asked about each token. Follow a Mintage
	// issuer with a Feed.
	Revocations Revocations
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

// Opaque returns i if it has an Introspector that takes the token.
func (i *Issuer) Opaque(_ context.Context, token string) (*Issuer, error) {
	if _, ok := i.takes(token); !ok {
		return nil, fmt.Errorf("opaque token: %w", ErrUnknownIssuer)
	}
	return i, nil
}

// takes returns how long the prefix is by which i is asked about an opaque
// token, if it is.
func (i *Issuer) takes(token string) (length int, ok bool) {
	if i == nil || i.Introspector == nil {
		return 0, false
	}
	if len(i.Introspector.Prefixes) == 0 {
		return 0, true
	}
	length = -1
	for _, p := range i.Introspector.Prefixes {
		if strings.HasPrefix(token, p) {
			length = max(length, len(p))
		}
	}
	return length, length >= 0
}

// Issuers is an IssuerSet of several issuers.
type Issuers []*Issuer

// Issuer returns the one with this name.
func (is Issuers) Issuer(_ context.Context, name string) (*Issuer, error) {
	for _, i := range is {
		if i != nil && name != "" && i.Name == name {
			return i, nil
		}
	}
	return nil, fmt.Errorf("issuer: %w", ErrUnknownIssuer)
}

// Opaque returns the one with the longest of Introspector.Prefixes that the
// token begins with. Where that is several there is none: an opaque token is
// shown to no issuer but its own.
func (is Issuers) Opaque(_ context.Context, token string) (*Issuer, error) {
	var found *Issuer
	longest := -1
	for _, i := range is {
		switch n, ok := i.takes(token); {
		case ok && n > longest:
			found, longest = i, n
		case ok && n == longest:
			found = nil
		}
	}
	if found == nil {
		return nil, fmt.Errorf("opaque token: %w", ErrUnknownIssuer)
	}
	return found, nil
}

// audienceOK says whether a token of i is for the audience: by its aud, or
// where it has none by its client.
func (i *Issuer) audienceOK(t *Token, audience string) bool {
	if len(t.Audience) > 0 {
		return slices.Contains(t.Audience, audience)
	}
	return t.ClientID != "" && slices.Contains(i.Clients, t.ClientID)
}
