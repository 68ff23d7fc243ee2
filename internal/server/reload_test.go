package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/server"
)

// TestAdminAPIIsLimited is AD-10: requests to the admin API count with those of
// their address, whether the token is right or wrong, and health does not.
func TestAdminAPIIsLimited(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	f := r.follower(mintage.BuiltInTenant, r.admin, "tenants:read")
	f.at = r.admin + "/admin/v1/tenants"
	if err := r.srv.Reload(server.Live{RequestsPerMinute: 30}); err != nil {
		t.Fatal(err)
	}
	got := map[int]int{}
	var last answer
	for i := range 40 {
		header := []string{"Authorization", "Bearer wrong"}
		if i%2 == 0 {
			header = nil
		}
		last = r.do(f.request("", header...))
		got[last.status]++
	}
	if got[http.StatusOK] < 10 || got[http.StatusUnauthorized] < 10 || got[http.StatusTooManyRequests] < 5 {
		t.Errorf("answers by status: %v", got)
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" || !strings.Contains(last.body, "limit.ip") {
		t.Errorf("the last: %d, Retry-After %q, %s", last.status, last.header.Get("Retry-After"), last.body)
	}
	if a := r.get(r.admin + "/healthz"); a.status != http.StatusOK {
		t.Errorf("/healthz: %d", a.status)
	}
	if text := r.get(r.admin + "/metrics").body; !strings.Contains(text, `mintage_rate_limited_total{limit="limit.ip"} `) {
		t.Error("the limit is not counted")
	}
}

// TestDocsURLIsReloaded holds that errors name the pages of the new place.
func TestDocsURLIsReloaded(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{DocsURL: "https://old.example"})
	for _, want := range []string{"https://old.example", "https://new.example"} {
		a := r.post(r.public+"/oauth2/token", nil)
		if !strings.Contains(a.body, want+"/errors/invalid_request") {
			t.Errorf("token endpoint: %s, want %s", a.body, want)
		}
		if a := r.get(r.admin + "/admin/v1/tenants"); !strings.Contains(a.body, want+"/errors/reasons/token.missing") {
			t.Errorf("admin API: %s, want %s", a.body, want)
		}
		if err := r.srv.Reload(server.Live{DocsURL: "https://new.example"}); err != nil {
			t.Fatal(err)
		}
	}
}
