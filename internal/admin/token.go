package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/oauth"
)

type introspectToken struct {
	TenantPath
	Body body[adminclient.TokenQuestion]
}

// introspect says what a token is. What is no token of the tenant is inactive,
// as at the introspection endpoint (RFC 7662 §2.2), but an administrator is
// told why.
func (h *Handler) introspect(ctx context.Context, in *introspectToken) (*answer[adminclient.TokenInfo], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	if doc.Token == "" {
		return nil, &mintage.FieldError{Pointer: "/token", Message: "a token is required"}
	}
	info, err := h.inspect(ctx, in.Tenant, doc.Token)
	if err != nil {
		return nil, err
	}
	return &answer[adminclient.TokenInfo]{Body: *info}, nil
}

type revokeToken struct {
	TenantPath
	Body body[adminclient.TokenRevocation]
}

func (h *Handler) revokeToken(ctx context.Context, in *revokeToken) (*nothing, error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	if err := oneRevocation(doc); err != nil {
		return nil, err
	}
	by := keeping(ctx, func(any) *nothing { return &nothing{} })
	switch {
	case doc.Token != "":
		err = h.revokeOne(ctx, by, in.Tenant, doc.Token)
	case doc.ID != "":
		err = h.manager.RevokeToken(ctx, by, in.Tenant, doc.ID, "", time.Time{})
	case doc.KeyID != "":
		err = h.manager.RevokeKeyTokens(ctx, by, in.Tenant, doc.KeyID)
	case doc.Before != nil:
		err = h.manager.RevokeClientTokens(ctx, by, in.Tenant, doc.ClientID, *doc.Before)
	default:
		err = h.manager.RevokeClientTokens(ctx, by, in.Tenant, doc.ClientID, h.now())
	}
	if err != nil {
		return nil, err
	}
	return &nothing{}, nil
}

// oneRevocation refuses a document that does not say exactly what ends.
func oneRevocation(doc *adminclient.TokenRevocation) error {
	named := 0
	for _, s := range []string{doc.Token, doc.ID, doc.ClientID, doc.KeyID} {
		if s != "" {
			named++
		}
	}
	switch {
	case named != 1:
		return &mintage.FieldError{Message: "exactly one of token, jti, client_id and kid is required"}
	case doc.Before != nil && doc.ClientID == "":
		return &mintage.FieldError{Pointer: "/before", Message: "it goes with client_id alone"}
	case len(doc.ID) > maxJTI:
		return &mintage.FieldError{Pointer: "/jti", Message: "no token of ours has such a jti"}
	}
	return nil
}

// maxJTI bounds what is kept of a revocation, in bytes. Ours are UUIDs.
const maxJTI = 256

// revokeOne ends the token that was sent. One that is inactive has ended, and
// one that is not the tenant's is none: neither is an error (RFC 7009 §2.2).
func (h *Handler) revokeOne(ctx context.Context, by manage.By, tenant, token string) error {
	info, err := h.inspect(ctx, tenant, token)
	if err != nil || !info.Active {
		return err
	}
	if _, err := h.clientOf(ctx, tenant, info.ClientID); err != nil && callerOf(ctx).confined() {
		return ignoring(mintage.ErrNotFound, err) // another organization's is none either
	}
	return h.manager.RevokeToken(ctx, by, tenant, info.ID, info.ClientID, time.Unix(info.Expires, 0))
}

// ignoring returns err unless it is what is ignored.
func ignoring(what, err error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// inspect looks at a token of either kind.
func (h *Handler) inspect(ctx context.Context, tenant, token string) (*adminclient.TokenInfo, error) {
	t, err := h.directory.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	info, err := h.inspectOpaque(ctx, t, token)
	if err != nil || info != nil {
		return info, err
	}
	tok, err := h.ownVerifier(t).Inspect(ctx, token) // it admits nobody, so that nothing needs a proof
	var told *oauth.Error
	switch {
	case errors.As(err, &told) && told.Code == "invalid_token":
		return &adminclient.TokenInfo{Format: string(mintage.FormatJWT), Reason: told.Reason}, nil
	case err != nil:
		return nil, err
	}
	return &adminclient.TokenInfo{Format: string(mintage.FormatJWT), Introspection: oauth.Introspection{
		Active: true, Scope: tok.Scope, ClientID: tok.ClientID, TokenType: tok.Confirmation.TokenType(), Expires: tok.Expires, IssuedAt: tok.IssuedAt,
		Subject: tok.Subject, Audience: tok.Audience, Issuer: tok.Issuer, ID: tok.ID, Confirmation: tok.Confirmation,
	}}, nil
}

// inspectOpaque returns nil when the token is no opaque one of the tenant.
func (h *Handler) inspectOpaque(ctx context.Context, t *mintage.Tenant, token string) (*adminclient.TokenInfo, error) {
	rec, err := h.stored.Lookup(ctx, t.ID, token)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil, nil //nolint:nilnil // it is then of the other kind
	}
	if err != nil {
		return nil, err
	}
	info := &adminclient.TokenInfo{Format: string(mintage.FormatStored)}
	if rec.KeyID != "" {
		info.Format = string(mintage.FormatSealed)
	}
	ended, err := h.ended(ctx, t.ID, rec.JTI, rec.ClientID, rec.KeyID, rec.IssuedAt)
	switch {
	case err != nil:
		return nil, err
	case !h.now().Before(rec.Expires):
		info.Reason = "token.expired"
	case ended:
		info.Reason = "token.revoked"
	default:
		cnf := oauth.Confirmation{Key: rec.KeyThumbprint}
		info.Introspection = oauth.Introspection{
			Active: true, Scope: rec.Scope, ClientID: rec.ClientID, TokenType: cnf.TokenType(), Confirmation: cnf,
			Expires: rec.Expires.Unix(), IssuedAt: rec.IssuedAt.Unix(), Subject: rec.Subject,
			Audience: rec.Audience, Issuer: t.Issuer, ID: rec.JTI,
		}
	}
	return info, nil
}

