package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/mintage-auth/mintage/internal/server"
)

// TestTraces follows a request through the server's spans. It is not parallel,
// since the environment switches tracing on.
func TestTraces(t *testing.T) {
	var mu sync.Mutex
	var names []string
	var raw strings.Builder
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &req) != nil {
			t.Errorf("not OTLP: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		raw.Write(body)
		for _, rs := range req.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					names = append(names, s.GetName())
					for _, e := range s.GetEvents() {
						names = append(names, s.GetName()+" "+e.GetName())
					}
				}
			}
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	r := start(t, server.Config{})
	r.token("/oauth2/token")
	r.post(r.public+"/oauth2/token", url.Values{"grant_type": {"password"}})
	r.get(r.public + "/oauth/token?client_id=demo&client_secret=" + r.demo.Secret)
	r.stop()

	for _, want := range []string{
		"POST /oauth2/token", "mintage.client.authenticate", "mintage.store.client_get", "mintage.token.sign",
		"POST /oauth2/token token.issued", "POST /oauth2/token token.refused", "GET /oauth/token",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("no span %q in %q", want, names)
		}
	}
	if strings.Contains(raw.String(), r.demo.Secret) {
		t.Error("a secret is in the spans")
	}
}
