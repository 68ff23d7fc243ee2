package issue

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/oauth"
)

// JWKS serves the tenant's public keys (RFC 7517 §5).
func (h *Handler) JWKS(w http.ResponseWriter, r *http.Request, t *mintage.Tenant) {
	h.handle(w, r, t, neighbour, &endpoint{
		name: "jwks", allow: allowRead, methods: read, cors: true, quiet: true, serve: (*Handler).jwks,
	})
}

func (h *Handler) jwks(ctx context.Context, x *exchange) error {
	ring, err := h.Directory.Ring(ctx, x.t.ID)
	if err != nil {
		return storeTrouble(err)
	}
	x.answer(http.StatusOK, func(dst []byte) []byte { return jose.AppendKeySet(dst, ring.Public(h.Now())) })
	x.public()
	return nil
}

// PEM serves one of the tenant's public keys, by its kid, for consumers that
// read no JWKS.
func (h *Handler) PEM(w http.ResponseWriter, r *http.Request, t *mintage.Tenant, kid string) {
	h.handle(w, r, t, neighbour, &endpoint{
		name: "pem", allow: allowRead, methods: read, cors: true, quiet: true,
		serve: func(h *Handler, ctx context.Context, x *exchange) error { return h.pem(ctx, x, kid) },
	})
}

func (h *Handler) pem(ctx context.Context, x *exchange, kid string) error {
	ring, err := h.Directory.Ring(ctx, x.t.ID)
	if err != nil {
		return storeTrouble(err)
	}
	key, ok := ring.Key(kid, h.Now())
	if !ok {
		return oauth.NotFound("the issuer has no key with this kid")
	}
	block, err := key.PEM()
	if err != nil {
		return err
	}
	x.answer(http.StatusOK, func(dst []byte) []byte { return append(dst, block...) })
	x.w.Header().Set("Content-Type", "application/x-pem-file")
	x.public()
	return nil
}

// public lets everybody keep the answer for as long as the rotation of keys
// allows.
func (x *exchange) public() {
	header := x.w.Header()
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(keys.JWKSMaxAge/time.Second)))
	header.Del("Pragma")
}
