package gateway_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/internal/gateway"
)

// TestHealth: an upstream that fails its check gets no requests, and gets them
// again when it passes, whatever it speaks: one with h2 or h2c speaks nothing but
// HTTP/2.
func TestHealth(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	_, _, pair := authority.pair("backend")
	for scheme, start := range map[string]func(*httptest.Server){
		"http": (*httptest.Server).Start,
		"h2c": func(s *httptest.Server) {
			s.Config.Protocols.SetHTTP1(false)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
		},
		"h2": func(s *httptest.Server) {
			s.Config.Protocols.SetHTTP1(false)
			s.Config.Protocols.SetHTTP2(true)
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}}
			s.StartTLS()
		},
	} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			var well atomic.Bool
			b := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if (r.ProtoMajor == 2) != (scheme != "http") {
					t.Errorf("%s over %s", r.URL, r.Proto)
				}
				if r.URL.Path == "/health" && !well.Load() {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}))
			b.Config.Protocols = new(http.Protocols)
			b.Config.Protocols.SetHTTP1(true)
			start(b)
			t.Cleanup(b.Close)
			_, host, _ := strings.Cut(b.URL, "://")
			up := &gateway.Upstream{Name: "b", URL: scheme + "://" + host, Health: "/health", Interval: 200 * time.Millisecond}
			if scheme == "h2" {
				up.CA = authority.file
			}
			g := newGateway(t, &gateway.Config{
				AccessLog: gateway.LogOff, Upstreams: []*gateway.Upstream{up},
				Routes: []*gateway.Route{{Name: "b", Paths: []string{"/"}, Upstream: "b", Public: true}},
			}, gateway.Deps{})
			srv := front(t, g)
			answers := func(want int) func() bool {
				return func() bool {
					res, _ := call(t, "GET", srv.URL+"/", "", "", nil)
					return res.StatusCode == want
				}
			}
			await(t, "503", answers(http.StatusServiceUnavailable)) // upstream.unwell
			if all := metricsOf(t, g); !strings.Contains(all, `reason="upstream.unwell"`) {
				t.Errorf("/metrics does not say upstream.unwell:\n%s", all)
			}
			well.Store(true)
			await(t, "200", answers(http.StatusOK))
		})
	}
}
