package enforce

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
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

// Verifier accepts access tokens for one resource server: JWTs (RFC 9068) by
// the keys of their issuer, opaque ones by asking it. It is safe for concurrent
// use and is not modified by it.
type Verifier struct {
	// Issuers are the issuers whose tokens are accepted. It must be set.
	Issuers IssuerSet

	// Audience is the identifier of the resource server that this Verifier
	// stands in front of; it must be in a token's aud. It must be set, unless
	// AnyAudience is. For issuers that set no aud see Issuer.Clients.
	Audience string

	// AnyAudience accepts tokens whatever their aud. Use it only for an issuer
	// that sets none: every token of that issuer, for whatever API, then passes
	// here.
	AnyAudience bool

	// Leeway is how far the clocks of the issuer and of this machine may be
	// apart. Zero means DefaultLeeway, less than zero none, and more than
	// MaxLeeway is MaxLeeway.
	Leeway time.Duration

	// Cache, where it is set, keeps JWTs whose signature was verified, so that
	// it is verified once. Everything else is checked each time.
	Cache *TokenCache

	// Ended, where it is set, is asked last and says whether the token was
	// revoked, beside Issuer.Revocations. An error means that it cannot tell
	// for now: the token is then not accepted, and not refused for good either
	// (temporarily_unavailable).
	Ended func(ctx context.Context, t *Token) (bool, error)

	// DPoP checks the proofs of tokens that are bound to a DPoP key (RFC 9449);
	// nil: such tokens are refused. One DPoP may serve several Verifiers.
	DPoP *DPoP

	// Origin is the scheme and the host by which clients reach this resource
	// server, such as https://api.example, which their DPoP proofs name. Empty
	// means what the connection and the Host header say, which is wrong behind
	// a proxy that ends TLS or changes Host.
	Origin string

	// Certificate returns the client's certificate of a request, nil for none,
	// where a proxy ends TLS; ForwardedCertificate makes one. Without it the
	// certificate is that of the connection.
	Certificate func(r *http.Request) (*x509.Certificate, error)

	// Metadata, where it is set, is what challenges point to (RFC 9728 §5.1).
	// Serve it with Metadata.ServeHTTP at Metadata.Path.
	Metadata *ResourceMetadata

	// Realm is what challenges call this resource (RFC 9110 §11.5). Empty means
	// the audience.
	Realm string

	// Now returns the time; nil means time.Now.
	Now func() time.Time
}

// Validate says what is missing in the configuration, if anything is. A
// Verifier without Issuers or Audience accepts nothing.
func (v *Verifier) Validate() error {
	if err := v.complete(); err != nil || v.Metadata == nil {
		return err
	}
	return v.Metadata.Validate()
}

// complete is Validate of what decides whether a token is accepted.
func (v *Verifier) complete() error {
	switch {
	case v.Issuers == nil:
		return errors.New("enforce: the Verifier has no Issuers")
	case v.Audience == "" && !v.AnyAudience:
		return errors.New("enforce: the Verifier has no Audience")
	}
	return nil
}

// Verify returns the token in raw once every check has passed, for callers that
// have no request to it. A token that is bound to a certificate or a DPoP key
// is refused, since there is nothing that could prove its possession:
// AuthenticateCall takes those too.
//
// The error is an *oauth.Error: invalid_token where the token is at fault,
// temporarily_unavailable where the issuer's keys or its answer cannot be had,
// server_error where the Verifier is not valid. Its Reason says which check it
// was.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	tok, err := v.Inspect(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := unproven(tok); err != nil {
		return nil, err
	}
	return tok, nil
}

// Inspect is Verify for a token that nobody presents: it does not refuse one
// that is bound to a key. Whoever sent the token may have stolen it, so admit
// nothing on its word.
func (v *Verifier) Inspect(ctx context.Context, raw string) (*Token, error) {
	if err := v.complete(); err != nil {
		return nil, oauth.ServerError(err)
	}
	switch {
	case raw == "":
		return nil, oauth.InvalidToken("token.missing", "there is no access token", oauth.ErrNoBearer)
	case len(raw) > MaxTokenSize:
		return nil, oauth.InvalidToken("token.malformed", "the access token is malformed", errors.New("it is longer than 16384 bytes"))
	case isJWT(raw):
		return v.inspectJWT(ctx, raw)
	}
	return v.inspectOpaque(ctx, raw)
}

