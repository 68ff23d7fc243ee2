package store

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
)

// Requests keeps the request log. None of it is a change: the feed does not
// move.
type Requests interface {
	// WriteRequests keeps a batch in one transaction. A record that is there
	// already under its TraceID gets the Last, Count and findings of the second
	// look of the one given, and its traces beside its own; uses of a ladder are
	// added to those kept. Uses by clients that are gone are passed over.
	WriteRequests(ctx context.Context, records []*mintage.RequestRecord, uses []*mintage.LadderUse) error
	// Request returns the record of a trace id, of any tenant when it is empty,
	// without the other traces. ErrNotFound.
	Request(ctx context.Context, tenant, traceID string) (*mintage.RequestRecord, error)
	// Requests returns records, newest first, without their other traces.
	Requests(ctx context.Context, q RequestQuery) ([]*mintage.RequestRecord, error)
	// LadderUses returns those of the tenant's clients, sorted by client and
	// rung.
	LadderUses(ctx context.Context, tenant string) ([]*mintage.LadderUse, error)
	// SweepRequests deletes at most limit records whose Last is before the given
	// instant and says how many it deleted.
	SweepRequests(ctx context.Context, before time.Time, limit int) (int, error)
}

// RequestQuery asks for a part of the request log. Empty members ask for all.
type RequestQuery struct {
	Tenant string
	// Organization of the tenant, which owns the clients.
	Organization string
	Reason       string // Reason, Second or one of Notes
	ClientID     string
	Dialect      string
	Address      string
	Refused      bool      // only those with an error
	Warned       bool      // only those that were answered with a warning
	Issued       bool      // only tokens that were issued as asked: their reason is ok
	Since        time.Time // whose Last is not before it
	Until        time.Time // whose Time is before it
	Before       string    // trace id that the part begins after, going back in time
	Limit        int       // at most so many; zero: all
}
