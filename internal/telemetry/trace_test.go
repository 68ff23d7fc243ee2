package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

// TestTracing sends spans to a collector: the caller's trace goes on, the names
// are the routes, and no URL is in them. It is not parallel, since the exporter
// reads the environment.
func TestTracing(t *testing.T) {
	spans := make(chan *trace.Span, 10)
	var raw strings.Builder
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &req) != nil {
			t.Errorf("not OTLP: %v", err)
		}
		raw.Write(body)
		for _, rs := range req.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					spans <- s
				}
			}
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	tr, err := telemetry.OpenTracing(t.Context(), func(string) string { return srv.URL }, "1.2.3")
	if err != nil || tr == nil {
		t.Fatal(tr, err)
	}
	h := tr.Handler(func(*http.Request) string { return "/oauth2/token" }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := tr.Span(r.Context(), "mintage.token.sign")
		end(errors.New("sesame"))
		tr.Note(ctx, "token.refused", telemetry.Attribute{Name: "oauth.error", Value: "server_error"}, telemetry.Attribute{Name: "none"})
		w.WriteHeader(http.StatusInternalServerError)
	}))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token?client_secret=sesame", http.NoBody)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if err := tr.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(spans)
	got := map[string]*trace.Span{}
	for s := range spans {
		got[s.GetName()] = s
	}
	server, child := got["POST /oauth2/token"], got["mintage.token.sign"]
	if server == nil || child == nil || string(child.GetParentSpanId()) != string(server.GetSpanId()) {
		t.Fatalf("got spans %v", got)
	}
	if id := server.GetTraceId(); len(id) != 16 || id[0] != 0x0a || id[15] != 0x9c {
		t.Errorf("the trace is %x, not the caller's", id)
	}
	if server.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR || child.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR {
		t.Error("the failure is not on the spans")
	}
	if strings.Contains(raw.String(), "sesame") {
		t.Error("a secret is in the spans")
	}
}

// TestTracingOff holds that without a collector nothing is made.
func TestTracingOff(t *testing.T) {
	t.Parallel()
	tr, err := telemetry.OpenTracing(t.Context(), func(string) string { return "" }, "")
	if err != nil || tr != nil {
		t.Fatal(tr, err)
	}
	next := http.NotFoundHandler()
	ctx, end := tr.Span(context.Background(), "x")
	end(nil)
	tr.Note(ctx, "x")
	if err := tr.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	tr.Handler(func(*http.Request) string { t.Error("asked for the route"); return "" }, next).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}
