package issue

import (
	"context"
	"errors"
	"net/http"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// Revoke serves token revocation (RFC 7009). Browsers get no leave to read its
// answers: no page revokes tokens of machines.
func (h *Handler) Revoke(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.handle(w, r, t, neighbour, &endpoint{
		name: "revoke", allow: "POST, OPTIONS", methods: post, credentials: true, serve: (*Handler).revoke,
	})
}

func (h *Handler) revoke(ctx context.Context, x *exchange) error {
	req, err := x.read(x.r, tokenishParams)
	if err != nil {
		return err
	}
	caller, err := h.authenticate(ctx, x, req)
	if err != nil {
		return err
	}
	if req.Token == "" {
		return oauth.InvalidRequest("param.missing", "token is missing")
	}
	info, err := h.inspect(ctx, x.t, req.Token)
	no, isNo := errors.AsType[noToken](err)
	switch {
	case isNo: // RFC 7009 §2.2: the client wanted it to be of no use, and so it is
		x.out.Reason, x.out.Status = string(no), http.StatusOK
		return nil
	case errors.Is(err, errNotAccess):
		return oauth.UnsupportedTokenType("only access tokens can be revoked")
	case err != nil:
		return err
	case info.clientID != caller.ID: // RFC 7009 §2.1
		return oauth.UnauthorizedClient("token.other_client", "the token was issued to another client")
	}
	x.out.TokenID = info.jti
	if err := h.Revoker.RevokeToken(ctx, RevokedToken{
		Tenant: x.t.ID, JTI: info.jti, ClientID: caller.ID, Expires: info.expires,
		Address: x.peer.Addr.String(), TraceID: x.out.TraceID,
	}); err != nil {
		return storeTrouble(err) // RFC 7009 §2.2.1: the client asks again
	}
	x.out.Status = http.StatusOK
	return nil
}
