package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// costs are the metrics of what single steps cost, and of what is kept.
type costs struct {
	sign        *prometheus.HistogramVec
	verify      *prometheus.HistogramVec
	store       *prometheus.HistogramVec
	storeErrors *prometheus.CounterVec
	keys        *prometheus.GaugeVec
	clients     *prometheus.GaugeVec
	events      *prometheus.CounterVec
	dropped     prometheus.Counter
	drift       *prometheus.GaugeVec
}

func newCosts() costs {
	return costs{
		sign: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mintage_sign_duration_seconds",
			Help: "Time that the signature of one token takes.",
			// From EdDSA to RSA on a busy machine.
			Buckets: []float64{0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025},
		}, []string{"alg"}),
		verify: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mintage_secret_verify_duration_seconds",
			Help: "Time that one slow hash of a secret takes, without the wait for its turn.",
			// From a weak PBKDF2 to an expensive bcrypt.
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5},
		}, []string{"scheme"}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mintage_store_operation_duration_seconds",
			Help: "Time that one operation of the database takes.",
			// From a cached page to a disk that stalls.
			Buckets: []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5},
		}, []string{"operation"}),
		storeErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_store_errors_total",
			Help: "Operations that the database failed, those that found nothing or a conflict aside.",
		}, []string{"operation"}),
		keys: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mintage_signing_key_not_after_timestamp_seconds",
			Help: "When a key ceases to sign, or is due to be replaced, or once it has ceased, when it ceases to verify.",
		}, []string{"tenant", "alg", "state"}),
		clients: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mintage_clients",
			Help: "Registered clients by status, counted every five minutes.",
		}, []string{"tenant", "status"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_audit_events_total",
			Help: "Rows written to the audit log.",
		}, []string{"action"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mintage_audit_dropped_total",
			Help: "Warnings that could not be written to the audit log; what is changed is always in it.",
		}),
		drift: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mintage_config_drift_objects",
			Help: "Objects that are not as the file that was applied last says, looked at every five minutes.",
		}, []string{"tenant"}),
	}
}

func (c *costs) all() []prometheus.Collector {
	return []prometheus.Collector{c.sign, c.verify, c.store, c.storeErrors, c.keys, c.clients, c.events, c.dropped, c.drift}
}

// Signed notes how long a signature took.
func (m *Metrics) Signed(alg string, took time.Duration) {
	m.costs.sign.WithLabelValues(alg).Observe(took.Seconds())
}

// SecretVerified notes how long a slow hash took.
func (m *Metrics) SecretVerified(scheme string, took time.Duration) {
	m.costs.verify.WithLabelValues(scheme).Observe(took.Seconds())
}

// StoreOperation notes one operation of the database. Operation is a word of a
// closed set.
func (m *Metrics) StoreOperation(operation string, took time.Duration) {
	m.costs.store.WithLabelValues(operation).Observe(took.Seconds())
}

// StoreError counts an operation that the database failed.
func (m *Metrics) StoreError(operation string) { m.costs.storeErrors.WithLabelValues(operation).Inc() }

// AuditEvent counts a row of the audit log by its action, such as client.create.
func (m *Metrics) AuditEvent(action string) { m.costs.events.WithLabelValues(action).Inc() }

// Keys takes the place of what was known of keys: fill calls note for each key
// with when its state ends, in seconds since 1970. Of several of one kind the
// one that ends first counts.
func (m *Metrics) Keys(fill func(note func(tenant, alg, state string, until float64))) {
	first := map[[3]string]float64{}
	fill(func(tenant, alg, state string, until float64) {
		id := [3]string{m.tenantLabel(tenant), alg, state}
		if have, ok := first[id]; !ok || until < have {
			first[id] = until
		}
	})
	m.costs.keys.Reset()
	for id, until := range first {
		m.costs.keys.WithLabelValues(id[:]...).Set(until)
	}
}

// Clients takes the place of what was counted of clients: fill calls count for
// each tenant and status.
func (m *Metrics) Clients(fill func(count func(tenant, status string, n int))) {
	m.costs.clients.Reset()
	fill(func(tenant, status string, n int) {
		m.costs.clients.WithLabelValues(m.tenantLabel(tenant), status).Add(float64(n)) // those called other add up
	})
}

// AuditDropped counts an event that could not be written.
func (m *Metrics) AuditDropped() { m.costs.dropped.Inc() }

// Drift takes the place of what was known of drift: fill calls count for each
// tenant that a file declares anything of, with zero where all is as it says.
func (m *Metrics) Drift(fill func(count func(tenant string, n int))) {
	m.costs.drift.Reset()
	fill(func(tenant string, n int) { m.costs.drift.WithLabelValues(m.tenantLabel(tenant)).Add(float64(n)) })
}

// lastBackup tells when the last backup was made, at each scrape.
func lastBackup(last func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mintage_backup_last_success_timestamp_seconds",
		Help: "When the last backup of this node's data directory was made; 0 where none was.",
	}, func() float64 {
		if last == nil {
			return 0
		}
		at := last()
		if at.IsZero() {
			return 0
		}
		return float64(at.Unix())
	})
}