// isJWT says whether a token has the two dots of a JWT, or the four of an
// encrypted one, and no character that neither has. Such a token is never shown
// to an issuer as an opaque one.
func isJWT(raw string) bool {
	n := strings.Count(raw, ".")
	if n != 2 && n != 4 {
		return false
	}
	for _, c := range []byte("~+/=") { // the rest of RFC 6750 §2.1
		if strings.IndexByte(raw, c) >= 0 {
			return false
		}
	}
	return true
}

// signed is a JWT whose signature was verified.
type signed struct {
	token  *Token
	issuer *Issuer // by whose policy it was read
	key    *Key    // that verified it
}

func (v *Verifier) inspectJWT(ctx context.Context, raw string) (*Token, error) {
	id := v.Cache.id(v, raw)
	if s := v.Cache.get(id); s != nil {
		switch tok, err := v.again(ctx, s); {
		case err != nil:
			if e, ok := errors.AsType[*oauth.Error](err); ok && e.Status < http.StatusInternalServerError {
				v.Cache.drop(id)
			}
			return nil, err
		case tok != nil:
			return tok, nil
		}
	}
	s, err := v.first(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := v.checkPolicy(ctx, s.issuer, s.token); err != nil {
		return nil, err
	}
	v.Cache.put(id, s)
	return s.token, nil
}

// again checks all of a token that was verified before but what cannot have
// changed: its signature and form. It returns nothing where the issuer or its
// key is another than it was, so that the token is verified anew.
func (v *Verifier) again(ctx context.Context, s *signed) (*Token, error) {
	issuer, err := v.issuer(ctx, s.token.Issuer)
	if err != nil {
		return nil, err
	}
	if issuer != s.issuer {
		return nil, nil //nolint:nilnil // verify it anew
	}
	key, err := findKey(ctx, issuer, s.token.KeyID)
	if err != nil {
		return nil, err
	}
	if !key.equal(s.key) {
		return nil, nil //nolint:nilnil // verify it anew
	}
	if err := v.checkPolicy(ctx, issuer, s.token); err != nil {
		return nil, err
	}
	return s.token, nil
}

// first reads a JWT and verifies its signature.
func (v *Verifier) first(ctx context.Context, raw string) (*signed, error) {
	j, err := jose.Parse(raw)
	if err != nil {
		return nil, parseError(err)
	}
	doc, err := parsePayload(j.Payload)
	if err != nil {
		return nil, malformed(err)
	}
	iss := claims{doc: doc}
	name := iss.text("iss")
	if iss.bad != "" {
		return nil, malformed(errors.New("claim iss has the wrong form"))
	}
	issuer, err := v.issuer(ctx, name)
	if err != nil {
		return nil, err
	}
	if !issuer.takesType(j.Type) { // RFC 9068 §4
		return nil, oauth.InvalidToken("token.malformed", "the token is not an access token", fmt.Errorf("typ %q", j.Type))
	}
	t, err := parseClaims(doc, &issuer.Profile)
	if err != nil {
		return nil, malformed(err)
	}
	if err := issuer.Profile.check(doc); err != nil {
		return nil, oauth.InvalidToken("token.malformed", "the token is not an access token", err)
	}
	if name := issuer.missing(t); name != "" {
		return nil, malformed(fmt.Errorf("claim %s is missing", name))
	}
	if !allowed(issuer.Algorithms, j.Alg) {
		return nil, badSignature(fmt.Errorf("algorithm %q is not allowed", j.Alg))
	}
	key, err := findKey(ctx, issuer, j.KeyID)
	if err != nil {
		return nil, err
	}
	if err := j.Verify(key.key); err != nil {
		return nil, badSignature(err)
	}
	t.KeyID, t.Algorithm, t.value, t.payload = j.KeyID, string(j.Alg), raw, j.Payload
	return &signed{token: t, issuer: issuer, key: key}, nil
}

func malformed(cause error) *oauth.Error {
	return oauth.InvalidToken("token.malformed", "the access token is malformed", cause)
}

func badSignature(cause error) *oauth.Error {
	return oauth.InvalidToken("token.signature", "the signature of the access token is not accepted", cause)
}

// parseError tells a token that cannot be read from one whose algorithm does
// not exist.
func parseError(err error) *oauth.Error {
	if e, ok := errors.AsType[*jose.Error](err); ok && e.Reason == jose.BadAlgorithm {
		return badSignature(err)
	}
	return malformed(err)
}

// issuer returns the accepted issuer of that name.
func (v *Verifier) issuer(ctx context.Context, name string) (*Issuer, error) {
	issuer, err := v.Issuers.Issuer(ctx, name)
	switch {
	case errors.Is(err, ErrUnknownIssuer), err == nil && (issuer == nil || issuer.Name != name || name == ""):
		return nil, oauth.InvalidToken("token.issuer", "the access token is from an issuer that is not accepted here", err)
	case err != nil:
		return nil, oauth.TemporarilyUnavailable("key.unavailable", "the issuer of the access token is not known for now", err)
	}
	return issuer, nil
}

// findKey finds the key that a token names at its issuer and nowhere else.
func findKey(ctx context.Context, issuer *Issuer, kid string) (*Key, error) {
	if issuer.Keys == nil {
		return nil, oauth.ServerError(errors.New("enforce: the Issuer has no Keys"))
	}
	key, err := issuer.Keys.Key(ctx, kid)
	switch {
	case errors.Is(err, ErrUnknownKey), err == nil && (key == nil || key.ID() != kid):
		return nil, oauth.InvalidToken("token.kid_unknown", "the signature of the access token is not accepted", err)
	case err != nil:
		return nil, oauth.TemporarilyUnavailable("key.unavailable", "the keys of the issuer cannot be had for now", err)
	}
	return key, nil
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

// checkPolicy is everything that may be otherwise the next time that the same
// token comes. Every token passes here, each time, whatever is cached.
func (v *Verifier) checkPolicy(ctx context.Context, issuer *Issuer, t *Token) error {
	if err := v.checkClaims(issuer, t); err != nil {
		return err
	}
	if issuer.IntrospectJWTs && !t.Opaque() {
		if err := v.checkIntrospection(ctx, issuer, t); err != nil {
			return err
		}
	}
	return v.checkEnded(ctx, issuer, t)
}

// checkClaims is what RFC 9068 §4 says of a token whose signature is right.
func (v *Verifier) checkClaims(issuer *Issuer, t *Token) error {
	if !v.AnyAudience && !issuer.audienceOK(t, v.Audience) {
		return oauth.InvalidToken("token.audience", "the access token is for another resource", nil)
	}
	now, leeway := v.now(), v.leeway()
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	switch {
	case t.Expires == 0:
		return malformed(errors.New("claim exp is missing"))
	case !now.Before(at(t.Expires).Add(leeway)):
		return oauth.InvalidToken("token.expired", "the access token has expired", nil)
	case t.NotBefore != 0 && now.Add(leeway).Before(at(t.NotBefore)),
		t.IssuedAt != 0 && now.Add(leeway).Before(at(t.IssuedAt)):
		return oauth.InvalidToken("token.not_yet", "the access token is not valid yet", nil)
	}
	return nil
}

// checkEnded refuses a token that was revoked.
func (v *Verifier) checkEnded(ctx context.Context, issuer *Issuer, t *Token) error {
	if issuer.Revocations != nil {
		if err := endedError(issuer.Revocations.Ended(ctx, t)); err != nil {
			return err
		}
	}
	if v.Ended != nil {
		return endedError(v.Ended(ctx, t))
	}
	return nil
}

func endedError(ended bool, err error) error {
	switch {
	case err != nil:
		return oauth.TemporarilyUnavailable("store.unavailable", "whether the access token was revoked is not known for now", err)
	case ended:
		return oauth.InvalidToken("token.revoked", "the access token was revoked", nil)
	}
	return nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func (v *Verifier) leeway() time.Duration {
	if v.Leeway == 0 {
		return DefaultLeeway
	}
	return min(max(v.Leeway, 0), MaxLeeway)
}
