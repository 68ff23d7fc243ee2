package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/store"
)

const (
	// feedLate is how long the change feed may go unread before the node says
	// that it is not ready: what it knows may be out of date.
	feedLate = 5 * time.Second

	// probeTimeout bounds one look at the database.
	probeTimeout = 2 * time.Second
)

// health is what /healthz and /readyz answer.
type health struct {
	Status string            `json:"status"` // ok or failing
	Checks map[string]string `json:"checks,omitempty"`
}

// healthz says that the process answers.
func healthz(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, health{Status: "ok"})
}

// readyz says whether the server can do all that it is for, and if not, why.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	writeHealth(w, s.health(r.Context()))
}

// health looks at all that the server needs.
func (s *Server) health(ctx context.Context) health {
	ctx, cancel := store.WithPatience(ctx, probeTimeout)
	defer cancel()
	h := health{Status: "ok", Checks: map[string]string{"store": "ok", "changes": "ok", "key": "ok", "draining": "no"}}
	if err := s.store.Ping(ctx); err != nil {
		h.fail("store", "the database does not answer")
		h.Checks["key"] = "not looked at, for want of the database"
	} else if err := s.canSign(ctx); err != nil {
		h.fail("key", "the administration has no key that signs")
	}
	if s.directory.Age() > feedLate {
		h.fail("changes", "the change feed could not be read for "+feedLate.String())
	}
	if s.draining.Load() {
		h.fail("draining", "the server is stopping")
	}
	return h
}

// probesWhileDraining serves h until the server stops, and then only what asks
// how the server is: the rest goes to another node, or is tried again.
func (s *Server) probesWhileDraining(h http.Handler) http.Handler {
	probes := []string{"/healthz", "/readyz", "/metrics"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.draining.Load() || slices.Contains(probes, r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		stopping := health{Checks: map[string]string{}}
		stopping.fail("draining", "the server is stopping")
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		writeHealth(w, stopping)
	})
}

// canSign says whether the built-in tenant, whose tokens administer, has a key
// that signs now. The keys of other tenants are their own: one without does not
// take the server away from the rest.
func (s *Server) canSign(ctx context.Context) error {
	ring, err := s.directory.Ring(ctx, mintage.BuiltInTenant)
	if err != nil {
		return err
	}
	_, err = ring.Signer(mintage.DefaultTokenAlg, s.cfg.Now())
	return err
}

func (h *health) fail(check, why string) {
	h.Status = "failing"
	h.Checks[check] = why
}

func writeHealth(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status != "ok" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // the caller is gone if this fails
}
