package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	return scrapeHandler(t, m.Handler())
}

func scrapeHandler(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	return w.Body.String()
}

func TestCounts(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Config{Version: "1.2.3", Commit: "abc"})
	m.TokenRequest("prod", "billing", "rfc", "client_credentials", "", "", 300*time.Microsecond)
	m.TokenRequest("prod", "billing", "rfc", "client_credentials", "invalid_client", "secret.mismatch", time.Millisecond)
	m.TokenIssued("prod", "billing", "jwt", "ES256")
	m.ClientAuth("client_secret_basic", "ok")
	m.Introspection("prod", "true", "ok")
	m.Introspection("prod", "false", "token.expired")
	m.Revocation("prod", "token")
	m.Warning("prod", "rfc", "param.ignored")
	m.Refusal("prod", "revoke", "invalid_request", "param.missing")
	got := scrape(t, m)
	for _, want := range []string{
		`mintage_build_info{commit="abc",version="1.2.3"} 1`,
		`mintage_token_requests_total{dialect="rfc",error="",grant_type="client_credentials",reason="",tenant="prod"} 1`,
		`mintage_token_requests_total{dialect="rfc",error="invalid_client",grant_type="client_credentials",reason="secret.mismatch",tenant="prod"} 1`,
		`mintage_token_request_duration_seconds_bucket{dialect="rfc",tenant="prod",le="0.0005"} 1`,
		`mintage_tokens_issued_total{alg="ES256",format="jwt",tenant="prod"} 1`,
		`mintage_client_auth_total{method="client_secret_basic",result="ok"} 1`,
		`mintage_introspections_total{active="true",reason="ok",tenant="prod"} 1`,
		`mintage_introspections_total{active="false",reason="token.expired",tenant="prod"} 1`,
		`mintage_revocations_total{kind="token",tenant="prod"} 1`,
		`mintage_warnings_total{dialect="rfc",reason="param.ignored",tenant="prod"} 1`,
		`mintage_refusals_total{endpoint="revoke",error="invalid_request",reason="param.missing",tenant="prod"} 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestManyTenants holds that the label tenant is bounded.
func TestManyTenants(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Config{})
	for i := range 150 {
		m.TokenIssued(fmt.Sprintf("t%03d", i), "", "jwt", "ES256")
	}
	got := scrape(t, m)
	if n := strings.Count(got, "mintage_tokens_issued_total{"); n != 101 {
		t.Errorf("%d series, want 101", n)
	}
	if !strings.Contains(got, `tenant="other"} 50`) {
		t.Error("the tenants after the hundredth are not counted as other")
	}
}
