package admin

import (
	"context"

	"github.com/mintage-auth/mintage/adminclient"
)

// Inspect says what a token of a tenant is, of whatever kind, as the operation
// introspect-token does. It admits nobody.
func (h *Handler) Inspect(ctx context.Context, tenant, token string) (*adminclient.TokenInfo, error) {
	return h.inspect(ctx, tenant, token)
}
