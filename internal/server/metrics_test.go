package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/server"
)

// TestMetrics holds that what a server does is counted where it is done.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{ClientLabels: []string{"nobody"}})
	r.get(r.public + "/nothing-such-as-this")
	r.revoke(r.token("/oauth2/token"))
	r.token("/oauth/token")
	wants := []string{
		`mintage_token_requests_total{client_id="other",dialect="rfc",error="",grant_type="client_credentials",reason="",tenant="demo"} 1`,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="{token_paths}",url_scheme="http"} `,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route="other",url_scheme="http"} 1`,
		`mintage_config_drift_objects{tenant="demo"} 0`,
		`mintage_backup_last_success_timestamp_seconds 0`,
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

// TestBackupMetric: the time of a backup is on /metrics at once, and after a
// restart too.
func TestBackupMetric(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_ENGINE") == "postgres" {
		t.Skip("PostgreSQL's own programs back it up")
	}
	data := ""
	const name = "\nmintage_backup_last_success_timestamp_seconds "
	at := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	for range 2 {
		r := start(t, server.Config{Data: data})
		if data == "" {
			data = r.data
			cfg := server.Config{Data: data, Now: func() time.Time { return at }}
			if _, err := server.Backup(t.Context(), cfg, filepath.Join(t.TempDir(), "copy.db"), true); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(data, "last-backup"))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the note: %v, %v", info, err)
			}
		}
		if got := r.get(r.admin + "/metrics").body; !strings.Contains(got, name+fmt.Sprintf("%g", float64(at.Unix()))) {
			t.Errorf("no time of the backup in the metrics")
		}
		r.stop()
	}
	// A copy that cannot be made is none.
	if _, err := server.Backup(t.Context(), server.Config{Data: data}, filepath.Join(data, "no", "such", "folder"), false); err == nil {
		t.Error("a backup to nowhere was made")
	}
	if info, err := os.Stat(filepath.Join(data, "last-backup")); err != nil || !info.ModTime().Equal(at) {
		t.Errorf("the note after a failure: %v, %v", info, err)
	}
}
