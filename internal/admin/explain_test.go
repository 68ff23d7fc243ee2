package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// TestExplainToken: what would be issued, by which rule, and that nothing is.
func TestExplainToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, "hotel", api, "orders/read")
	if _, err := w.manager.AddSecret(t.Context(), manage.Server(), "hotel", c.ID, manage.NewSecret{Name: "short", Lifetime: time.Hour}); err != nil {
		t.Fatal(err)
	}
	clientAPI := adminclientFor(t, w, "hotel", "tokens:read")
	explain := func(r adminclient.TokenRequest) *adminclient.TokenExplanation {
		t.Helper()
		r.ClientID = c.ID
		x, err := clientAPI.ExplainToken(t.Context(), "hotel", r)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	x := explain(adminclient.TokenRequest{Scope: "orders/read"})
	switch {
	case !x.Issued, x.Dialect != "rfc", x.Issuer != "https://hotel.example", x.Subject != c.ID, x.ScopeRule != "asked", x.AudienceRule != "scope",
		len(x.Scope) != 1 || x.Scope[0] != adminclient.ScopeOrigin{Scope: "orders/read", ResourceServer: api},
		x.Format.Value != "jwt" || x.Format.Layer != "built_in", x.Alg.Value != "ES256" || x.Alg.Layer != "tenant" && x.Alg.Layer != "built_in",
		x.Lifetime.Value != 3600, x.Key == nil || x.Key.KID == "" || x.Key.Alg != "ES256",
		len(x.Secrets) != 2 || x.Secrets[1].State != "live":
		t.Errorf("got %+v", x)
	}
	later := w.now.Add(2 * time.Hour)
	if x := explain(adminclient.TokenRequest{AsOf: &later}); !x.Issued || x.Secrets[1].State != "expired" || !x.AsOf.Equal(later) {
		t.Errorf("in two hours: %+v", x)
	}
	before := w.now.Add(-24 * time.Hour)
	if x := explain(adminclient.TokenRequest{AsOf: &before}); x.Issued || x.Key != nil || reasonsOf(x) != "key.unavailable" {
		t.Errorf("before there was a key: %s %+v", reasonsOf(x), x)
	}
	if x := explain(adminclient.TokenRequest{Scope: "orders/write"}); x.Issued || reasonsOf(x) != "scope.not_granted" || x.Problems[0].Fix == "" {
		t.Errorf("not granted: %+v", x)
	}
	if x := explain(adminclient.TokenRequest{Dialect: "cognito"}); x.Alg.Layer != "dialect" || len(x.Audience) != 0 || x.AudienceRule != "none" || x.ScopeRule != "dialect" {
		t.Errorf("cognito: %+v", x)
	}
	if _, err := w.manager.UpdateClient(t.Context(), manage.Server(), "hotel", c.ID, 0, func(c *mintage.Client) error {
		c.Disabled = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, s := range x.Secrets {
		if err := w.manager.RevokeSecret(t.Context(), manage.Server(), "hotel", c.ID, s.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	if x := explain(adminclient.TokenRequest{}); x.Issued || reasonsOf(x) != "secret.revoked client.disabled" {
		t.Errorf("disabled: %s", reasonsOf(x))
	}
	token := w.token(t, "hotel", "tokens:read")
	for _, body := range []string{`{"client_id":"nobody"}`, `{"client_id":"` + c.ID + `","dialect":"auth0"}`, `{"client_id":"` + c.ID + `","scope":"a\"b"}`} {
		problem(t, w.do(t, ask{method: "POST", path: "/tenants/hotel/tokens/explain", token: token, body: body}), 400, "object.invalid")
	}
}

func reasonsOf(x *adminclient.TokenExplanation) string {
	var codes []string
	for _, p := range x.Problems {
		codes = append(codes, p.Reason)
	}
	return strings.Join(codes, " ")
}
