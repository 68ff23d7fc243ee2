package server

import (
	"context"
	"net/http"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/telemetry"
)

// traceTimeout bounds how long a collector that does not answer can hold the
// end of the process.
const traceTimeout = 2 * time.Second

// traced is a route of a tenant with a span around each request. The span is
// named after the route, whose token paths are configuration and no input.
func (s *Server) traced(rt route, t *mintage.Tenant, param string) http.Handler {
	name := rt.path
	if name == tokenRoute {
		name = param
	}
	return s.tracing.Handler(func(*http.Request) string { return name },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rt.tenant(s, w, r, t, param) }))
}

// noteSpan says on the span of a request how it ended.
func (s *Server) noteSpan(ctx context.Context, o *issue.Outcome) {
	if s.tracing == nil {
		return
	}
	event := "answered"
	switch {
	case o.Error != "" && o.Endpoint == "token":
		event = "token.refused"
	case o.TokenID != "" && o.Endpoint == "token":
		event = "token.issued"
	}
	s.tracing.Note(ctx, event,
		telemetry.Attribute{Name: "oauth.grant_type", Value: o.GrantType},
		telemetry.Attribute{Name: "oauth.error", Value: o.Error},
		telemetry.Attribute{Name: "mintage.reason", Value: o.Reason},
		telemetry.Attribute{Name: "mintage.dialect", Value: o.Dialect},
		telemetry.Attribute{Name: "mintage.tenant", Value: o.Tenant},
		telemetry.Attribute{Name: "mintage.client_id", Value: o.ClientID},
		telemetry.Attribute{Name: "mintage.trace_id", Value: o.TraceID},
	)
}

// tracedAuth puts a span around client authentication, when tracing is on.
func (s *Server) tracedAuth(next issue.Authenticator) issue.Authenticator {
	if s.tracing == nil {
		return next
	}
	return spanAuth{next, s.tracing}
}

type spanAuth struct {
	issue.Authenticator
	tracing *telemetry.Tracing
}

// Authenticate implements issue.Authenticator.
func (a spanAuth) Authenticate(ctx context.Context, t *mintage.Tenant, r *clientauth.Request) (clientauth.Result, error) {
	ctx, end := a.tracing.Span(ctx, "mintage.client.authenticate")
	result, err := a.Authenticator.Authenticate(ctx, t, r)
	end(err)
	return result, err
}

// tracedClients puts a span around the search for a client, when tracing is on.
func (s *Server) tracedClients(next clientauth.Clients) clientauth.Clients {
	if s.tracing == nil {
		return next
	}
	return spanClients{next, s.tracing}
}

type spanClients struct {
	next    clientauth.Clients
	tracing *telemetry.Tracing
}

// Client implements clientauth.Clients.
func (c spanClients) Client(ctx context.Context, tenant, id string) (*mintage.Client, error) {
	ctx, end := c.tracing.Span(ctx, "mintage.store.client_get")
	client, err := c.next.Client(ctx, tenant, id)
	end(err)
	return client, err
}

// tracedMinter puts a span around making a token, when tracing is on.
func (s *Server) tracedMinter(next issue.Minter) issue.Minter {
	if s.tracing == nil {
		return next
	}
	return spanMinter{next, s.tracing}
}

type spanMinter struct {
	issue.Minter
	tracing *telemetry.Tracing
}

// Mint implements issue.Minter.
func (m spanMinter) Mint(ctx context.Context, az *mintage.Authorization) (*mintage.AccessToken, error) {
	ctx, end := m.tracing.Span(ctx, "mintage.token.sign")
	tok, err := m.Minter.Mint(ctx, az)
	end(err)
	return tok, err
}
