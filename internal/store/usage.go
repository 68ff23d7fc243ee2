package store

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
)

// Usage counts how requests to token endpoints ended. None of it is a change:
// the feed does not move.
type Usage interface {
	// AddUsage adds to what is kept, in one transaction, whoever else does.
	AddUsage(ctx context.Context, counts []*mintage.UsageCount) error
	// Usage returns the sums of what the query asks for, sorted by what they are
	// grouped by. Members that they are not grouped by are zero.
	Usage(ctx context.Context, q UsageQuery) ([]*mintage.UsageCount, error)
	// RollUsage moves at most limit counts of spans of one length that began
	// before the given instant to the spans of another length that they belong to,
	// and says how many it moved; to zero, it deletes them.
	RollUsage(ctx context.Context, from, to time.Duration, before time.Time, limit int) (int, error)
}

// UsageQuery asks for sums of usage. Empty members ask for all.
type UsageQuery struct {
	Tenant string
	// Organization of the tenant, which owns the clients.
	Organization string
	ClientID     string
	Clients      []string // of any of these; nil: of all
	Reason       string   // of the refusals
	Issued       bool     // only issued tokens
	Refused      bool     // only refusals
	Since        time.Time
	Until        time.Time // spans that begin before it

	// What the sums are grouped by.
	Step                                              time.Duration // spans of this length; zero: not by time
	ByTenant, ByClient, ByReason, ByAudience, ByScope bool
	Limit                                             int // at most so many; zero: all
}
