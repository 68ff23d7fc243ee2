package enforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// MaxTokenSize is the longest token that is read, in bytes.
const MaxTokenSize = jose.MaxSize

// Bounds of Verifier.Leeway.
const (
	DefaultLeeway = 10 * time.Second
	MaxLeeway     = time.Minute // RFC 9068 §4: usually no more than a few minutes; FAPI 2.0 allows 60 s
)

// accessTokenType is the typ of RFC 9068 §2.1.
const accessTokenType = "at+jwt"

// Verifier accepts JWT access tokens (RFC 9068) for one resource server. It is
// safe for concurrent use and is not modified by it.
type Verifier struct {
	// Issuers are the issuers whose tokens are accepted. It must be set.
	Issuers IssuerSet

	// Audience is the identifier of the resource server that this Verifier
	// stands in front of; it must be in a token's aud. It must be set, unless
	// AnyAudience is.
	Audience string

	// AnyAudience accepts tokens whatever their aud. Use it only for an issuer
	// that sets none: every token of that issuer, for whatever API, then passes
	// here.
	AnyAudience bool

	// Leeway is how far the clocks of the issuer and of this machine may be
	// apart. Zero means DefaultLeeway, less than zero none, and more than
	// MaxLeeway is MaxLeeway.
	Leeway time.Duration

	// Ended, where it is set, is asked last and says whether the token was
	// revoked. An error means that it cannot tell for now: the token is then not
	// accepted, and not refused for good either (temporarily_unavailable).
	Ended func(ctx context.Context, t *Token) (bool, error)

	// Realm is what challenges call this resource (RFC 9110 §11.5). Empty means
	// the audience.
	Realm string

	// Now returns the time; nil means time.Now.
	Now func() time.Time
}

// Validate says what is missing in the configuration, if anything is. A
// Verifier that is not valid accepts nothing.
func (v *Verifier) Validate() error {
	switch {
	case v.Issuers == nil:
		return errors.New("enforce: the Verifier has no Issuers")
	case v.Audience == "" && !v.AnyAudience:
		return errors.New("enforce: the Verifier has no Audience")
	}
	return nil
}

// Verify returns the token in raw once every check has passed. The error is an
// *oauth.Error: invalid_token where the token is at fault,
// temporarily_unavailable where the issuer's keys cannot be had, server_error
// where the Verifier is not valid. Its Reason says which check it was.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	if err := v.Validate(); err != nil {
		return nil, oauth.ServerError(err)
	}
	if raw == "" {
		return nil, oauth.InvalidToken("token.missing", "there is no access token", oauth.ErrNoBearer)
	}
	j, err := jose.Parse(raw) // bounds the size first
	if err != nil {
		return nil, parseError(err)
	}
	t, err := parseClaims(j)
	if err != nil {
		return nil, oauth.InvalidToken("token.malformed", "the access token is malformed", err)
	}
	t.value = raw
	issuer, err := v.issuer(ctx, j, t)
	if err != nil {
		return nil, err
	}
	if err := checkSignature(ctx, issuer, j); err != nil {
		return nil, err
	}
	if err := v.checkClaims(t); err != nil {
		return nil, err
	}
	if err := v.checkEnded(ctx, t); err != nil {
		return nil, err
	}
	return t, nil
}

// checkEnded refuses a token that was revoked.
func (v *Verifier) checkEnded(ctx context.Context, t *Token) error {
	if v.Ended == nil {
		return nil
	}
	switch ended, err := v.Ended(ctx, t); {
	case err != nil:
		return oauth.TemporarilyUnavailable("store.unavailable", "whether the access token was revoked is not known for now", err)
	case ended:
		return oauth.InvalidToken("token.revoked", "the access token was revoked", nil)
	}
	return nil
}

// parseError tells a token that cannot be read from one whose algorithm does
// not exist.
func parseError(err error) *oauth.Error {
	if e, ok := errors.AsType[*jose.Error](err); ok && e.Reason == jose.BadAlgorithm {
		return oauth.InvalidToken("token.signature", "the access token is signed in a way that is not accepted", err)
	}
	return oauth.InvalidToken("token.malformed", "the access token is malformed", err)
}

