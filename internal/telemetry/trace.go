package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// Tracing sends spans to an OpenTelemetry collector. A nil *Tracing is one that
// is off: its methods do nothing and cost nothing worth measuring.
type Tracing struct {
	provider *trace.TracerProvider
	tracer   oteltrace.Tracer
	context  propagation.TextMapPropagator
}

// endpointVariables are those that switch tracing on. The exporter reads them,
// and the others of its specification, for itself.
var endpointVariables = []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}

// OpenTracing returns a Tracing that sends OTLP over HTTP, or nil when the
// environment names no collector. Nothing is sent before the first span ends.
func OpenTracing(ctx context.Context, env func(string) string, version string) (*Tracing, error) {
	on := false
	for _, name := range endpointVariables {
		on = on || env(name) != ""
	}
	if !on || env("OTEL_SDK_DISABLED") == "true" {
		return nil, nil //nolint:nilnil // a nil *Tracing is one that is off
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "mintage"), attribute.String("service.version", version)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	p := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(res))
	return &Tracing{
		provider: p, tracer: p.Tracer("github.com/mintage-auth/mintage"), context: propagation.TraceContext{},
	}, nil
}

// Shutdown sends what is left, within ctx.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	return nil
}

// Handler makes a server span of each request, a child of the caller's span if
// the request names one (W3C Trace Context). The span has the route and never
// the URL, which may hold a secret.
func (t *Tracing) Handler(route func(*http.Request) string, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.context.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		at := route(r)
		ctx, span := t.tracer.Start(ctx, r.Method+" "+at, oteltrace.WithSpanKind(oteltrace.SpanKindServer),
			oteltrace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", at)))
		defer span.End()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r.WithContext(ctx))
		span.SetAttributes(attribute.Int("http.response.status_code", sw.status))
		if sw.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(sw.status))
		}
	})
}

// Span begins a span below the one in ctx. The caller calls end with the error
// that the work ended with, or nil; its text is not sent.
func (t *Tracing) Span(ctx context.Context, name string) (_ context.Context, end func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "failed")
		}
		span.End()
	}
}

// Attribute is a name and a value on a span.
type Attribute struct{ Name, Value string }

// Note puts attributes on the span in ctx and an event after them; empty values
// are left out.
func (t *Tracing) Note(ctx context.Context, event string, attrs ...Attribute) {
	if t == nil {
		return
	}
	span := oteltrace.SpanFromContext(ctx)
	for _, a := range attrs {
		if a.Value != "" {
			span.SetAttributes(attribute.String(a.Name, a.Value))
		}
	}
	span.AddEvent(event)
}

// statusWriter remembers the status. Unwrap lets http.ResponseController reach
// what it wraps.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap returns the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
