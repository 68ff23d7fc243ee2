package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Gateway is the metrics of a gateway. It is safe for concurrent use.
type Gateway struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	streams  *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	refused  *prometheus.CounterVec
}

// GatewayState is what a Gateway is asked for at each scrape.
type GatewayState struct {
	Staleness func(report func(issuer string, seconds float64)) // of what is known of revocations
	KeysAge   func(report func(issuer string, seconds float64)) // since the keys were fetched
	Upstreams func(report func(upstream string, healthy bool))
	Streams   func() int // that are open

	Connections func(report func(listener string, open int))
}

// NewGateway returns the metrics of a gateway of this version.
func NewGateway(version, commit string, state GatewayState) *Gateway {
	g := &Gateway{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_gateway_requests_total",
			Help: "Requests by what was decided on them and why; a decision observed or warned is one that would have refused.",
		}, []string{"route", "decision", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mintage_gateway_request_duration_seconds",
			Help: "Time from the header of a request to the end of its answer, the backend's included, or to that of a question of a front; streams are not counted.",
			// From a refusal to a backend that is slow.
			Buckets:                        []float64{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10},
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100,
		}, []string{"route"}),
		streams: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_gateway_streams_ended_total",
			Help: "Streams that were ended because their token had.",
		}, []string{"route", "kind", "reason"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_gateway_reloads_total",
			Help: "Times that the configuration was read again; result is ok or refused.",
		}, []string{"result"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_gateway_connections_refused_total",
			Help: "Connections that were closed unread because of a limit: address or all.",
		}, []string{"limit"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mintage_build_info",
		Help: "Always 1; the labels say which program this is.",
	}, []string{"version", "commit"})
	info.WithLabelValues(version, commit).Set(1)
	g.registry.MustRegister(
		info, g.requests, g.duration, g.streams, g.reloads, g.refused, &gatewayState{state},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return g
}

// Handler serves the metrics in the text format.
func (g *Gateway) Handler() http.Handler {
	return promhttp.HandlerFor(g.registry, promhttp.HandlerOpts{Registry: g.registry})
}

// Requests returns what counts the requests of one route with one decision and
// reason, so that the caller can keep it. All three are words of closed sets.
func (g *Gateway) Requests(route, decision, reason string) func() {
	return g.requests.WithLabelValues(route, decision, reason).Inc
}

// Duration returns what observes the requests of one route.
func (g *Gateway) Duration(route string) func(time.Duration) {
	h := g.duration.WithLabelValues(route)
	return func(d time.Duration) { h.Observe(d.Seconds()) }
}

// StreamEnded counts a stream that was ended; kind is websocket, sse or grpc.
func (g *Gateway) StreamEnded(route, kind, reason string) {
	g.streams.WithLabelValues(route, kind, reason).Inc()
}

// Reload counts a reload; result is ok or refused.
func (g *Gateway) Reload(result string) { g.reloads.WithLabelValues(result).Inc() }

// ConnectionRefused counts a connection that a limit refused.
func (g *Gateway) ConnectionRefused(limit string) { g.refused.WithLabelValues(limit).Inc() }

// gatewayState collects a GatewayState.
type gatewayState struct{ state GatewayState }

// The descriptions of what gatewayState collects.
var (
	stalenessDesc = prometheus.NewDesc("mintage_gateway_revocation_staleness_seconds",
		"How long ago the issuer last said that all its revocations are known; +Inf before the first time.", []string{"issuer"}, nil)
	keysAgeDesc = prometheus.NewDesc("mintage_gateway_keys_age_seconds",
		"How long ago the issuer's keys were fetched; +Inf before the first time.", []string{"issuer"}, nil)
	upstreamDesc = prometheus.NewDesc("mintage_gateway_upstream_healthy",
		"1 where the upstream passes its health check, else 0.", []string{"upstream"}, nil)
	streamsDesc = prometheus.NewDesc("mintage_gateway_streams",
		"Streams that are open and end with their token.", nil, nil)
	connectionsDesc = prometheus.NewDesc("mintage_gateway_connections",
		"Connections that are open at a listener.", []string{"listener"}, nil)
)

// Describe implements prometheus.Collector.
func (s *gatewayState) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stalenessDesc, keysAgeDesc, upstreamDesc, streamsDesc, connectionsDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *gatewayState) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	s.state.Staleness(func(issuer string, seconds float64) { gauge(stalenessDesc, seconds, issuer) })
	s.state.KeysAge(func(issuer string, seconds float64) { gauge(keysAgeDesc, seconds, issuer) })
	s.state.Upstreams(func(upstream string, healthy bool) {
		v := 0.0
		if healthy {
			v = 1
		}
		gauge(upstreamDesc, v, upstream)
	})
	gauge(streamsDesc, float64(s.state.Streams()))
	s.state.Connections(func(listener string, open int) { gauge(connectionsDesc, float64(open), listener) })
}