// ended reports whether a token was revoked, or its client disabled or deleted.
func (h *Handler) ended(ctx context.Context, tenant, jti, client, kid string, issued time.Time) (bool, error) {
	set, err := h.directory.Revocations(ctx, tenant)
	if err != nil {
		return true, err
	}
	if set.Ended(jti, client, kid, issued) {
		return true, nil
	}
	c, err := h.directory.Client(ctx, tenant, client)
	if errors.Is(err, mintage.ErrNotFound) {
		return true, nil
	}
	return err != nil || c.Disabled, err
}

// ownVerifier verifies tokens of one tenant, whatever they are for and however
// they look: nothing is admitted on its word.
func (h *Handler) ownVerifier(t *mintage.Tenant) *enforce.Verifier {
	return &enforce.Verifier{
		Issuers:     &enforce.Issuer{Name: t.Issuer, Keys: tenantKeys{h: h, tenant: t.ID}, InsecureUntyped: true},
		AnyAudience: true, Leeway: -1, Ended: h.hasEnded(t.ID), Now: h.now,
	}
}

// hasEnded is ended for a Verifier.
func (h *Handler) hasEnded(tenant string) func(context.Context, *enforce.Token) (bool, error) {
	return func(ctx context.Context, tok *enforce.Token) (bool, error) {
		return h.ended(ctx, tenant, tok.ID, tok.ClientID, tok.KeyID, time.Unix(tok.IssuedAt, 0))
	}
}

// newVerifier verifies the tokens that administer: of any tenant, for its
// built-in resource server.
func (h *Handler) newVerifier() *enforce.Verifier {
	return &enforce.Verifier{Issuers: tenantIssuers{h}, Audience: mintage.AdminResource, Now: h.now}
}

// stillGood returns the tenant of a verified token, unless the token has ended.
func (h *Handler) stillGood(ctx context.Context, tok *enforce.Token) (*mintage.Tenant, error) {
	t, err := h.directory.TenantByIssuer(ctx, tok.Issuer)
	if err != nil {
		return nil, err
	}
	ended, err := h.ended(ctx, t.ID, tok.ID, tok.ClientID, tok.KeyID, time.Unix(tok.IssuedAt, 0))
	switch {
	case err != nil:
		return nil, err
	case ended:
		return nil, oauth.InvalidToken("token.revoked", "the access token was revoked", nil)
	}
	return t, nil
}

// tenantIssuers are the issuers of all tenants.
type tenantIssuers struct{ h *Handler }

// Issuer returns the issuer of the tenant that has it.
func (s tenantIssuers) Issuer(ctx context.Context, name string) (*enforce.Issuer, error) {
	t, err := s.h.directory.TenantByIssuer(ctx, name)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil, fmt.Errorf("issuer: %w", enforce.ErrUnknownIssuer)
	}
	if err != nil {
		return nil, err
	}
	return &enforce.Issuer{Name: t.Issuer, Keys: tenantKeys{h: s.h, tenant: t.ID}}, nil
}

// Opaque returns none: who administers comes with a JWT.
func (s tenantIssuers) Opaque(context.Context, string) (*enforce.Issuer, error) {
	return nil, fmt.Errorf("opaque token: %w", enforce.ErrUnknownIssuer)
}

// tenantKeys are the signing keys of one tenant.
type tenantKeys struct {
	h      *Handler
	tenant string
}

// Key returns the key with that kid.
func (s tenantKeys) Key(ctx context.Context, kid string) (*enforce.Key, error) {
	ring, err := s.h.directory.Ring(ctx, s.tenant)
	if err != nil {
		return nil, err
	}
	k, ok := ring.Key(kid, s.h.now())
	if !ok {
		return nil, fmt.Errorf("kid: %w", enforce.ErrUnknownKey)
	}
	return enforce.NewKey(k, k.ID(), string(k.Alg()))
}
