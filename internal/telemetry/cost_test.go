package telemetry_test

import (
	"crypto/tls"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

// everything returns metrics that have a series of each family.
func everything() *telemetry.Metrics {
	m := telemetry.New(telemetry.Config{Version: "1.2.3", Commit: "abc", LastBackup: func() time.Time { return time.Unix(1795258800, 0) }})
	m.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/oauth2/token?x", http.NoBody), "{token_paths}", http.NotFound)
	m.Warning("prod", "rfc", "param.ignored")
	m.Refusal("prod", "token", "invalid_client", "secret.mismatch")
	m.RateLimited("limit.ip")
	m.SecretsExpiring(func(count func(tenant, window string, n int)) { count("prod", telemetry.Days(24*time.Hour), 1) })
	m.AuditDropped()
	m.Drift(func(count func(tenant string, n int)) { count("prod", 2) })
	m.TokenRequest("prod", "billing", "rfc", "client_credentials", "", "", time.Millisecond)
	m.TokenIssued("prod", "billing", "jwt", "ES256")
	m.ClientAuth("client_secret_basic", "ok")
	m.Introspection("prod", "true", "ok")
	m.Revocation("prod", "key")
	m.Signed("ES256", 40*time.Microsecond)
	m.SecretVerified("bcrypt", 60*time.Millisecond)
	m.StoreOperation("update", time.Millisecond)
	m.StoreOperation("token", time.Second)
	m.StoreError("token")
	m.AuditEvent("client.create")
	m.Keys(func(note func(tenant, alg, state string, until float64)) {
		note("prod", "ES256", "active", math.Inf(1))
		note("prod", "ES256", "retiring", 1795262400)
		note("prod", "ES256", "retiring", 1795258800)
	})
	for range 2 { // the second takes the place of the first
		m.Clients(func(count func(tenant, status string, n int)) {
			count("prod", "active", 7)
			count("prod", "disabled", 1)
		})
	}
	return m
}

func TestCosts(t *testing.T) {
	t.Parallel()
	got := scrape(t, everything())
	for _, want := range []string{
		`mintage_sign_duration_seconds_bucket{alg="ES256",le="5e-05"} 1`,
		`mintage_secret_verify_duration_seconds_bucket{scheme="bcrypt",le="0.1"} 1`,
		`mintage_store_operation_duration_seconds_count{operation="token"} 1`,
		`mintage_store_errors_total{operation="token"} 1`,
		`mintage_signing_key_not_after_timestamp_seconds{alg="ES256",state="active",tenant="prod"} +Inf`,
		`mintage_signing_key_not_after_timestamp_seconds{alg="ES256",state="retiring",tenant="prod"} 1.7952588e+09`,
		`mintage_clients{status="active",tenant="prod"} 7`,
		`mintage_audit_events_total{action="client.create"} 1`,
		`mintage_audit_dropped_total 1`,
		`mintage_config_drift_objects{tenant="prod"} 2`,
		`mintage_backup_last_success_timestamp_seconds 1.7952588e+09`,
		`mintage_secrets_expiring{tenant="prod",window="1d"} 1`,
		`mintage_rate_limited_total{limit="limit.ip"} 1`,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="404",http_route="{token_paths}",url_scheme="http"} 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// families are those of the design, by the program that has them.
func families() map[string][]string {
	return map[string][]string{
		"server": {
			"mintage_build_info", "mintage_token_requests_total", "mintage_token_request_duration_seconds", "mintage_tokens_issued_total",
			"mintage_client_auth_total", "mintage_secret_verify_duration_seconds", "mintage_sign_duration_seconds",
			"mintage_introspections_total", "mintage_revocations_total", "mintage_rate_limited_total",
			"mintage_signing_key_not_after_timestamp_seconds", "mintage_secrets_expiring", "mintage_clients",
			"mintage_store_operation_duration_seconds", "mintage_store_errors_total", "mintage_audit_events_total",
			"mintage_audit_dropped_total", "mintage_backup_last_success_timestamp_seconds", "http_server_request_duration_seconds",
			"mintage_config_drift_objects", "go_goroutines", "process_open_fds",
		},
		"gateway": {"mintage_build_info", "mintage_gateway_requests_total", "go_goroutines", "process_open_fds"},
		"agent": {
			"mintage_build_info", "mintage_agent_token_refreshes_total", "mintage_agent_token_expiry_timestamp_seconds",
			"mintage_agent_queued_requests", "go_goroutines", "process_open_fds",
		},
	}
}

// TestLint holds that each program has its families, and holds them all to
// what Prometheus says of good ones, by promtool too, which CI has.
func TestLint(t *testing.T) {
	t.Parallel()
	promtool := promtool(t)
	for program, text := range map[string]string{
		"server": scrape(t, everything()), "gateway": scrapeHandler(t, gatewayMetrics().Handler()), "agent": scrapeHandler(t, agentMetrics().Handler(func() {})),
	} {
		for _, name := range families()[program] {
			if !strings.Contains(text, "\n# TYPE "+name+" ") || !strings.Contains(text, "\n"+name) {
				t.Errorf("%s: no %s", program, name)
			}
		}
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", program, p.Metric, p.Text)
		}
		cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: promtool: %v\n%s", program, err, out)
		}
	}
}

