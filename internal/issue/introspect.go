package issue

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/strictjson"
	"github.com/mintage-auth/mintage/oauth"
)

// inactive is the whole answer for a token that is none, of somebody else, or
// not the caller's to know (RFC 7662 §2.2).
const inactive = `{"active":false}`

// Introspect serves token introspection (RFC 7662), for JWTs and opaque
// tokens alike.
func (h *Handler) Introspect(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.handle(w, r, t, neighbour, &introspectEndpoint)
}

var introspectEndpoint = endpoint{
	name: "introspect", allow: "POST, OPTIONS", methods: post, credentials: true, cors: true, serve: (*Handler).introspect,
}

func (h *Handler) introspect(ctx context.Context, x *exchange) error {
	req, err := x.read(x.r, tokenishParams)
	if err != nil {
		return err
	}
	caller, err := h.authenticate(ctx, x, req) // RFC 7662 §2.1: against scanning for tokens
	if err != nil {
		return err
	}
	if err := h.bounded(x, caller, caller.Limits.IntrospectionsPerMinute); err != nil {
		return err
	}
	if req.Token == "" {
		return oauth.InvalidRequest("param.missing", "token is missing")
	}
	info, err := h.inspect(ctx, x.t, req.Token)
	if err == nil {
		err = h.mayIntrospect(ctx, x.t, caller, info)
	}
	if err == nil {
		x.out.Active, x.out.TokenID = true, info.jti
		x.answer(http.StatusOK, func(dst []byte) []byte {
			if info.answer != nil {
				return append(dst, info.answer...)
			}
			return info.appendIntrospection(dst, x.t.Issuer)
		})
		return nil
	}
	no, isNo := errors.AsType[noToken](err)
	switch {
	case isNo:
		x.out.Reason = string(no)
	case errors.Is(err, errNotAccess):
		x.out.Reason = "token.malformed"
	default:
		return err
	}
	x.answer(http.StatusOK, func(dst []byte) []byte { return append(dst, inactive...) })
	return nil
}

// mayIntrospect returns nil when the token is the caller's own or is for a
// resource server that it introspects for (RFC 7662 §4).
func (h *Handler) mayIntrospect(ctx context.Context, t *mintage.Tenant, caller *mintage.Client, info *tokenInfo) error {
	if caller.ID == info.clientID {
		return nil
	}
	servers, err := h.Directory.ResourceServers(ctx, t.ID)
	if err != nil {
		return storeTrouble(err)
	}
	for _, rs := range servers {
		if slices.Contains(rs.Introspectors, caller.ID) && info.isFor(rs) {
			return nil
		}
	}
	return noToken("token.audience")
}

// isFor reports whether the token is meant for rs: by its audience, or where
// its profile has none, by a scope of rs.
func (info *tokenInfo) isFor(rs *mintage.ResourceServer) bool {
	if len(info.audience) > 0 {
		return slices.Contains(info.audience, rs.Identifier)
	}
	return slices.ContainsFunc(rs.Scopes, func(def mintage.ScopeDefinition) bool {
		return info.scope.Has(rs.ScopePrefix + def.Name)
	})
}

// appendIntrospection appends the answer for an active token (RFC 7662 §2.2).
func (info *tokenInfo) appendIntrospection(dst []byte, issuer string) []byte {
	dst = append(dst, `{"active":true`...)
	if len(info.scope) > 0 {
		dst = appendMember(dst, `,"scope":`, info.scope.String())
	}
	dst = appendMember(dst, `,"client_id":`, info.clientID)
	if info.keyThumbprint == "" {
		dst = append(dst, `,"token_type":"Bearer"`...)
	} else { // RFC 9449 §6.2
		dst = append(dst, `,"token_type":"DPoP","cnf":{"jkt":`...)
		dst = append(strictjson.AppendString(dst, info.keyThumbprint), '}')
	}
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, info.expires.Unix(), 10)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, info.issued.Unix(), 10)
	dst = appendMember(dst, `,"sub":`, info.subject)
	switch len(info.audience) {
	case 0:
	case 1:
		dst = appendMember(dst, `,"aud":`, info.audience[0])
	default:
		dst = append(dst, `,"aud":[`...)
		for i, aud := range info.audience {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = strictjson.AppendString(dst, aud)
		}
		dst = append(dst, ']')
	}
	dst = appendMember(dst, `,"iss":`, issuer)
	dst = appendMember(dst, `,"jti":`, info.jti)
	return append(dst, '}')
}
