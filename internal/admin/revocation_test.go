package admin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// TestRevocationOfManyTokens holds that a revocation of a client compares with
// when a token was issued, at the boundary too (RV-09), that a later and wider
// one adds to it, and that a key in use is not revoked by mistake.
func TestRevocationOfManyTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	hotel := adminclientFor(t, w, "hotel", "tokens:read", "tokens:write")
	c := w.client(t, "hotel", api, "*")
	old := w.mint(t, c, "")
	w.now = w.now.Add(time.Minute)
	edge := w.now
	atEdge := w.mint(t, c, "")
	w.now = w.now.Add(time.Second)
	fresh := w.mint(t, c, mintage.FormatStored)
	check := func(when string, want ...bool) {
		t.Helper()
		for i, tok := range []*mintage.AccessToken{old, atEdge, fresh} {
			info, err := hotel.IntrospectToken(ctx, "hotel", tok.Value)
			if err != nil {
				t.Fatal(err)
			}
			if info.Active != want[i] {
				t.Errorf("%s: token %d is active %v, want %v", when, i, info.Active, want[i])
			}
		}
	}
	for _, step := range []struct {
		when   string
		before time.Time
		want   []bool
	}{
		{"before the first", old.IssuedAt.Add(-time.Second), []bool{true, true, true}},
		{"at the boundary", edge, []bool{false, false, true}},
		{"an earlier instant later on", old.IssuedAt, []bool{false, false, true}},
	} {
		if err := hotel.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{ClientID: c.ID, Before: &step.before}); err != nil {
			t.Fatal(err)
		}
		check(step.when, step.want...)
	}
	if err := hotel.RevokeToken(ctx, "hotel", adminclient.TokenRevocation{ClientID: c.ID}); err != nil {
		t.Fatal(err)
	}
	check("all until now", false, false, false)
	w.now = w.now.Add(time.Second)
	if info, err := hotel.IntrospectToken(ctx, "hotel", w.mint(t, c, "").Value); err != nil || !info.Active {
		t.Errorf("a token after the revocation is active %v (%v)", info != nil && info.Active, err)
	}
}

// TestRevocationRefused holds what a revocation must not be.
func TestRevocationRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, "hotel", "tokens:write")
	ks, err := w.manager.SigningKeys(t.Context(), "hotel")
	if err != nil {
		t.Fatal(err)
	}
	c := w.client(t, "hotel", api, "*")
	const path = "/tenants/hotel/tokens/revoke"
	for _, q := range []struct {
		name, body, code string
		status           int
	}{
		{"nothing", `{}`, "object.invalid", 400},
		{"two things", `{"kid":"a","client_id":"b"}`, "object.invalid", 400},
		{"an instant alone", `{"before":"2026-11-21T09:00:00Z"}`, "object.invalid", 400},
		{"an instant with a token", `{"jti":"a","before":"2026-11-21T09:00:00Z"}`, "object.invalid", 400},
		{"the future", `{"client_id":"` + c.ID + `","before":"2026-11-22T09:00:00Z"}`, "object.invalid", 400},
		{"no such client", `{"client_id":"nobody","before":"2026-11-21T09:00:00Z"}`, "object.not_found", 404},
		{"no such key", `{"kid":"nokey"}`, "object.not_found", 404},
		{"a key in use", `{"kid":"` + ks[0].ID + `"}`, "key.active", 409},
	} {
		t.Log(q.name)
		problem(t, w.do(t, ask{method: http.MethodPost, path: path, token: token, body: q.body}), q.status, q.code)
	}
	if _, err := w.manager.RotateKey(t.Context(), manage.Server(), "hotel", ks[0].Alg, 0); err != nil {
		t.Fatal(err)
	}
	fresh := w.token(t, "hotel", "tokens:write")
	body := `{"kid":"` + ks[0].ID + `"}`
	if got := w.do(t, ask{method: http.MethodPost, path: path, token: fresh, body: body}); got.StatusCode != http.StatusNoContent {
		t.Errorf("a key that signs no more: %s %s", got.Status(), got.Body)
	}
	// The caller's own first token was signed by it.
	problem(t, w.do(t, ask{method: http.MethodPost, path: path, token: token, body: body}), http.StatusUnauthorized, "token.revoked")
}
