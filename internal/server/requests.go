package server

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/requestlog"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
)

// owners says whose a secret is, by the hash that it has whoever owns it.
type owners struct {
	store.Owners
	hasher *secret.Hasher
}

// SecretOwner implements issue.Owners.
func (o owners) SecretOwner(ctx context.Context, candidate string) (*mintage.SecretOwner, error) {
	return o.Owners.SecretOwner(ctx, o.hasher.HashGenerated(candidate))
}

// found keeps what a second look found, if anything.
func (b *background) found(traceID string, f issue.Finding) {
	b.requests.Found(traceID, requestlog.Finding(f))
}

// keep notes in the request log what was refused, answered with a warning or
// found to be no good token, and tokens, and counts uses of the ladder.
func (b *background) keep(o *issue.Outcome, at time.Time) {
	noted := o.Error != "" || len(o.Warnings) > 0 || o.Endpoint == "introspect" && !o.Active
	if !noted && len(o.Weak) == 0 {
		b.keepIssued(o, at)
		return
	}
	address := ""
	if o.RemoteIP.IsValid() {
		address = o.RemoteIP.String()
	}
	for _, rung := range o.Weak {
		b.requests.Weak(o.Tenant, o.ClientID, rung, address, at)
	}
	if !noted { // the client's ladder allows it
		b.keepIssued(o, at)
		return
	}
	if r := recordOf(o, at, address); o.Puzzling() {
		b.requests.Hold(r)
	} else {
		b.requests.Add(r)
	}
}

// keepIssued notes a token that was issued as asked.
func (b *background) keepIssued(o *issue.Outcome, at time.Time) {
	if o.TokenID == "" {
		return
	}
	b.requests.Issued(&requestlog.Issued{
		TraceID: o.TraceID, Tenant: o.Tenant, ClientID: o.ClientID, ClientName: o.ClientName, Dialect: o.Dialect, AuthMethod: o.AuthMethod,
		GrantType: o.GrantType, Address: o.RemoteIP, ScopeAsked: o.ScopeAsked, ScopeGranted: o.ScopeGranted, Status: o.Status,
	}, at)
}

func recordOf(o *issue.Outcome, at time.Time, address string) *mintage.RequestRecord {
	r := &mintage.RequestRecord{
		TraceID: o.TraceID, Tenant: o.Tenant, Time: at, ClientID: o.ClientID, ClientName: o.ClientName,
		Endpoint: o.Endpoint, Dialect: o.Dialect, AuthMethod: o.AuthMethod, GrantType: o.GrantType, Address: address,
		Error: o.Error, Reason: o.Reason, Status: o.Status, Notes: o.Notes,
		ScopeAsked: o.ScopeAsked.String(), ScopeGranted: o.ScopeGranted.String(), Ignored: o.Ignored, DidYouMean: o.DidYouMean,
	}
	if r.Error == "" && (o.Active || o.Endpoint != "introspect") {
		r.Reason = o.Warnings[0]
	}
	return r
}
