package gateway

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

// AdminHandler serves /healthz, /readyz, /metrics, the keys of internal tokens
// at /.well-known/jwks.json, and what operators want to know at /gateway/v1.
func (g *Gateway) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, health{Status: reasonOK})
	})
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", g.metrics.Handler())
	mux.HandleFunc("GET /.well-known/jwks.json", g.jwks)
	mux.HandleFunc("GET /gateway/v1/would-refuse", func(w http.ResponseWriter, _ *http.Request) {
		list, lost := g.observed.all()
		writeJSON(w, http.StatusOK, map[string]any{"items": list, "not_listed": lost})
	})
	mux.HandleFunc("GET /gateway/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, g.status())
	})
	return mux
}

// health is what /healthz and /readyz answer.
type health struct {
	Status string            `json:"status"` // ok or failing
	Checks map[string]string `json:"checks,omitempty"`
}

// Drain makes /readyz fail, so that a balancer sends no more requests.
func (g *Gateway) Drain() { g.draining.Store(true) }

// readyz says whether requests can be served. An upstream that is unwell does
// not count: other routes may be served, and a balancer that took all gateways
// away would serve none.
func (g *Gateway) readyz(w http.ResponseWriter, _ *http.Request) {
	h := health{Status: reasonOK, Checks: map[string]string{"draining": "no"}}
	fail := func(check, why string) { h.Status, h.Checks[check] = "failing", why }
	l := g.live.Load()
	if g.draining.Load() {
		fail("draining", "the gateway is stopping")
	}
	for name, i := range l.issuers {
		if i.accepted.Introspector == nil && i.keys.Status().Keys == 0 {
			fail("keys "+name, "the keys of the issuer have not been fetched")
		}
	}
	for name, u := range l.upstreams {
		if u.unwell.Load() {
			h.Checks["upstream "+name] = "it fails its health check"
		}
	}
	status := http.StatusOK
	if h.Status != reasonOK {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, h)
}

// jwks serves the keys of internal tokens.
func (g *Gateway) jwks(w http.ResponseWriter, r *http.Request) {
	t := g.live.Load().internal
	if t == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(t.keySet())
}

// Status is how the gateway is.
type Status struct {
	Issuers   []IssuerStatus   `json:"issuers"`
	Upstreams []UpstreamStatus `json:"upstreams"`
	Routes    []RouteStatus    `json:"routes"`
	Streams   int64            `json:"streams"` // open ones that end with their token
}

// IssuerStatus is what is known of an issuer; seconds are null where there is
// nothing yet.
type IssuerStatus struct {
	Issuer      string   `json:"issuer"`
	Keys        int      `json:"keys"`
	KeysAge     *float64 `json:"keys_age_seconds"`
	Staleness   *float64 `json:"revocation_staleness_seconds,omitempty"`
	Revocations *int     `json:"revocations,omitempty"`
	Way         string   `json:"revocations_by,omitempty"` // stream, long poll or poll
	Error       string   `json:"error,omitempty"`
}

// UpstreamStatus is how a backend is.
type UpstreamStatus struct {
	Upstream string `json:"upstream"`
	Healthy  bool   `json:"healthy"`
}

// RouteStatus is a route as it is in force.
type RouteStatus struct {
	Route   string   `json:"route"`
	Host    string   `json:"host,omitempty"`
	Paths   []string `json:"paths"`
	Methods []string `json:"methods,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
	Mode    string   `json:"mode"`
	Public  bool     `json:"public,omitempty"`
}

func (g *Gateway) status() Status {
	l := g.live.Load()
	s := Status{Streams: g.streams.Load(), Issuers: []IssuerStatus{}, Upstreams: []UpstreamStatus{}}
	for _, c := range l.config.Issuers {
		s.Issuers = append(s.Issuers, l.issuers[c.Name].status())
	}
	for _, u := range l.config.Upstreams {
		s.Upstreams = append(s.Upstreams, UpstreamStatus{u.Name, !l.upstreams[u.Name].unwell.Load()})
	}
	for _, r := range l.config.Routes {
		s.Routes = append(s.Routes, RouteStatus{r.Name, r.Host, r.Paths, r.Methods, r.Scopes, r.Mode, r.Public})
	}
	return s
}

func (i *issuer) status() IssuerStatus {
	keys := i.keys.Status()
	s := IssuerStatus{Issuer: i.config.Name, Keys: keys.Keys, KeysAge: seconds(keysAge(keys.Fetched))}
	err := keys.Err
	if i.feed != nil {
		f := i.feed.Status()
		s.Staleness, s.Revocations, s.Way = seconds(stale(i.feed.Staleness())), &f.Revocations, f.Way
		if f.Err != nil {
			err = f.Err
		}
	}
	if err != nil {
		s.Error = err.Error()
	}
	return s
}

// keysAge is in seconds, endless where keys were never fetched.
func keysAge(fetched time.Time) float64 {
	if fetched.IsZero() {
		return math.Inf(1)
	}
	return time.Since(fetched).Seconds()
}

// stale is in seconds, endless where nothing was ever heard.
func stale(d time.Duration) float64 {
	if d < 0 {
		return math.Inf(1)
	}
	return d.Seconds()
}

// seconds returns nil for an endless time, which JSON does not have.
func seconds(v float64) *float64 {
	if math.IsInf(v, 0) {
		return nil
	}
	v = math.Round(v*1000) / 1000
	return &v
}

// state is what the metrics ask for.
func (g *Gateway) state() telemetry.GatewayState {
	return telemetry.GatewayState{
		Staleness: func(report func(string, float64)) {
			for name, i := range g.live.Load().issuers {
				if i.feed != nil {
					report(name, stale(i.feed.Staleness()))
				}
			}
		},
		KeysAge: func(report func(string, float64)) {
			for name, i := range g.live.Load().issuers {
				report(name, keysAge(i.keys.Status().Fetched))
			}
		},
		Upstreams: func(report func(string, bool)) {
			for name, u := range g.live.Load().upstreams {
				report(name, !u.unwell.Load())
			}
		},
		Streams: func() int { return int(g.streams.Load()) },
		Connections: func(report func(string, int)) {
			if s := g.opened.Load(); s != nil {
				for _, l := range s.all {
					report(l.name, l.counts.len())
				}
			}
		},
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone if this fails
}
