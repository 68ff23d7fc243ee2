package issue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// tokenInfo is what a live token of the tenant says, whatever its format.
type tokenInfo struct {
	jti      string
	clientID string
	subject  string
	scope    oauth.Scope
	audience []string // empty: the claims profile has none
	issued   time.Time
	expires  time.Time
	keyID    string // empty: no key signed or sealed it

	keyThumbprint string // of the DPoP key that it is bound to; empty: none

	answer []byte // of introspection; nil: not built yet
}

// noToken says that what somebody showed is no live token of the tenant. It is
// a reason code.
type noToken string

func (e noToken) Error() string { return string(e) }

// errNotAccess is a JWT of ours that is no access token.
var errNotAccess = errors.New("signed by the tenant, and no access token")

// inspect finds out what a token says. The error is a noToken, errNotAccess or
// the store's trouble. A hint of the kind changes nothing (RFC 7662 §2.1, RFC
// 7009 §2.1): the token itself tells.
func (h *Handler) inspect(ctx context.Context, t *mintage.Tenant, token string) (*tokenInfo, error) {
	now := h.Now()
	var info *tokenInfo
	var err error
	if strings.Contains(token, ".") {
		info, err = h.inspectJWT(ctx, t, token, now)
	} else {
		info, err = h.inspectOpaque(ctx, t, token)
	}
	if err != nil {
		return nil, err
	}
	if !now.Before(info.expires) {
		h.verified.drop(sumOf(t.ID, token))
		return nil, noToken("token.expired")
	}
	set, err := h.Directory.Revocations(ctx, t.ID)
	if err != nil {
		return nil, storeTrouble(err)
	}
	if set.Ended(info.jti, info.clientID, info.keyID, info.issued) {
		return nil, noToken("token.revoked")
	}
	if !h.Now().Before(info.expires) { // it took a while, or the process was paused
		return nil, noToken("token.expired")
	}
	return info, nil
}

// inspectOpaque finds out what an opaque token stands for.
func (h *Handler) inspectOpaque(ctx context.Context, t *mintage.Tenant, token string) (*tokenInfo, error) {
	rec, err := h.Minter.Lookup(ctx, t.ID, token)
	switch {
	case errors.Is(err, mintage.ErrNotFound):
		return nil, noToken("token.unknown")
	case err != nil:
		return nil, storeTrouble(err)
	}
	return &tokenInfo{
		jti: rec.JTI, clientID: rec.ClientID, subject: rec.Subject, scope: rec.Scope, audience: rec.Audience,
		issued: rec.IssuedAt, expires: rec.Expires, keyID: rec.KeyID, keyThumbprint: rec.KeyThumbprint,
	}, nil
}

// inspectJWT verifies a JWT as a resource server would (RFC 9068 §4), with the
// keys of the tenant.
func (h *Handler) inspectJWT(ctx context.Context, t *mintage.Tenant, token string, now time.Time) (*tokenInfo, error) {
	sum := sumOf(t.ID, token)
	if info := h.recall(ctx, t, sum, now); info != nil {
		return info, nil
	}
	parsed, err := jose.Parse(token)
	if err != nil {
		return nil, noToken("token.malformed")
	}
	ring, err := h.Directory.Ring(ctx, t.ID)
	if err != nil {
		return nil, storeTrouble(err)
	}
	key, ok := ring.Key(parsed.KeyID, now)
	if !ok {
		return nil, noToken("token.kid_unknown")
	}
	if err := parsed.Verify(key); err != nil {
		return nil, noToken("token.signature")
	}
	claims, err := strictjson.Parse(parsed.Payload, strictjson.Options{})
	if err != nil || !isAccessToken(parsed.Type, claims) {
		return nil, errNotAccess
	}
	if iss, _ := text(claims, "iss"); iss != t.Issuer {
		return nil, noToken("token.issuer") // signed before the issuer was changed
	}
	info, ok := readClaims(claims)
	if !ok {
		return nil, errNotAccess
	}
	info.keyID = parsed.KeyID
	info.answer = info.appendIntrospection(nil, t.Issuer)
	h.verified.put(sum, &verifiedToken{info: info, key: key, issuer: t.Issuer})
	return info, nil
}

// recall returns what a token says that was verified before, nil when it has to
// be verified again: its key is another one by now, or gone.
func (h *Handler) recall(ctx context.Context, t *mintage.Tenant, sum tokenSum, now time.Time) *tokenInfo {
	known := h.verified.get(sum)
	if known == nil {
		return nil
	}
	ring, err := h.Directory.Ring(ctx, t.ID)
	if err == nil {
		if key, ok := ring.Key(known.info.keyID, now); ok && known.holds(t, key) {
			return known.info
		}
	}
	h.verified.drop(sum)
	return nil
}

// isAccessToken tells access tokens from other JWTs that the same keys may
// sign, by the marks of each claims profile (RFC 8725 §3.12).
func isAccessToken(typ string, claims strictjson.Value) bool {
	switch {
	case typ == "": // cognito
		use, _ := text(claims, "token_use")
		return use == "access"
	case jose.TypeIs(typ, "at+jwt"): // RFC 9068 §2.1
		return true
	case typ == "JWT": // myparcel
		scopes, _ := claims.Lookup("scopes")
		return scopes.Kind() == strictjson.Array
	}
	return false
}

func readClaims(claims strictjson.Value) (*tokenInfo, bool) {
	info := &tokenInfo{}
	var ok [5]bool
	info.jti, ok[0] = text(claims, "jti")
	info.clientID, ok[1] = text(claims, "client_id")
	info.subject, ok[2] = text(claims, "sub")
	info.issued, ok[3] = instant(claims, "iat")
	info.expires, ok[4] = instant(claims, "exp")
	if slices.Contains(ok[:], false) {
		return nil, false
	}
	if wire, has := text(claims, "scope"); has {
		scope, err := oauth.ParseScope(wire)
		if err != nil {
			return nil, false
		}
		info.scope = scope
	}
	if cnf, has := claims.Lookup("cnf"); has {
		var known bool
		if info.keyThumbprint, known = text(cnf, "jkt"); !known {
			return nil, false // bound in a way that this version does not know
		}
	}
	aud, _ := claims.Lookup("aud")
	if one, is := aud.Str(); is {
		info.audience = []string{one}
	} else if many, is := aud.Strings(); is {
		info.audience = many
	}
	return info, true
}

func text(claims strictjson.Value, name string) (string, bool) {
	v, _ := claims.Lookup(name)
	s, ok := v.Str()
	return s, ok && s != ""
}

func instant(claims strictjson.Value, name string) (time.Time, bool) {
	v, _ := claims.Lookup(name)
	n, ok := v.Int64()
	return time.Unix(n, 0), ok
}
