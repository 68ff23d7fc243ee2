package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Agent are the counters of one agent. Upstreams and endpoints are named by its
// configuration, never by a caller. All methods may be called at the same time.
type Agent struct {
	registry  *prometheus.Registry
	refreshes *prometheus.CounterVec
	expiry    *prometheus.GaugeVec
	queued    *prometheus.GaugeVec
	requests  *prometheus.CounterVec
	replays   *prometheus.CounterVec
	asked     *prometheus.CounterVec
	saved     *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	reloads   *prometheus.CounterVec
}

// NewAgent returns counters that name the version and commit of the program.
func NewAgent(version, commit string) *Agent {
	a := &Agent{registry: prometheus.NewRegistry()}
	a.counters()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mintage_build_info",
		Help: "Always 1; the labels say which program this is.",
	}, []string{"version", "commit"})
	info.WithLabelValues(version, commit).Set(1)
	a.registry.MustRegister(
		info, a.refreshes, a.expiry, a.queued, a.requests, a.replays, a.asked, a.saved, a.refusals, a.reloads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return a
}

func (a *Agent) counters() {
	a.refreshes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_token_refreshes_total",
		Help: "Token requests of the agent for an upstream, by what led to them and their result.",
	}, []string{"upstream", "trigger", "result"})
	a.expiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mintage_agent_token_expiry_timestamp_seconds",
		Help: "When the token of an upstream ends; 0 while there is none.",
	}, []string{"upstream"})
	a.queued = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mintage_agent_queued_requests",
		Help: "Requests that wait for a token.",
	}, []string{"upstream"})
	a.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_requests_total",
		Help: "Requests passed on by the class of the answer; none is one that the agent answered itself.",
	}, []string{"upstream", "status"})
	a.replays = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_replays_total",
		Help: "Requests that were sent again with another token after a 401.",
	}, []string{"upstream"})
	a.asked = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_token_endpoint_requests_total",
		Help: "Token requests of applications at a caching endpoint.",
	}, []string{"endpoint", "result"})
	a.saved = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_tokens_saved_total",
		Help: "Tokens that applications got from a caching endpoint and nobody had to issue.",
	}, []string{"endpoint"})
	a.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_refusals_total",
		Help: "Requests that the agent refused before it looked at what they are for.",
	}, []string{"reason"})
	a.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mintage_agent_reloads_total",
		Help: "Times that the configuration was read again.",
	}, []string{"result"})
}

// Handler serves the metrics in the text format. Before is called for each
// scrape, to set the gauges.
func (a *Agent) Handler(before func()) http.Handler {
	next := promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{Registry: a.registry})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before()
		next.ServeHTTP(w, r)
	})
}

// Refresh counts a token request for an upstream. Trigger and result are words
// of closed sets.
func (a *Agent) Refresh(upstream, trigger, result string) {
	a.refreshes.WithLabelValues(upstream, trigger, result).Inc()
}

// Upstream is what the gauges of one upstream say.
type Upstream struct {
	Name    string
	Expires time.Time // zero: no token
	Queued  int64
}

// Upstreams takes the place of what the gauges said before.
func (a *Agent) Upstreams(all []Upstream) {
	a.expiry.Reset()
	a.queued.Reset()
	for _, u := range all {
		end := 0.0
		if !u.Expires.IsZero() {
			end = float64(u.Expires.Unix())
		}
		a.expiry.WithLabelValues(u.Name).Set(end)
		a.queued.WithLabelValues(u.Name).Set(float64(u.Queued))
	}
}

// Requests returns what counts the requests of an upstream by the class of
// their status, 0 for none to 5, and what counts replays: looked up once, since
// they are called for each request.
func (a *Agent) Requests(upstream string) (byClass [6]func(), replays func()) {
	for class := range byClass {
		label := strconv.Itoa(class) + "xx"
		if class == 0 {
			label = "none"
		}
		byClass[class] = a.requests.WithLabelValues(upstream, label).Inc
	}
	return byClass, a.replays.WithLabelValues(upstream).Inc
}

// TokenRequest counts a request at a caching endpoint by its result; a token
// that was saved counts as such.
func (a *Agent) TokenRequest(endpoint, result string, saved bool) { //nolint:revive // what happened
	a.asked.WithLabelValues(endpoint, result).Inc()
	if saved {
		a.saved.WithLabelValues(endpoint).Inc()
	}
}

// Refused counts a request that the guard refused; reason is of a closed set.
func (a *Agent) Refused(reason string) { a.refusals.WithLabelValues(reason).Inc() }

// Reloaded counts a reload; result is ok or refused.
func (a *Agent) Reloaded(result string) { a.reloads.WithLabelValues(result).Inc() }
