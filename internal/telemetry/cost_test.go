package telemetry_test

import (
	"bytes"
	"math"
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
	m := telemetry.New("1.2.3", "abc")
	m.TokenRequest("prod", "rfc", "client_credentials", "", "", time.Millisecond)
	m.TokenIssued("prod", "jwt", "ES256")
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
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestLint holds the metrics to what Prometheus says of good ones, by promtool
// too, which CI has.
func TestLint(t *testing.T) {
	t.Parallel()
	text := scrape(t, everything())
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		promtool, err = exec.LookPath("../../.tools/fronts/usr/bin/promtool") // where make setup puts it
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is not installed: make setup")
		}
		t.Skip("promtool is not installed: make setup")
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("promtool: %v\n%s", err, &out)
	}
}
