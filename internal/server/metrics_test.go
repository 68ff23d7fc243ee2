package server_test

import (
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/server"
)

// TestMetrics holds that what a server does is counted where it is done.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	r.revoke(r.token("/oauth2/token"))
	r.token("/oauth/token")
	wants := []string{
		`mintage_sign_duration_seconds_count{alg="ES256"} `,
		`mintage_store_operation_duration_seconds_count{operation="create_token"} 1`,
		`mintage_store_operation_duration_seconds_count{operation="update"} `,
		`mintage_revocations_total{kind="token",tenant="demo"} 1`,
		`mintage_audit_events_total{action="token.revoke"} 1`,
		`mintage_audit_events_total{action="client.create"} `,
		`mintage_clients{status="active",tenant="demo"} 1`,
		`mintage_signing_key_not_after_timestamp_seconds{alg="ES256",state="active",tenant="demo"} 1.`,
	}
	var missing []string
	waitFor(t, "the first census", func() bool {
		text := r.get(r.admin + "/metrics").body
		missing = nil
		for _, want := range wants {
			if !strings.Contains(text, "\n"+want) {
				missing = append(missing, want)
			}
		}
		return len(missing) == 0 || t.Context().Err() != nil
	})
}
