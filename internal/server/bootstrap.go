package server

import (
	"context"
	"errors"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// bootstrap makes the built-in tenant and admin.json at the first start, unless
// another node that starts at the same time is faster.
func (s *Server) bootstrap(ctx context.Context) error {
	err := s.bootstrapOnce(ctx)
	if errors.Is(err, mintage.ErrExists) {
		err = s.bootstrapOnce(ctx)
	}
	return err
}

func (s *Server) bootstrapOnce(ctx context.Context) error {
	adminURL, err := s.adminURL(ctx)
	if err != nil {
		return err
	}
	path := CredentialsPath(s.cfg.Data)
	made, err := s.manager.Bootstrap(ctx, adminURL, func(c *manage.Credentials) error {
		return writePrivateJSON(path, Credentials{URL: adminURL, ClientID: c.Client.ID, Secret: c.Secret})
	})
	if err == nil && made == nil {
		s.missCredentials(ctx)
	}
	return err
}

// adminURL returns the issuer of the built-in tenant: as configured, else as
// stored, else by the admin listener's address.
func (s *Server) adminURL(ctx context.Context) (string, error) {
	if s.cfg.AdminURL != "" {
		return s.cfg.AdminURL, nil
	}
	switch t, err := s.store.Tenant(ctx, mintage.BuiltInTenant); {
	case err == nil:
		return t.Issuer, nil
	case !errors.Is(err, mintage.ErrNotFound):
		return "", err
	}
	scheme := "http"
	if s.cfg.AdminTLS != nil {
		scheme = "https"
	}
	return scheme + "://" + s.admin.String(), nil
}
