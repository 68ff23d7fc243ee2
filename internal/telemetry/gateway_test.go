package telemetry_test

import (
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

func TestGatewayMetrics(t *testing.T) {
	t.Parallel()
	g := telemetry.NewGateway("1.2.3", "abc", telemetry.GatewayState{
		Staleness: func(report func(string, float64)) { report("https://a.example", 2.5) },
		KeysAge:   func(report func(string, float64)) { report("https://a.example", math.Inf(1)) },
		Upstreams: func(report func(string, bool)) { report("up", true); report("down", false) },
		Streams:   func() int { return 3 },

		Connections: func(report func(string, int)) { report("gateway", 7) },
	})
	count := g.Requests("orders", "allowed", "ok")
	count()
	count()
	g.Duration("orders")(3 * time.Millisecond)
	g.StreamEnded("orders", "sse", "token.expired")
	g.Reload("ok")
	g.ConnectionRefused("address")
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, want := range []string{
		`mintage_build_info{commit="abc",version="1.2.3"} 1`,
		`mintage_gateway_requests_total{decision="allowed",reason="ok",route="orders"} 2`,
		`mintage_gateway_request_duration_seconds_bucket{route="orders",le="0.005"} 1`,
		`mintage_gateway_streams_ended_total{kind="sse",reason="token.expired",route="orders"} 1`,
		`mintage_gateway_reloads_total{result="ok"} 1`,
		`mintage_gateway_revocation_staleness_seconds{issuer="https://a.example"} 2.5`,
		`mintage_gateway_keys_age_seconds{issuer="https://a.example"} +Inf`,
		`mintage_gateway_upstream_healthy{upstream="up"} 1`,
		`mintage_gateway_upstream_healthy{upstream="down"} 0`,
		`mintage_gateway_streams 3`,
		`mintage_gateway_connections{listener="gateway"} 7`,
		`mintage_gateway_connections_refused_total{limit="address"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}
