package store

import (
	"context"
	"time"

	"github.com/mintage-auth/mintage"
)

// ClientStatus is what a client can be narrowed to.
type ClientStatus string

// Statuses of clients. A client can be of several.
const (
	ClientActive   ClientStatus = "active"
	ClientDisabled ClientStatus = "disabled"
	ClientRotating ClientStatus = "rotating"  // a secret of it retires
	ClientNoSecret ClientStatus = "no_secret" // none of its secrets is live
)

// ClientOrder is what a list of clients is sorted by. Those for whom it is the
// same are sorted by their identifiers, in the same direction.
type ClientOrder string

// Orders of clients.
const (
	ByClientID ClientOrder = ""
	ByName     ClientOrder = "name" // letters from A to Z without regard to their case
	ByCreated  ClientOrder = "created"
	ByLastUsed ClientOrder = "last_used" // never is before all
	ByExpires  ClientOrder = "expires"   // of the live secret that ends first, without those that retire; never is behind all
)

// ClientQuery asks for a part of the clients of a tenant. Empty members ask for
// all.
type ClientQuery struct {
	Tenant         string
	Text           string // in the name or the identifier, without regard to the case of letters from A to Z
	Name           string // exactly
	Status         ClientStatus
	ResourceServer string // identifier of one that the client has a grant at
	Organization   string
	ManagedBy      string
	Label          string  // name of a label
	LabelValue     *string // its value; nil: whatever
	// ExpiresUntil is when a live secret ends at the latest, without those that
	// retire.
	ExpiresUntil time.Time
	// UnusedSince is when no secret was used after, nor the client made.
	UnusedSince time.Time
	Now         time.Time // decides which secrets are live

	Order      ClientOrder
	Descending bool
	After      ClientMark // where the part begins; zero: the beginning
	Limit      int        // at most so many; zero: all
}

// ClientMark is a place in a list of clients: Key is of the order of the list.
type ClientMark struct{ Key, ID string }

// ListedClient is a client and its place in the list.
type ListedClient struct {
	*mintage.Client
	Mark ClientMark
}

// Tallies counts clients of a tenant, of which there may be millions.
type Tallies interface {
	// CountFound returns how many clients a query asks for, at most as many as
	// its limit. Order and After do not matter.
	CountFound(ctx context.Context, q ClientQuery) (int, error)
	// ClientTokenSettings returns the settings that clients of the tenant have for
	// their tokens, each once and in no order, without those that set nothing.
	ClientTokenSettings(ctx context.Context, tenant string) ([]mintage.TokenSettings, error)
}

// GrantCount is how many have a grant of exactly these scopes.
type GrantCount struct {
	Scopes        []string // sorted
	Clients       int      // disabled ones included
	Organizations int
}
