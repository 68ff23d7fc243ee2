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
// found to be no good token, and counts uses of the ladder.
func (b *background) keep(o *issue.Outcome) {
	noted := o.Error != "" || len(o.Warnings) > 0 || o.Endpoint == "introspect" && !o.Active
	if !noted && len(o.Weak) == 0 {
		return
	}
	at, address := b.now(), ""
	if o.RemoteIP.IsValid() {
		address = o.RemoteIP.String()
	}
	for _, rung := range o.Weak {
		b.requests.Weak(o.Tenant, o.ClientID, rung, address, at)
	}
	if !noted {
		return // the client's ladder allows it
	}
	if r := recordOf(o, at, address); o.Puzzling() {
		b.requests.Hold(r)
	} else {
		b.requests.Add(r)
	}
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
