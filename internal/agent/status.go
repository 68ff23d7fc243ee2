package agent

import (
	"fmt"
	"time"

	"github.com/mintage-auth/mintage/internal/telemetry"
)

// Status is what GET /status answers.
type Status struct {
	Version        string           `json:"version"`
	Since          time.Time        `json:"since"`
	Upstreams      []UpstreamStatus `json:"upstreams"`
	TokenEndpoints []EndpointStatus `json:"token_endpoints"`
}

// UpstreamStatus is one upstream.
type UpstreamStatus struct {
	Name        string      `json:"name"`
	URL         string      `json:"url,omitempty"`
	State       string      `json:"state"` // none, fresh, stale or expired
	Expires     *time.Time  `json:"expires,omitempty"`
	NextRefresh *time.Time  `json:"next_refresh,omitempty"`
	Queued      int64       `json:"queued"`
	Fetches     uint64      `json:"fetches"` // token requests
	Served      uint64      `json:"served"`  // tokens handed out, to all upstreams that share it
	Error       string      `json:"error,omitempty"`
	Last        *LastStatus `json:"last,omitempty"`
}

// LastStatus is how the last request ended.
type LastStatus struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // of the upstream's answer
	Error  string    `json:"error,omitempty"`  // the agent's own code where there was none
	TookMS float64   `json:"took_ms"`
}

// EndpointStatus is one caching token endpoint, with counts since the start.
type EndpointStatus struct {
	Path     string `json:"path"`
	URL      string `json:"url"`
	Requests uint64 `json:"requests"`
	Fetched  uint64 `json:"fetched"` // token requests to the server
	Saved    uint64 `json:"saved"`   // tokens that nobody had to issue
	Kept     int    `json:"kept"`    // answers in the cache
}

// Status returns what the agent knows, in the order of its file.
func (a *Agent) Status() Status {
	l := a.live.Load()
	s := Status{
		Version: a.deps.Version, Since: a.began.UTC().Truncate(time.Second),
		Upstreams: []UpstreamStatus{}, TokenEndpoints: []EndpointStatus{},
	}
	for _, c := range l.config.Upstreams {
		s.Upstreams = append(s.Upstreams, l.upstreams[c.Name].status())
	}
	for _, c := range l.config.TokenEndpoints {
		s.TokenEndpoints = append(s.TokenEndpoints, l.endpoints[c.Path].status())
	}
	return s
}

func (u *upstream) status() UpstreamStatus {
	st := u.keeper.source.Status()
	s := UpstreamStatus{
		Name: u.config.Name, State: string(st.State), Queued: u.seen.queued.Load(), Fetches: st.Fetches, Served: st.Served,
		Expires: instant(st.Expires), NextRefresh: instant(st.RenewAt),
	}
	if u.config.URL != nil {
		s.URL = u.config.URL.String()
	}
	if st.LastError != nil {
		s.Error, s.NextRefresh = st.LastError.Error(), instant(st.RetryAt)
	}
	if last := u.seen.last.Load(); last != nil {
		s.Last = &LastStatus{
			At: last.at.UTC().Truncate(time.Second), Status: last.status, Error: last.code,
			TookMS: float64(last.took.Round(100*time.Microsecond)) / float64(time.Millisecond),
		}
	}
	return s
}

// instant returns t in whole seconds UTC, or nil where there is none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// gauges sets the gauges for a scrape.
func (a *Agent) gauges() {
	var all []telemetry.Upstream
	for name, u := range a.live.Load().upstreams {
		all = append(all, telemetry.Upstream{Name: name, Expires: u.keeper.source.Status().Expires, Queued: u.seen.queued.Load()})
	}
	a.metrics.Upstreams(all)
}

// String is the last result in a few words.
func (l *LastStatus) String() string {
	switch {
	case l == nil:
		return ""
	case l.Status == 0:
		return l.Error
	}
	return fmt.Sprintf("%d in %.0f ms", l.Status, l.TookMS)
}
