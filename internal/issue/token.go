package issue

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/oauth"
)

// token is the whole of the token endpoint, in order.
func (h *Handler) token(ctx context.Context, x *exchange) error {
	req, err := x.read(x.r, tokenParams)
	if err != nil {
		return err
	}
	flow, err := flowFor(req.GrantType)
	if err != nil {
		return err
	}
	x.out.GrantType = string(req.GrantType)
	client, err := h.authenticate(ctx, x, req)
	if err != nil {
		return err
	}
	if err := h.bounded(x, client, client.Limits.TokensPerMinute); err != nil {
		return err
	}
	if err := h.prove(x, req); err != nil {
		return err
	}
	az, err := flow(ctx, h, x, client, req)
	if err != nil {
		return err
	}
	if err := h.bind(ctx, x, az); err != nil {
		return err
	}
	tok, err := h.mint(ctx, az)
	if err != nil {
		return err
	}
	x.out.issued(az, tok)
	x.dying()
	x.answer(http.StatusOK, func(dst []byte) []byte { return x.dialect.Write(dst, tok) })
	return nil
}

// authenticate says which client sent the request, to the caller and to the
// log.
func (h *Handler) authenticate(ctx context.Context, x *exchange, req *Request) (*mintage.Client, error) {
	who, err := h.Auth.Authenticate(ctx, x.t, &req.Auth)
	x.who = who
	x.out.client(&who)
	if err != nil {
		return nil, err
	}
	h.climb(x)
	return who.Client, nil
}

// bounded counts one request of an authenticated client to an endpoint. Guesses
// do not use up what the client may have.
func (h *Handler) bounded(x *exchange, c *mintage.Client, perMinute int) error {
	wait := h.Limits.Client(x.t.ID, c.ID, x.out.Endpoint, perMinute, x.start)
	if wait == 0 {
		return nil
	}
	return oauth.TooManyRequests("limit.client", "the client asks more often than it may: keep a token until shortly before it expires", nil).In(wait)
}

// dying warns whoever got a token by a secret that soon ends.
func (x *exchange) dying() {
	s := x.who.Secret
	if s == nil || !s.Dying(x.start) {
		return
	}
	x.w.Header().Add("Mintage-Warning", "secret.expiring; expires="+s.Expires.UTC().Format(time.RFC3339))
	x.out.warn("secret.expiring")
}

// mint turns the decision into a token, or says whose trouble it is that there
// is none.
func (h *Handler) mint(ctx context.Context, az *mintage.Authorization) (*mintage.AccessToken, error) {
	tok, err := h.Minter.Mint(ctx, az)
	switch {
	case err == nil:
		return tok, nil
	case errors.Is(err, keys.ErrNoKey):
		if h.KeyWanted != nil {
			h.KeyWanted(az.Tenant.ID, az.Token.KeyAlg())
		}
		return nil, oauth.TemporarilyUnavailable("key.unavailable", "a key of the issuer is being made: ask again in a few seconds", err)
	case az.Token.Format == mintage.FormatStored:
		return nil, storeTrouble(err)
	}
	// JWTs and sealed tokens need no database but for their key.
	if _, ringErr := h.Directory.Ring(ctx, az.Tenant.ID); ringErr != nil {
		return nil, storeTrouble(err)
	}
	return nil, oauth.ServerError(err)
}
