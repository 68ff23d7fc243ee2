package server

import (
	"context"
	"net/http"
	"strconv"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/usage"
)

// observe counts how a request ended.
func (s *Server) observe(ctx context.Context, o *issue.Outcome) {
	s.noteSpan(ctx, o)
	if s.cfg.Observe != nil {
		s.cfg.Observe(o)
	}
	if !s.cfg.Unrecorded {
		s.record(o)
	}
	if o.Status == http.StatusTooManyRequests {
		s.metrics.RateLimited(o.Reason)
	}
	if o.Error != "" {
		s.metrics.Refusal(o.Tenant, o.Endpoint, o.Error, o.Reason)
	}
	for _, reason := range o.Notes {
		s.metrics.Warning(o.Tenant, o.Dialect, reason)
	}
	if o.AuthMethod != "" {
		result := "ok"
		if o.SecretID == "" && o.Error != "" { // nobody proved to be anybody
			result = o.Reason
		}
		s.metrics.ClientAuth(o.AuthMethod, result)
	}
	switch o.Endpoint {
	case "token":
		s.metrics.TokenRequest(o.Tenant, o.ClientID, o.Dialect, o.GrantType, o.Error, o.Reason, o.Duration)
		if o.TokenID != "" && o.Error == "" {
			s.metrics.TokenIssued(o.Tenant, o.ClientID, string(o.Format), o.Alg)
		}
	case "introspect":
		s.metrics.Introspection(o.Tenant, strconv.FormatBool(o.Active), o.Reason)
	}
}

// record keeps what people are shown of requests.
func (s *Server) record(o *issue.Outcome) {
	now := s.cfg.Now()
	if o.SecretID != "" {
		s.lastUse.Note(o.Tenant, o.ClientID, o.SecretID, now, o.RemoteIP)
	}
	s.keep(o, now)
	if o.Endpoint == "token" {
		s.count(o)
	}
}

// count counts how a token request ended.
func (b *background) count(o *issue.Outcome) {
	if o.Tenant == "" {
		return
	}
	e := usage.Ended{Tenant: o.Tenant, Reason: o.Reason}
	switch {
	case o.Error == "" && o.TokenID == "": // it asked for none
		return
	case o.Error == "":
		e.ClientID, e.Reason, e.Audience, e.Scope, e.Lifetime = o.ClientID, "", o.Audience, o.ScopeGranted, o.ExpiresIn
	case o.KnownClient():
		e.ClientID = o.ClientID
	}
	b.usage.Count(o.TraceID[len(o.TraceID)-1], &e) // which is random
}

// revoker lets a client end its own token, as a change like any other.
type revoker struct {
	manager *manage.Manager
}

// RevokeToken implements issue.Revoker.
func (r revoker) RevokeToken(ctx context.Context, tok issue.RevokedToken) error {
	by := manage.By{
		Actor: mintage.Actor{Tenant: tok.Tenant, ClientID: tok.ClientID, Address: tok.Address},
		Via:   "api", TraceID: tok.TraceID,
	}
	return r.manager.RevokeToken(ctx, by, tok.Tenant, tok.JTI, tok.ClientID, tok.Expires)
}
