// Package promobserver counts what consume.Sources do, for Prometheus:
//
//	metrics := promobserver.New()
//	registry.MustRegister(metrics)
//	src.Observer = metrics.Observer("billing", src)
//
// One thing is always true of it: no label holds anything that a server or a
// caller can choose.
package promobserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mintage-auth/mintage/consume"
)

// Metrics is a prometheus.Collector for any number of sources. It is safe for
// concurrent use.
type Metrics struct {
	fetches  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	waited   *prometheus.HistogramVec
	replays  *prometheus.CounterVec

	served, expiry, waiting, retry *prometheus.Desc

	mu      sync.Mutex
	sources map[string]*consume.Source
}

// New returns a Metrics without sources.
func New() *Metrics {
	buckets := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	source := []string{"source"}
	return &Metrics{
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_consume_fetches_total", Help: "Requests for a token.",
		}, []string{"source", "trigger", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mintage_consume_fetch_duration_seconds", Help: "Time that requests for a token took.", Buckets: buckets,
		}, source),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mintage_consume_wait_seconds", Help: "Time that callers waited for a token; those that did not wait are not in it.", Buckets: buckets,
		}, source),
		replays: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mintage_consume_replays_total", Help: "Requests that were sent again with another token.",
		}, []string{"source", "result"}),
		served:  prometheus.NewDesc("mintage_consume_tokens_served_total", "Tokens handed out.", source, nil),
		expiry:  prometheus.NewDesc("mintage_consume_token_expiry_timestamp_seconds", "When the token ends; absent where there is none.", source, nil),
		waiting: prometheus.NewDesc("mintage_consume_waiting_callers", "Callers that wait for a token.", source, nil),
		retry:   prometheus.NewDesc("mintage_consume_retry_timestamp_seconds", "When the next try is due; absent where the last one succeeded.", source, nil),
		sources: map[string]*consume.Source{},
	}
}

// Observer returns the Observer of src, whose metrics have the label source with
// that name. A name that is used again stands for the later source.
func (m *Metrics) Observer(name string, src *consume.Source) consume.Observer {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[name] = src
	return &observer{m: m, name: name}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.fetches.Describe(ch)
	m.duration.Describe(ch)
	m.waited.Describe(ch)
	m.replays.Describe(ch)
	for _, d := range []*prometheus.Desc{m.served, m.expiry, m.waiting, m.retry} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.fetches.Collect(ch)
	m.duration.Collect(ch)
	m.waited.Collect(ch)
	m.replays.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, src := range m.sources {
		st := src.Status()
		ch <- prometheus.MustNewConstMetric(m.served, prometheus.CounterValue, float64(st.Served), name)
		ch <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(st.Waiting), name)
		if !st.Expires.IsZero() {
			ch <- prometheus.MustNewConstMetric(m.expiry, prometheus.GaugeValue, float64(st.Expires.Unix()), name)
		}
		if !st.RetryAt.IsZero() {
			ch <- prometheus.MustNewConstMetric(m.retry, prometheus.GaugeValue, float64(st.RetryAt.Unix()), name)
		}
	}
}

// observer is one source's.
type observer struct {
	m    *Metrics
	name string
}

func (*observer) FetchStarted(consume.Trigger) {}

func (o *observer) FetchEnded(f consume.Fetch) {
	o.m.fetches.WithLabelValues(o.name, string(f.Trigger), result(f.Err)).Inc()
	o.m.duration.WithLabelValues(o.name).Observe(f.Duration.Seconds())
}

func (o *observer) Waited(d time.Duration, _ error) {
	o.m.waited.WithLabelValues(o.name).Observe(d.Seconds())
}

func (o *observer) Replayed(status int, err error) {
	label := "other"
	switch {
	case status == http.StatusUnauthorized:
		label = "refused"
	case err != nil:
		label = "unreachable"
	case status < http.StatusBadRequest:
		label = "ok"
	}
	o.m.replays.WithLabelValues(o.name, label).Inc()
}

// codes are the error codes that are a label of their own.
var codes = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"invalid_target", "temporarily_unavailable", "server_error", "too_many_requests", "invalid_dpop_proof", "use_dpop_nonce",
}

// result is a word of a closed set.
func result(err error) string {
	e, ok := errors.AsType[*consume.Error](err)
	switch {
	case err == nil:
		return "ok"
	case ok && slices.Contains(codes, e.Code):
		return e.Code
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case ok && e.Status != 0:
		return "other"
	}
	return "unreachable"
}
