package mintagetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
)

// Credentials are a client's id and secret.
type Credentials struct{ ID, Secret string }

// String hides the secret.
func (c Credentials) String() string { return c.ID + ":(hidden)" }

// GoString is String, so that %#v hides the secret too.
func (c Credentials) GoString() string { return c.String() }

// ClientOptions say what a client is like. The zero value is one like
// Server.ClientID, with settings of the dialect alone.
type ClientOptions struct {
	Scopes []string // nil: all of the API
	// Life, Format and Alg are as those of Options.
	Life        time.Duration
	Format, Alg string
}

// AddClient makes a client, which every dialect knows. Give each agent under
// test one of its own where tokens are refused: the issuer cannot tell the
// instances of a client apart.
func (s *Server) AddClient(o ClientOptions) Credentials {
	s.t.Helper()
	c := Credentials{ID: secret.NewClientID(), Secret: newSecret()}
	if !s.opts.known(o.Scopes) {
		s.fail("AddClient", errUnknown("scope", strings.Join(o.Scopes, " ")))
	}
	s.do("AddClient", func(ctx context.Context) error {
		client := s.declare(c.ID, c.Secret, Options{Life: o.Life, Format: o.Format, Alg: o.Alg}.token())
		if o.Scopes != nil {
			client.Grants[0].Scopes = o.Scopes
		}
		return s.apply(ctx, &apply.State{APIVersion: apply.APIVersion, Clients: []apply.Client{client}}, false)
	})
	return c
}

// RotateSecret gives a client a new secret and returns it. The old one is
// refused from now on.
func (s *Server) RotateSecret(clientID string) string {
	s.t.Helper()
	fresh := newSecret()
	s.do("RotateSecret", func(ctx context.Context) error {
		m := s.server.Manager()
		old, err := m.Client(ctx, tenant, clientID)
		if err != nil {
			return err
		}
		c := s.declare(clientID, fresh, nil)
		c.Grants, c.Ladder = nil, nil // as they are
		if err := s.apply(ctx, &apply.State{APIVersion: apply.APIVersion, Clients: []apply.Client{c}}, false); err != nil {
			return err
		}
		for _, label := range old.Secrets {
			for _, id := range tenants() {
				if err := m.RevokeSecret(ctx, manage.Server(), id, clientID, label.Name, true); err != nil {
					return fmt.Errorf("the old secret: %w", err)
				}
			}
		}
		return nil
	})
	return fresh
}

// apply makes declared state so.
func (s *Server) apply(ctx context.Context, state *apply.State, keysLater bool) error {
	_, err := s.server.Manager().Apply(ctx, manage.Server(), manage.Declared{State: state, Source: source, KeysLater: keysLater})
	return err
}
