package server

import (
	"context"
	"errors"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

// censusInterval is how often clients, keys and drift are counted.
const censusInterval = 5 * time.Minute

// newMetrics returns the metrics of a server.
func (cfg *Config) newMetrics() *telemetry.Metrics {
	return telemetry.New(telemetry.Config{
		Version: cfg.Version, Commit: cfg.Commit, Clients: cfg.ClientLabels, LastBackup: cfg.lastBackup,
	})
}

// census counts clients, notes when keys end and what drifted.
func (s *Server) census(ctx context.Context) error {
	return errors.Join(s.censusClients(ctx), s.censusEnds(ctx), s.censusDrift(ctx))
}

func (s *Server) censusClients(ctx context.Context) error {
	counts, err := s.store.CountClients(ctx)
	if err != nil {
		return err
	}
	s.metrics.Clients(func(count func(tenant, status string, n int)) {
		for _, c := range counts {
			count(c.Tenant, "active", c.Clients-c.Disabled)
			count(c.Tenant, "disabled", c.Disabled)
		}
	})
	return nil
}

func (s *Server) censusEnds(ctx context.Context) error {
	ks, err := s.censusKeys(ctx)
	if err != nil {
		return err
	}
	s.metrics.Keys(func(note func(tenant, alg, state string, until float64)) {
		for _, k := range ks {
			note(k.Tenant, k.Alg, string(k.state), float64(k.until.Unix()))
		}
	})
	return nil
}

// keyEnd is when the state of a key ends. An active key that has no end yet is
// due to be replaced then.
type keyEnd struct {
	*mintage.SigningKey
	state mintage.KeyState
	until time.Time
}

// censusKeys reads the keys of as many tenants as have a label of their own.
func (s *Server) censusKeys(ctx context.Context) ([]keyEnd, error) {
	tenants, err := s.store.Tenants(ctx, store.Page{Limit: telemetry.MaxTenants})
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	var all []keyEnd
	for _, t := range tenants {
		ks, err := s.store.SigningKeys(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		for _, k := range ks {
			e := keyEnd{k, k.State(now), k.SignsUntil}
			switch due := keys.DueAt(k, s.manager.KeyPeriodOf(t)); {
			case e.state == mintage.KeyGone:
				continue
			case e.state == mintage.KeyRetiring:
				e.until = k.VerifiesUntil
			case !due.IsZero():
				e.until = due
			}
			all = append(all, e)
		}
	}
	return all, nil
}

// censusDrift compares what is there with the files that were applied, if
// anything changed since it did so last: it reads all that they declare.
func (s *Server) censusDrift(ctx context.Context) error {
	last, err := s.store.LastChange(ctx)
	if err != nil || s.driftAt != nil && *s.driftAt == last {
		return err
	}
	drift, err := s.manager.Drift(ctx)
	if err != nil {
		return err
	}
	s.driftAt = &last
	s.metrics.Drift(func(count func(tenant string, n int)) {
		for tenant, n := range drift {
			count(tenant, n)
		}
	})
	return nil
}
