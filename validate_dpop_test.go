package mintage_test

import (
	"errors"
	"testing"

	"github.com/mintage-auth/mintage"
)

// A client that administers the server needs bearer tokens: the admin API and
// the commands know no proofs.
func TestValidateDPoPBound(t *testing.T) {
	t.Parallel()
	for tenant, refused := range map[string]bool{mintage.BuiltInTenant: true, "prod": false} {
		c := &mintage.Client{Tenant: tenant, ID: "mc_1", Name: "Client", DPoPBoundAccessTokens: true}
		fe, ok := errors.AsType[*mintage.FieldError](c.Validate())
		if ok != refused || ok && fe.Pointer != "/dpop_bound_access_tokens" {
			t.Errorf("%s: got %v", tenant, c.Validate())
		}
	}
}
