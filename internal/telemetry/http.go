package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// OtherRoute is the route of a request that none has.
const OtherRoute = "other"

// httpServer is the duration of all requests by the semantic conventions of
// OpenTelemetry (http.server.request.duration).
type httpServer struct {
	duration *prometheus.HistogramVec

	mu     sync.RWMutex
	series map[httpSeries]prometheus.Observer // looking one up by its labels costs more than the rest
}

type httpSeries struct {
	method, route string
	status        int
	tls           bool
}

func newHTTPServer() *httpServer {
	return &httpServer{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds",
			Help: "Time that requests take, by route; a path that is no route is other.",
			// What the conventions say, and two below for answers from memory.
			Buckets: []float64{0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10},
		}, []string{"http_request_method", "http_route", "http_response_status_code", "url_scheme"}),
		series: map[httpSeries]prometheus.Observer{},
	}
}

// Serve lets next answer and notes how long it took. Route is a pattern of a
// closed set, and never a path that a caller chose.
func (m *Metrics) Serve(w http.ResponseWriter, r *http.Request, route string, next func(http.ResponseWriter, *http.Request)) {
	began := time.Now()
	sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	next(sw, r)
	m.http.observer(httpSeries{method(r.Method), route, sw.status, r.TLS != nil}).Observe(time.Since(began).Seconds())
}

func (h *httpServer) observer(s httpSeries) prometheus.Observer {
	h.mu.RLock()
	o := h.series[s]
	h.mu.RUnlock()
	if o != nil {
		return o
	}
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	o = h.duration.WithLabelValues(s.method, s.route, strconv.Itoa(s.status), scheme)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series[s] = o
	return o
}

// method returns a method as the conventions name it: one that HTTP does not
// know is _OTHER.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "_OTHER"
}