// promtool returns the program, which CI has; elsewhere the test may be skipped.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		path, err = exec.LookPath("../../.tools/fronts/usr/bin/promtool") // where make setup puts it
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("promtool is not installed: make setup")
	}
	if err != nil {
		t.Skip("promtool is not installed: make setup")
	}
	return path
}

func gatewayMetrics() *telemetry.Gateway {
	second := func(report func(string, float64)) { report("https://auth.example", 1) }
	g := telemetry.NewGateway("1.2.3", "abc", telemetry.GatewayState{
		Staleness: second, KeysAge: second, Upstreams: func(report func(string, bool)) { report("orders", true) }, Streams: func() int { return 0 },
		Connections: func(report func(string, int)) { report("gateway", 1) },
	})
	g.Requests("orders", "allowed", "ok")()
	g.Duration("orders")(time.Millisecond)
	return g
}

func agentMetrics() *telemetry.Agent {
	a := telemetry.NewAgent("1.2.3", "abc")
	a.Refresh("api", "ahead", "ok")
	byClass, _ := a.Requests("api")
	byClass[2]()
	a.Upstreams([]telemetry.Upstream{{Name: "api", Expires: time.Unix(1795258800, 0)}})
	return a
}

// TestClientLabel: the client ids that the operator names have a label, all
// others are other, and without any there is no such label.
func TestClientLabel(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Config{Clients: []string{"billing"}})
	for _, id := range []string{"billing", "printer", "", "billing "} {
		m.TokenRequest("prod", id, "rfc", "client_credentials", "", "", time.Millisecond)
		m.TokenIssued("prod", id, "jwt", "ES256")
	}
	got := scrape(t, m)
	for _, want := range []string{
		`mintage_token_requests_total{client_id="billing",dialect="rfc",error="",grant_type="client_credentials",reason="",tenant="prod"} 1`,
		`mintage_token_requests_total{client_id="other",dialect="rfc",error="",grant_type="client_credentials",reason="",tenant="prod"} 3`,
		`mintage_tokens_issued_total{alg="ES256",client_id="billing",format="jwt",tenant="prod"} 1`,
		`mintage_tokens_issued_total{alg="ES256",client_id="other",format="jwt",tenant="prod"} 3`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(scrape(t, everything()), "client_id") {
		t.Error("a client id is in the metrics of a server that names none")
	}
}

// TestHTTPLabels: what a caller chooses is in no label.
func TestHTTPLabels(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Config{})
	r := httptest.NewRequest("BREW", "/x", http.NoBody)
	r.TLS = &tls.ConnectionState{}
	for range 2 {
		m.Serve(httptest.NewRecorder(), r, telemetry.OtherRoute, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	}
	const want = `http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="418",http_route="other",url_scheme="https"} 2`
	if got := scrape(t, m); !strings.Contains(got, want+"\n") {
		t.Errorf("no %s", want)
	}
}
