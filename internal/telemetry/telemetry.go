// Package telemetry counts what the server does, for Prometheus. It is the one
// door to the Prometheus library, and no label ever holds an address, a scope or
// anything else that a caller chooses; client ids are those that the operator
// names.
package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MaxTenants bounds the label tenant; the tenants after it count as other.
const MaxTenants = 100

// Metrics are the counters of one process. All methods may be called at the
// same time.
type Metrics struct {
	registry *prometheus.Registry

	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	issued         *prometheus.CounterVec
	clientAuth     *prometheus.CounterVec
	warnings       *prometheus.CounterVec
	refusals       *prometheus.CounterVec
	introspections *prometheus.CounterVec
	revocations    *prometheus.CounterVec
	limited        *prometheus.CounterVec
	expiring       *prometheus.GaugeVec

	costs   costs
	http    *httpServer
	clients map[string]struct{} // that have a label; nil: there is no such label

	mu      sync.RWMutex
	tenants map[string]struct{}
}

// Config is what metrics are made for.
type Config struct {
	Version, Commit string // of the program
	// Clients are the client ids that have a label of their own in the counts of
	// token requests and tokens; all others are other. Empty: there is no such
	// label.
	Clients []string
	// LastBackup says when the last backup was made, the zero time where none
	// was; nil: that is not known.
	LastBackup func() time.Time
}

// New returns the metrics of a server.
func New(cfg Config) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), costs: newCosts(), http: newHTTPServer(), tenants: map[string]struct{}{}}
	m.nameClients(cfg.Clients)
	m.counters()
	m.registry.MustRegister(m.costs.all()...)
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mintage_build_info",
		Help: "Always 1; the labels say which program this is.",
	}, []string{"version", "commit"})
	info.WithLabelValues(cfg.Version, cfg.Commit).Set(1)
	m.registry.MustRegister(
		info, m.requests, m.duration, m.issued, m.clientAuth, m.warnings, m.refusals, m.introspections, m.revocations, m.limited, m.expiring,
		m.http.duration, lastBackup(cfg.LastBackup),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// counters makes what requests and the census count.
func (m *Metrics) counters() {
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_token_requests_total",
		Help: "Token requests by outcome; error and reason are empty for a token issued.",
	}, m.perClient("tenant", "dialect", "grant_type", "error", "reason"))
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "mintage_token_request_duration_seconds",
		Help: "Time from the request's header to the answer's last byte handed to the connection.",
		// From a cached EdDSA token to a slow hash under load.
		Buckets:                     []float64{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
	}, []string{"tenant", "dialect"})
	m.issued = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_tokens_issued_total",
		Help: "Access tokens issued, by format and signing algorithm.",
	}, m.perClient("tenant", "format", "alg"))
	m.clientAuth = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_client_auth_total",
		Help: "Client authentications by method and result.",
	}, []string{"method", "result"})
	m.answers()
}

// answers makes the counts of what is not about tokens alone.
func (m *Metrics) answers() {
	m.warnings = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_warnings_total",
		Help: "Requests about which something was wrong that did not fail them.",
	}, []string{"tenant", "dialect", "reason"})
	m.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_refusals_total",
		Help: "Requests that were refused, at any endpoint of a tenant.",
	}, []string{"tenant", "endpoint", "error", "reason"})
	m.introspections = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_introspections_total",
		Help: "Introspection answers.",
	}, []string{"tenant", "active", "reason"})
	m.revocations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_revocations_total",
		Help: "Tokens, clients and keys revoked.",
	}, []string{"tenant", "kind"})
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_rate_limited_total",
		Help: "Requests answered with 429, by the reason code of the limit.",
	}, []string{"limit"})
	m.expiring = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mintage_secrets_expiring",
		Help: "Active client secrets that end within the window, counted once an hour.",
	}, []string{"tenant", "window"})
}

// Handler serves the metrics in the text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// TokenRequest counts one token request. Client is as the caller claims. Dialect, grantType, errorCode and
// reason are words of closed sets; the caller maps anything else to other.
func (m *Metrics) TokenRequest(tenant, client, dialect, grantType, errorCode, reason string, took time.Duration) {
	tenant = m.tenantLabel(tenant)
	if m.clients == nil {
		m.requests.WithLabelValues(tenant, dialect, grantType, errorCode, reason).Inc()
	} else {
		m.requests.WithLabelValues(tenant, dialect, grantType, errorCode, reason, m.clientLabel(client)).Inc()
	}
	m.duration.WithLabelValues(tenant, dialect).Observe(took.Seconds())
}

// TokenIssued counts one token.
func (m *Metrics) TokenIssued(tenant, client, format, alg string) {
	tenant = m.tenantLabel(tenant)
	if m.clients == nil {
		m.issued.WithLabelValues(tenant, format, alg).Inc()
	} else {
		m.issued.WithLabelValues(tenant, format, alg, m.clientLabel(client)).Inc()
	}
}

// ClientAuth counts one client authentication; result is ok or a reason code.
func (m *Metrics) ClientAuth(method, result string) {
	m.clientAuth.WithLabelValues(method, result).Inc()
}

// Warning counts one thing that was wrong about a request and did not fail it.
func (m *Metrics) Warning(tenant, dialect, reason string) {
	m.warnings.WithLabelValues(m.tenantLabel(tenant), dialect, reason).Inc()
}

// Refusal counts one request that was refused. All labels but tenant are words
// of closed sets.
func (m *Metrics) Refusal(tenant, endpoint, errorCode, reason string) {
	m.refusals.WithLabelValues(m.tenantLabel(tenant), endpoint, errorCode, reason).Inc()
}

// Introspection counts one introspection answer; active is true or false.
func (m *Metrics) Introspection(tenant, active, reason string) {
	m.introspections.WithLabelValues(m.tenantLabel(tenant), active, reason).Inc()
}

// Revocation counts one revocation; kind is token, client or key.
func (m *Metrics) Revocation(tenant, kind string) {
	m.revocations.WithLabelValues(m.tenantLabel(tenant), kind).Inc()
}

// RateLimited counts one request that was answered with 429; limit is a reason
// code.
func (m *Metrics) RateLimited(limit string) { m.limited.WithLabelValues(limit).Inc() }

// SecretsExpiring takes the place of what was counted before: fill calls count
// for each tenant and window, which Days names.
func (m *Metrics) SecretsExpiring(fill func(count func(tenant, window string, n int))) {
	m.expiring.Reset()
	fill(func(tenant, window string, n int) {
		m.expiring.WithLabelValues(m.tenantLabel(tenant), window).Add(float64(n)) // those called other add up
	})
}

// Days names a window of whole days, such as 7d.
func Days(d time.Duration) string { return strconv.Itoa(int(d/(24*time.Hour))) + "d" }

// tenantLabel returns tenant for the first MaxTenants tenants seen.
func (m *Metrics) tenantLabel(tenant string) string {
	m.mu.RLock()
	_, known := m.tenants[tenant]
	full := len(m.tenants) >= MaxTenants
	m.mu.RUnlock()
	switch {
	case known:
		return tenant
	case full:
		return "other"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tenants) >= MaxTenants {
		return "other"
	}
	m.tenants[tenant] = struct{}{}
	return tenant
}
