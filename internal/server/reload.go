package server

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// Live is what can change while a server runs.
type Live struct {
	// TLS and AdminTLS are read again. A listener that began without TLS stays
	// without, and one that began with it keeps its files where none are named.
	TLS, AdminTLS KeyFiles
	BehindProxy   []netip.Prefix // as in Config
	DrainTimeout  time.Duration  // as in Config
	// RequestsPerMinute is as in Config.
	RequestsPerMinute int
	DocsURL           string // as in Config
}

// Reload takes over all of l, or with an error nothing of it.
func (s *Server) Reload(l Live) error {
	pairs := []struct {
		pair  *KeyPair
		files KeyFiles
		cert  *tls.Certificate
	}{{pair: s.cfg.TLS, files: l.TLS}, {pair: s.cfg.AdminTLS, files: l.AdminTLS}}
	var errs []error
	for i := range pairs {
		if p := &pairs[i]; p.pair != nil && p.files != (KeyFiles{}) {
			var err error
			p.cert, err = readKeyPair(p.files)
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, p := range pairs {
		if p.cert != nil {
			p.pair.take(p.files, p.cert)
		}
	}
	s.peers.Store(&peers{proxies: l.BehindProxy})
	s.limits.BoundAddresses(l.RequestsPerMinute)
	s.docsURL.Store(&l.DocsURL)
	s.drainTimeout.Store(int64(max(l.DrainTimeout, 0)))
	return nil
}

// docs returns the DocsURL in force.
func (s *Server) docs() string { return *s.docsURL.Load() }

// limitAdmin counts a request of the admin API with those of its address.
func (s *Server) limitAdmin(r *http.Request) time.Duration {
	wait := s.limits.Address(s.peer(r).Addr, s.cfg.Now())
	if wait > 0 {
		s.metrics.RateLimited("limit.ip")
	}
	return wait
}
