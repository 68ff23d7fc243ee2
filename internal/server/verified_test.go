package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
)

// holder is a client of the demo tenant whose tokens the demo client asks about.
type holder struct {
	*running
	id, secret string
}

func (r *running) holder() *holder {
	r.t.Helper()
	made, err := r.srv.Manager().CreateClient(r.t.Context(), manage.Server(), &mintage.Client{
		Tenant: "demo", Name: "Holder", Grants: []mintage.Grant{{ResourceServer: "https://api.demo.example", Scopes: []string{"orders/read"}}},
	}, manage.NewSecret{})
	if err != nil {
		r.t.Fatal(err)
	}
	return &holder{running: r, id: made.Client.ID, secret: made.Secret}
}

// token gets a token, and asks about it until the answer comes from memory.
func (h *holder) token() string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.public+"/oauth2/token", strings.NewReader(grant.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(h.id, h.secret)
	tok, _ := h.do(req).json(h.t)["access_token"].(string)
	for range 3 {
		if !h.active(tok) {
			h.t.Fatal("a fresh token is not active")
		}
	}
	return tok
}

// kidOf returns the kid in the header of a JWT.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	return header.Kid
}

// A token that was verified before is looked at anew each time it is asked
// about: it never outlives what ends it, nor the right to ask (IN-02, RV-01).
func TestAVerifiedTokenEndsAsAnyOther(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // of the clock, in nanoseconds
	r := start(t, server.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	m, ctx, by := r.srv.Manager(), t.Context(), manage.Server()
	introspectors := func(ids ...string) {
		t.Helper()
		if _, err := m.UpdateResourceServer(ctx, by, "demo", "https://api.demo.example", 0, manage.OnlyUnused, func(rs *mintage.ResourceServer) error {
			rs.Introspectors = ids
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		end  func(h *holder, tok string) error
	}{
		{"revoked", func(h *holder, tok string) error {
			return m.RevokeToken(ctx, by, "demo", h.jti(tok), h.id, time.Now().Add(time.Hour)) //nolint:contextcheck // the test's own
		}},
		{"all of the client revoked", func(h *holder, _ string) error {
			return m.RevokeClientTokens(ctx, by, "demo", h.id, time.Now().Add(time.Second))
		}},
		{"client disabled", func(h *holder, _ string) error {
			_, err := m.UpdateClient(ctx, by, "demo", h.id, 0, func(c *mintage.Client) error {
				c.Disabled = true
				return nil
			})
			return err
		}},
		{"client deleted", func(h *holder, _ string) error { return m.DeleteClient(ctx, by, "demo", h.id, 0) }},
		{"not the caller's to know any more", func(*holder, string) error {
			introspectors()
			return nil
		}},
		{"key killed", func(_ *holder, tok string) error {
			_, err := m.KillKey(ctx, by, "demo", kidOf(t, tok))
			return err
		}},
		{"issuer changed", func(*holder, string) error {
			_, err := m.UpdateTenant(ctx, by, "demo", 0, func(t *mintage.Tenant) error {
				t.Aliases, t.Issuer = []string{strings.TrimPrefix(r.public, "http://")}, "http://localhost:1"
				return nil
			})
			return err
		}},
		{"expired", func(*holder, string) error {
			ahead.Store(int64(mintage.DefaultTokenLifetime))
			return nil
		}},
	} {
		introspectors(r.demo.ClientID)
		h := r.holder()
		tok := h.token()
		if err := c.end(h, tok); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.active(tok) {
			t.Errorf("%s: the token is active", c.name)
		}
	}
	tok := r.holder().token()
	if _, err := m.UpdateTenant(ctx, by, "demo", 0, func(t *mintage.Tenant) error {
		t.Disabled = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if a := r.post(r.public+"/oauth2/introspect", url.Values{"token": {tok}}); a.status != http.StatusNotFound {
		t.Errorf("tenant disabled: %d %s", a.status, a.body)
	}
}