// issuer returns the accepted issuer that the token names, if the token is of a
// type that it accepts.
func (v *Verifier) issuer(ctx context.Context, j *jose.JWS, t *Token) (*Issuer, error) {
	typed := jose.TypeIs(j.Type, accessTokenType)
	if !typed && j.Type != "" && !jose.TypeIs(j.Type, "JWT") {
		return nil, wrongType(j.Type)
	}
	issuer, err := v.Issuers.Issuer(ctx, t.Issuer)
	switch {
	case errors.Is(err, ErrUnknownIssuer), err == nil && (issuer == nil || issuer.Name != t.Issuer || t.Issuer == ""):
		return nil, oauth.InvalidToken("token.issuer", "the access token is from an issuer that is not accepted here", err)
	case err != nil:
		return nil, unavailable(err)
	case !typed && !issuer.InsecureUntyped: // RFC 9068 §4
		return nil, wrongType(j.Type)
	}
	if name := t.missing(); name != "" && !issuer.InsecureUntyped {
		return nil, oauth.InvalidToken("token.malformed", "the access token is malformed", fmt.Errorf("claim %s is missing", name))
	}
	return issuer, nil
}

func wrongType(typ string) *oauth.Error {
	return oauth.InvalidToken("token.malformed", "the token is not an access token", fmt.Errorf("typ %q", typ))
}

func unavailable(err error) *oauth.Error {
	return oauth.TemporarilyUnavailable("key.unavailable", "the keys of the issuer cannot be had for now", err)
}

// checkSignature finds the key that the token names at its issuer and nowhere
// else, and verifies with that key's algorithm.
func checkSignature(ctx context.Context, issuer *Issuer, j *jose.JWS) error {
	const description = "the signature of the access token is not accepted"
	if !allowed(issuer.Algorithms, j.Alg) {
		return oauth.InvalidToken("token.signature", description, fmt.Errorf("algorithm %q is not allowed", j.Alg))
	}
	if issuer.Keys == nil {
		return oauth.ServerError(errors.New("enforce: the Issuer has no Keys"))
	}
	key, err := issuer.Keys.Key(ctx, j.KeyID)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return oauth.InvalidToken("token.kid_unknown", description, err)
	case err != nil:
		return unavailable(err)
	case key == nil || key.ID() != j.KeyID:
		return oauth.InvalidToken("token.kid_unknown", description, ErrUnknownKey)
	}
	if err := j.Verify(key.key); err != nil {
		return oauth.InvalidToken("token.signature", description, err)
	}
	return nil
}

func allowed(names []string, alg jose.Alg) bool {
	if len(names) == 0 {
		names = DefaultAlgorithms()
	}
	return slices.ContainsFunc(names, func(name string) bool {
		a, ok := jose.ParseAlg(name)
		return ok && a == alg && !a.Symmetric()
	})
}

// checkClaims is what RFC 9068 §4 says of a token whose signature is right.
func (v *Verifier) checkClaims(t *Token) error {
	if !v.AnyAudience && !slices.Contains(t.Audience, v.Audience) {
		return oauth.InvalidToken("token.audience", "the access token is for another resource", nil)
	}
	now, leeway := time.Now(), v.leeway()
	if v.Now != nil {
		now = v.Now()
	}
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	switch {
	case t.Expires == 0:
		return oauth.InvalidToken("token.malformed", "the access token is malformed", errors.New("claim exp is missing"))
	case !now.Before(at(t.Expires).Add(leeway)):
		return oauth.InvalidToken("token.expired", "the access token has expired", nil)
	case t.NotBefore != 0 && now.Add(leeway).Before(at(t.NotBefore)),
		t.IssuedAt != 0 && now.Add(leeway).Before(at(t.IssuedAt)):
		return oauth.InvalidToken("token.not_yet", "the access token is not valid yet", nil)
	}
	return nil
}

func (v *Verifier) leeway() time.Duration {
	if v.Leeway == 0 {
		return DefaultLeeway
	}
	return min(max(v.Leeway, 0), MaxLeeway)
}
