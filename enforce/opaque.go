package enforce

import (
	"context"
	"errors"

	"github.com/mintage-auth/mintage/oauth"
)

// inspectOpaque asks the issuer of an opaque token what it says.
func (v *Verifier) inspectOpaque(ctx context.Context, raw string) (*Token, error) {
	issuer, err := v.Issuers.Opaque(ctx, raw)
	switch {
	case errors.Is(err, ErrUnknownIssuer), err == nil && (issuer == nil || issuer.Introspector == nil):
		return nil, malformed(errors.Join(errors.New("it is no JWT, and no issuer takes it"), err))
	case err != nil:
		return nil, oauth.TemporarilyUnavailable("key.unavailable", "the issuer of the access token is not known for now", err)
	}
	t, err := issuer.Introspector.token(ctx, issuer, raw, v.now())
	switch {
	case err != nil:
		return nil, oauth.TemporarilyUnavailable("key.unavailable", "the issuer cannot be asked about the access token for now", err)
	case t == nil:
		return nil, oauth.InvalidToken("token.unknown", "the access token is not active", nil)
	case t.ClientID == "" && t.Subject == "":
		return nil, malformed(errors.New("the issuer does not say whose it is"))
	}
	if err := v.checkPolicy(ctx, issuer, t); err != nil {
		return nil, err
	}
	return t, nil
}

// checkIntrospection asks the issuer whether a JWT is still active.
func (v *Verifier) checkIntrospection(ctx context.Context, issuer *Issuer, t *Token) error {
	if issuer.Introspector == nil {
		return oauth.ServerError(errors.New("enforce: the Issuer has no Introspector"))
	}
	said, err := issuer.Introspector.token(ctx, issuer, t.value, v.now())
	switch {
	case err != nil:
		return oauth.TemporarilyUnavailable("key.unavailable", "the issuer cannot be asked about the access token for now", err)
	case said == nil:
		return oauth.InvalidToken("token.revoked", "the access token was revoked", nil)
	}
	return nil
}
